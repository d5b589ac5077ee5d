-- What other programs write with the columns they know is found like everything else: by search, and by the person it speaks of.

-- Conversations that another program has written and nobody has indexed since. `n` is another one with every such write, so that a
-- server that has indexed what was there before does not take the newer write for done.
CREATE TABLE conversation_unindexed (
  id VARCHAR(64) COLLATE "C" NOT NULL PRIMARY KEY,
  n BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE,
  leased_until TIMESTAMPTZ NOT NULL DEFAULT '-infinity'
);

-- As before; and what was known of the text and the persons of before is known no more.
CREATE OR REPLACE FUNCTION itera_complete_row() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.status <> 'deleted' AND itera_is_erased(NEW.id) THEN
    RETURN NULL;
  END IF;
  NEW.writes := NEW.writes + 1;
  IF TG_OP = 'INSERT' OR NEW.messages IS DISTINCT FROM OLD.messages OR NEW.metadata IS DISTINCT FROM OLD.metadata THEN
    NEW.version := 0;
    NEW.archived_version := 0;
    NEW.archived_head := NULL;
    NEW.entries := NULL;
    NEW.apart := NULL;
    NEW.subjects := '{}';
    NEW.indexed_seq := 0;
    NEW.incarnation := 'a' || to_hex(itera_ms(coalesce(NEW.archived_at, NEW.last_activity)));
    NEW.bytes := octet_length(NEW.messages::TEXT);
    IF NEW.status <> 'deleted' THEN
      NEW.message_count := CASE WHEN jsonb_typeof(NEW.messages) = 'array' THEN jsonb_array_length(NEW.messages) ELSE 0 END;
    END IF;
  END IF;
  IF NEW.source = '' THEN
    NEW.source := CASE
      WHEN jsonb_typeof(NEW.metadata -> 'source') = 'string' THEN coalesce(nullif(NEW.metadata ->> 'source', ''), 'unknown')
      ELSE 'unknown'
    END;
  END IF;
  IF NEW.status = 'deleted' THEN
    NEW.wiped := true;
    NEW.subjects := '{}';
    NEW.indexed_seq := 0;
  END IF;
  RETURN NEW;
END $$;

-- Once the row is written, and so after its lock: who indexes takes the two in the same order.
CREATE FUNCTION itera_note_unindexed() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    DELETE FROM conversation_texts t WHERE t.id = NEW.id;
  END IF;
  IF NOT NEW.wiped THEN
    INSERT INTO conversation_unindexed (id) VALUES (NEW.id)
    ON CONFLICT (id) DO UPDATE SET n = DEFAULT, leased_until = DEFAULT;
  END IF;
  RETURN NULL;
END $$;

-- Our own rows have entries; nothing is new while rows are moved between partitions.
CREATE TRIGGER itera_note_inserted AFTER INSERT ON conversations
  FOR EACH ROW WHEN (
    NEW.version = 0 AND NEW.archived_version = 0 AND NEW.entries IS NULL AND coalesce(current_setting('itera.moving', true), '') <> 'on'
  ) EXECUTE FUNCTION itera_note_unindexed();
CREATE TRIGGER itera_note_updated AFTER UPDATE ON conversations
  FOR EACH ROW WHEN (
    (NEW.status = 'deleted' AND OLD.status <> 'deleted')
    OR (
      NEW.version = 0 AND NEW.archived_version = 0 AND NEW.entries IS NULL AND NEW.indexed_seq = 0 AND NEW.subjects = '{}'
      AND (OLD.version <> 0 OR OLD.metadata IS DISTINCT FROM NEW.metadata OR OLD.messages IS DISTINCT FROM NEW.messages)
    )
  ) EXECUTE FUNCTION itera_note_unindexed();

-- Directory.unindexed: the oldest, each for one server at a time.
CREATE FUNCTION itera_unindexed(at_most INTEGER, lease_ms DOUBLE PRECISION, clock DOUBLE PRECISION) RETURNS JSON
LANGUAGE sql VOLATILE AS $$
  WITH taken AS (
    UPDATE conversation_unindexed u SET leased_until = itera_now(clock) + lease_ms * INTERVAL '1 millisecond'
    WHERE u.n IN (
      SELECT free.n FROM conversation_unindexed free WHERE free.leased_until <= itera_now(clock)
      ORDER BY free.n LIMIT at_most FOR UPDATE SKIP LOCKED
    )
    RETURNING u.id, u.n
  )
  SELECT coalesce(json_agg(json_build_object('id', taken.id, 'n', taken.n::TEXT) ORDER BY taken.n), '[]') FROM taken
$$;

-- Directory.indexUnindexed: of the row as it was when it was handed out, whose number is `mark`. The head stays as it is. Where the row was
-- written again meanwhile, nothing happens; where it is one of ours by now, or gone, the number alone goes.
CREATE FUNCTION itera_index_unindexed(wanted TEXT, mark BIGINT, its_subjects TEXT[], upto INTEGER, stretches JSONB) RETURNS BOOLEAN
LANGUAGE plpgsql AS $$
DECLARE
  fits BOOLEAN;
BEGIN
  PERFORM itera_lock(wanted);
  SELECT c.version = 0 AND c.archived_version = 0 AND c.entries IS NULL AND NOT c.wiped AND c.status <> 'deleted' INTO fits
  FROM conversations c WHERE c.id = wanted FOR UPDATE;
  DELETE FROM conversation_unindexed u WHERE u.id = wanted AND u.n = mark;
  IF NOT FOUND OR fits IS NOT TRUE THEN
    RETURN false;
  END IF;
  UPDATE conversations c SET subjects = its_subjects, indexed_seq = upto, writes = c.writes + 1 WHERE c.id = wanted;
  PERFORM itera_put_text(wanted, 0, stretches);
  RETURN true;
END $$;

-- What other programs have written up to now, and older tables have brought.
INSERT INTO conversation_unindexed (id)
SELECT c.id FROM conversations c WHERE c.version = 0 AND c.archived_version = 0 AND c.entries IS NULL AND NOT c.wiped ORDER BY c.id;
