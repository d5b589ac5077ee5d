-- The whole schema of itera-conversations for PostgreSQL 14 or later, for an empty schema of a database:
--
--   psql -h your-db-host -U username -d database -f database/conversation-schema.sql
--
-- It needs no superuser: the role must be allowed to create in the schema. It is the numbered migrations in one transaction, and
-- `itera migrate` finds nothing to do after it. A database that has a table conversations already is upgraded by
-- `itera migrate`, not by this file. For IDs with another prefix than ITERA set PGOPTIONS="-c itera.id_prefix=NAME" for that command. Made by `npm run schema`; change the migrations, not this.

\set ON_ERROR_STOP on

BEGIN;

CREATE TABLE conversation_migrations (
  number INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  checksum TEXT NOT NULL,
  ran_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);

-- Migration 001-conversations

-- Conversations in PostgreSQL 14 or later: archive and directory. An entry and an archived transcript are one row of `conversations`, so
-- existing SQL reads and writes it as ever; what is over is dropped by the month.
--
-- Everything lies in the first schema of the search_path and is found through it: no name here is qualified. Functions that need the
-- time take it in epoch milliseconds; null means the clock of PostgreSQL.

-- What holds for the whole database, by name: `id_prefix`; `retention_years` for cleanup_old_conversations(), 7 where it is missing.
CREATE TABLE IF NOT EXISTS conversation_meta (
  key TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
);
INSERT INTO conversation_meta (key, value)
VALUES ('id_prefix', coalesce(nullif(current_setting('itera.id_prefix', true), ''), 'ITERA'))
ON CONFLICT (key) DO NOTHING;

-- Never purged, and in every backup: what it names does not come back. `n` counts without a gap.
CREATE TABLE conversation_erasures (
  n BIGINT NOT NULL PRIMARY KEY,
  id VARCHAR(64) COLLATE "C" NOT NULL UNIQUE,
  at TIMESTAMPTZ NOT NULL,
  by TEXT NOT NULL
);

-- A row for each conversation, live or over. The columns up to `archive_reason` are those of older programs, which may write them alone:
-- all others have defaults, and what these cannot tell a trigger fills in.
--
-- The row is what is newest known of the conversation (`version`, `status`, `metadata` with the session's three keys, …). `messages` is the
-- archived transcript, `entries` the time, key, digest and size of each of its messages (and its exact text, where JSONB would spell it at
-- many times its length). `archived_version` is the version that was archived; null: the transcript is not here, the row is an entry
-- alone. If the conversation has changed since, `archived_head` is what it was when it was archived. `apart`: metadata and session
-- where they cannot be told from `metadata`. `writes` grows with every write of ours: where it does not, another program wrote.
CREATE TABLE conversations (
  id VARCHAR(64) COLLATE "C" NOT NULL PRIMARY KEY,
  created TIMESTAMPTZ NOT NULL,
  last_activity TIMESTAMPTZ NOT NULL,
  status VARCHAR(20) NOT NULL DEFAULT 'active',
  message_count INTEGER NOT NULL DEFAULT 0,
  metadata JSONB NOT NULL DEFAULT '{}',
  messages JSONB NOT NULL DEFAULT '[]',
  completed_at TIMESTAMPTZ,
  archived_at TIMESTAMPTZ,
  archive_reason VARCHAR(50),
  source TEXT NOT NULL DEFAULT '',
  incarnation TEXT NOT NULL DEFAULT '',
  version BIGINT NOT NULL DEFAULT 0,
  revision BIGINT NOT NULL DEFAULT 0,
  bytes BIGINT NOT NULL DEFAULT 0,
  last_access TIMESTAMPTZ,
  expires_at TIMESTAMPTZ,
  warned_for TIMESTAMPTZ,
  wiped BOOLEAN NOT NULL DEFAULT false,
  hold BOOLEAN NOT NULL DEFAULT false,
  token_epoch BIGINT NOT NULL DEFAULT 0,
  keyring TEXT,
  subjects TEXT[] NOT NULL DEFAULT '{}',
  apart JSONB,
  entries JSONB,
  archived_version BIGINT DEFAULT 0,
  archived_head JSONB,
  indexed_seq INTEGER NOT NULL DEFAULT 0,
  writes BIGINT NOT NULL DEFAULT 0,
  CONSTRAINT conversations_status_check CHECK (status IN ('active', 'completed', 'archived', 'deleted'))
) PARTITION BY RANGE (id);

CREATE INDEX idx_conversations_created ON conversations (created);
CREATE INDEX idx_conversations_last_activity ON conversations (last_activity);
-- With the ID, so that a list of one status is read in its order.
CREATE INDEX idx_conversations_status ON conversations (status, id);
CREATE INDEX idx_conversations_metadata_gin ON conversations USING GIN (metadata);
CREATE INDEX idx_conversations_source ON conversations (source, status, id);
CREATE INDEX idx_conversations_subjects ON conversations USING GIN (subjects) WITH (fastupdate = off) WHERE subjects <> '{}';
CREATE INDEX idx_conversations_hold ON conversations (last_activity) WHERE hold;

-- What was said, as plain text and as words, in stretches ("parts") of some 16 KiB. `texts` are the messages of a part or pieces of
-- them, `seqs` the seq of each. `words`: each word once, in lower case and without accents, with the place in `texts` at which it was said
-- first; and the marks ~YYYYMMDD, the day of the ID, and ~several, where the conversation has other parts.
CREATE TABLE conversation_texts (
  id VARCHAR(64) COLLATE "C" NOT NULL,
  part INTEGER NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  seqs INTEGER[] NOT NULL,
  texts TEXT[] NOT NULL,
  words TSVECTOR NOT NULL,
  writes BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (id, part)
) PARTITION BY RANGE (id);
-- Written at once: a list of what is pending would have to be read through by every search.
CREATE INDEX conversation_texts_words ON conversation_texts USING GIN (words) WITH (fastupdate = off);

-- Counts by day of creation and source, kept up with every row, so that what is purged stays counted. Each connection counts in a slot
-- of its own, so that they do not wait for each other; the sum is what counts.
CREATE TABLE conversation_days (
  day DATE NOT NULL,
  source TEXT NOT NULL,
  slot INTEGER NOT NULL,
  total BIGINT NOT NULL,
  completed BIGINT NOT NULL,
  archived BIGINT NOT NULL,
  messages BIGINT NOT NULL,
  milliseconds BIGINT NOT NULL,
  PRIMARY KEY (day, source, slot)
) WITH (fillfactor = 50);

CREATE TABLE conversation_events (
  n BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  id VARCHAR(64) COLLATE "C" NOT NULL,
  at TIMESTAMPTZ NOT NULL,
  type TEXT NOT NULL,
  details JSONB NOT NULL
);
CREATE INDEX conversation_events_id ON conversation_events (id, at, n);
CREATE INDEX conversation_events_at ON conversation_events (at);

-- ---------------------------------------------------------------------------------------------------------------------------------------
-- Times and heads
-- ---------------------------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION itera_time(ms DOUBLE PRECISION) RETURNS TIMESTAMPTZ
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT to_timestamp(ms / 1000)
$$;

CREATE FUNCTION itera_ms(t TIMESTAMPTZ) RETURNS BIGINT
LANGUAGE sql STABLE STRICT PARALLEL SAFE AS $$
  SELECT (extract(EPOCH FROM t) * 1000)::BIGINT
$$;

-- The engine's time: what is given, else the clock.
CREATE FUNCTION itera_now(ms DOUBLE PRECISION) RETURNS TIMESTAMPTZ
LANGUAGE sql VOLATILE AS $$
  SELECT coalesce(to_timestamp(ms / 1000), clock_timestamp())
$$;

-- The session's three keys of `metadata`, or null.
CREATE FUNCTION itera_session(metadata JSONB) RETURNS JSONB
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN metadata ?| ARRAY['context', 'step', 'leadData']
    THEN (SELECT jsonb_object_agg(key, value) FROM jsonb_each(metadata) WHERE key IN ('context', 'step', 'leadData'))
    ELSE 'null'
  END
$$;

-- The head of a row as the programs know it. One expression without a query in it, so that it becomes part of the query around it:
-- else every transcript would be read for its head.
CREATE FUNCTION itera_head(c conversations) RETURNS JSONB
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT jsonb_build_object(
    'id', c.id, 'status', c.status, 'source', c.source, 'environment', right(c.id, 1), 'incarnation', c.incarnation,
    'version', c.version, 'revision', c.revision, 'lastSeq', c.message_count, 'bytes', c.bytes,
    'created', itera_ms(c.created), 'lastActivity', itera_ms(c.last_activity), 'lastAccess', itera_ms(c.last_access),
    'expiresAt', itera_ms(c.expires_at), 'completedAt', itera_ms(c.completed_at), 'archivedAt', itera_ms(c.archived_at),
    'archiveReason', c.archive_reason, 'wiped', c.wiped, 'warnedFor', itera_ms(c.warned_for), 'hold', c.hold,
    'tokenEpoch', c.token_epoch, 'keyring', c.keyring, 'subjects', to_jsonb(c.subjects),
    'metadata', CASE WHEN c.apart IS NULL THEN c.metadata - ARRAY['context', 'step', 'leadData'] ELSE c.apart -> 'metadata' END,
    'session', CASE WHEN c.apart IS NULL THEN itera_session(c.metadata) ELSE c.apart -> 'session' END
  )
$$;

-- The row of a head: an entry alone, without a transcript.
CREATE FUNCTION itera_row(head JSONB) RETURNS conversations
LANGUAGE plpgsql STABLE AS $$
DECLARE
  r conversations;
  meta JSONB := head -> 'metadata';
  session JSONB := head -> 'session';
  mine CONSTANT TEXT[] := ARRAY['context', 'step', 'leadData'];
BEGIN
  r.id := head ->> 'id';
  r.created := itera_time((head ->> 'created')::DOUBLE PRECISION);
  r.last_activity := itera_time((head ->> 'lastActivity')::DOUBLE PRECISION);
  r.status := head ->> 'status';
  r.message_count := (head ->> 'lastSeq')::INTEGER;
  r.messages := '[]';
  r.completed_at := itera_time((head ->> 'completedAt')::DOUBLE PRECISION);
  r.archived_at := itera_time((head ->> 'archivedAt')::DOUBLE PRECISION);
  r.archive_reason := head ->> 'archiveReason';
  r.source := head ->> 'source';
  r.incarnation := head ->> 'incarnation';
  r.version := (head ->> 'version')::BIGINT;
  r.revision := (head ->> 'revision')::BIGINT;
  r.bytes := (head ->> 'bytes')::BIGINT;
  r.last_access := itera_time((head ->> 'lastAccess')::DOUBLE PRECISION);
  r.expires_at := itera_time((head ->> 'expiresAt')::DOUBLE PRECISION);
  r.warned_for := itera_time((head ->> 'warnedFor')::DOUBLE PRECISION);
  r.wiped := (head ->> 'wiped')::BOOLEAN;
  r.hold := (head ->> 'hold')::BOOLEAN;
  r.token_epoch := (head ->> 'tokenEpoch')::BIGINT;
  r.keyring := head ->> 'keyring';
  r.subjects := ARRAY(SELECT jsonb_array_elements_text(head -> 'subjects'));
  r.metadata := CASE WHEN jsonb_typeof(meta) = 'object' THEN meta ELSE '{}' END
    || CASE WHEN jsonb_typeof(session) = 'object' THEN session ELSE '{}' END;
  IF (r.metadata - mine) IS DISTINCT FROM meta OR itera_session(r.metadata) IS DISTINCT FROM session THEN
    r.apart := jsonb_build_object('metadata', meta, 'session', session);
  END IF;
  r.entries := '[]';
  r.indexed_seq := 0;
  r.writes := 1;
  RETURN r;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------------------------
-- Entries
-- ---------------------------------------------------------------------------------------------------------------------------------------

-- One conversation is written and erased by one transaction at a time, also while it has no row that could be locked.
CREATE FUNCTION itera_lock(wanted TEXT) RETURNS VOID
LANGUAGE sql VOLATILE AS $$
  SELECT pg_advisory_xact_lock(hashtextextended(wanted, 20250125))
$$;

-- Whether the erasure log names this conversation.
CREATE FUNCTION itera_is_erased(wanted TEXT) RETURNS BOOLEAN
LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM conversation_erasures e WHERE e.id = wanted)
$$;

-- What goes with a conversation that was wiped or erased: its text, and what the events of an erased one say.
CREATE FUNCTION itera_forget(wanted TEXT, its_status TEXT) RETURNS VOID
LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM conversation_texts t WHERE t.id = wanted;
  IF its_status = 'deleted' THEN
    UPDATE conversation_events e SET details = '{}' WHERE e.id = wanted AND e.details <> '{}';
  END IF;
  -- What VACUUM has to remove from the files.
  INSERT INTO conversation_wiped (what, xid) VALUES ('archive', pg_current_xact_id()) ON CONFLICT DO NOTHING;
END $$;

-- Takes a head (JSON as the programs have it; times in epoch milliseconds) into its row, unless the row is newer or the conversation was
-- erased and this is no tombstone. Answers whether it was taken. Of what is wiped or deleted the text goes too. `upto`: the seq up to which
-- text is about to be indexed; null: no text comes with it.
CREATE FUNCTION itera_take_head(head JSONB, upto INTEGER) RETURNS BOOLEAN
LANGUAGE plpgsql AS $$
DECLARE
  r conversations;
  known BIGINT;
BEGIN
  PERFORM itera_lock(head ->> 'id');
  IF head ->> 'status' <> 'deleted' AND itera_is_erased(head ->> 'id') THEN
    RETURN false;
  END IF;
  r := itera_row(head);
  r.indexed_seq := CASE WHEN r.wiped OR r.status = 'deleted' THEN 0 ELSE upto END;
  LOOP
    SELECT c.version INTO known FROM conversations c WHERE c.id = r.id FOR UPDATE;
    EXIT WHEN FOUND;
    r.indexed_seq := coalesce(r.indexed_seq, 0);
    INSERT INTO conversations VALUES (r.*) ON CONFLICT (id) DO NOTHING;
    IF FOUND THEN
      RETURN true;
    END IF;
  END LOOP;
  IF known > r.version THEN
    RETURN false;
  END IF;
  UPDATE conversations c SET
    created = r.created, last_activity = r.last_activity, status = r.status, message_count = r.message_count, metadata = r.metadata,
    completed_at = r.completed_at, archived_at = r.archived_at, archive_reason = r.archive_reason, source = r.source,
    incarnation = r.incarnation, version = r.version, revision = r.revision, bytes = r.bytes, last_access = r.last_access,
    expires_at = r.expires_at, warned_for = r.warned_for, wiped = r.wiped, hold = r.hold, token_epoch = r.token_epoch,
    keyring = r.keyring, subjects = r.subjects, apart = r.apart, indexed_seq = coalesce(r.indexed_seq, c.indexed_seq),
    archived_head = CASE
      WHEN c.archived_version IS NULL OR c.archived_head IS NOT NULL OR c.version = r.version THEN c.archived_head
      ELSE itera_head(c)
    END,
    writes = c.writes + 1
  WHERE c.id = r.id;
  IF r.wiped OR r.status = 'deleted' THEN
    PERFORM itera_forget(r.id, r.status);
  END IF;
  RETURN true;
END $$;

-- The same for a head alone.
CREATE FUNCTION itera_index_head(head JSONB) RETURNS BOOLEAN
LANGUAGE sql VOLATILE AS $$
  SELECT itera_take_head(head, NULL)
$$;

-- What other programs write with the columns they know becomes a whole row. Of an erased conversation they write nothing.
CREATE FUNCTION itera_complete_row() RETURNS TRIGGER
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
  NEW.wiped := NEW.wiped OR NEW.status = 'deleted';
  RETURN NEW;
END $$;

CREATE TRIGGER itera_complete_inserted BEFORE INSERT ON conversations
  FOR EACH ROW WHEN (NEW.writes = 0) EXECUTE FUNCTION itera_complete_row();
CREATE TRIGGER itera_complete_updated BEFORE UPDATE ON conversations
  FOR EACH ROW WHEN (NEW.writes = OLD.writes) EXECUTE FUNCTION itera_complete_row();

-- Counts a conversation on the day of its creation; of one that changed, the difference.
CREATE FUNCTION itera_count() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
DECLARE
  was_there BOOLEAN := TG_OP = 'UPDATE';
BEGIN
  IF was_there AND (OLD.source <> NEW.source OR OLD.created <> NEW.created) THEN
    INSERT INTO conversation_days AS d (day, source, slot, total, completed, archived, messages, milliseconds)
    VALUES (
      (OLD.created AT TIME ZONE 'UTC')::DATE, OLD.source, pg_backend_pid() % 64, -1,
      -(OLD.completed_at IS NOT NULL OR OLD.status = 'completed')::INTEGER, -(OLD.archived_at IS NOT NULL)::INTEGER,
      -OLD.message_count, itera_ms(OLD.created) - itera_ms(OLD.last_activity)
    )
    ON CONFLICT (day, source, slot) DO UPDATE SET
      total = d.total + excluded.total, completed = d.completed + excluded.completed, archived = d.archived + excluded.archived,
      messages = d.messages + excluded.messages, milliseconds = d.milliseconds + excluded.milliseconds;
    was_there := false;
  END IF;
  INSERT INTO conversation_days AS d (day, source, slot, total, completed, archived, messages, milliseconds)
  VALUES (
    (NEW.created AT TIME ZONE 'UTC')::DATE, NEW.source, pg_backend_pid() % 64, 1 - was_there::INTEGER,
    (NEW.completed_at IS NOT NULL OR NEW.status = 'completed')::INTEGER
      - (was_there AND (OLD.completed_at IS NOT NULL OR OLD.status = 'completed'))::INTEGER,
    (NEW.archived_at IS NOT NULL)::INTEGER - (was_there AND OLD.archived_at IS NOT NULL)::INTEGER,
    NEW.message_count - CASE WHEN was_there THEN OLD.message_count ELSE 0 END,
    itera_ms(NEW.last_activity) - itera_ms(NEW.created)
      - CASE WHEN was_there THEN itera_ms(OLD.last_activity) - itera_ms(OLD.created) ELSE 0 END
  )
  ON CONFLICT (day, source, slot) DO UPDATE SET
    total = d.total + excluded.total, completed = d.completed + excluded.completed, archived = d.archived + excluded.archived,
    messages = d.messages + excluded.messages, milliseconds = d.milliseconds + excluded.milliseconds;
  RETURN NULL;
END $$;

-- Not while rows are moved between partitions. Nothing is counted when a row goes: what was purged stays counted.
CREATE TRIGGER itera_count_inserted AFTER INSERT ON conversations
  FOR EACH ROW WHEN (coalesce(current_setting('itera.moving', true), '') <> 'on') EXECUTE FUNCTION itera_count();
CREATE TRIGGER itera_count_updated AFTER UPDATE ON conversations
  FOR EACH ROW WHEN (
    (OLD.created, OLD.last_activity, OLD.message_count, OLD.source, OLD.status) IS DISTINCT FROM
      (NEW.created, NEW.last_activity, NEW.message_count, NEW.source, NEW.status)
    OR (OLD.completed_at IS NULL) <> (NEW.completed_at IS NULL) OR (OLD.archived_at IS NULL) <> (NEW.archived_at IS NULL)
  ) EXECUTE FUNCTION itera_count();

-- By UTC day of creation, newest first; live ones, and what was wiped, erased or purged, count. `completed`: ever completed.
CREATE VIEW conversation_analytics AS
SELECT
  day AS date,
  sum(total)::BIGINT AS total_conversations,
  sum(completed)::BIGINT AS completed_conversations,
  sum(messages) / sum(total) AS avg_message_count,
  sum(milliseconds) / sum(total) / 1000 AS avg_duration_seconds
FROM conversation_days
GROUP BY day
HAVING sum(total) > 0
ORDER BY day DESC;

-- ---------------------------------------------------------------------------------------------------------------------------------------
-- The archive
-- ---------------------------------------------------------------------------------------------------------------------------------------

-- Stores a conversation whole: 'stored', 'older', or 'erased'. `replace_same`: the same version is overwritten.
CREATE FUNCTION itera_put(head JSONB, transcript JSONB, its_entries JSONB, replace_same BOOLEAN) RETURNS TEXT
LANGUAGE plpgsql AS $$
DECLARE
  r conversations;
  known BIGINT;
  kept BIGINT;
BEGIN
  PERFORM itera_lock(head ->> 'id');
  IF head ->> 'status' <> 'deleted' AND itera_is_erased(head ->> 'id') THEN
    RETURN 'erased';
  END IF;
  r := itera_row(head);
  LOOP
    SELECT c.version, c.archived_version INTO known, kept FROM conversations c WHERE c.id = r.id FOR UPDATE;
    EXIT WHEN FOUND;
    r.messages := transcript;
    r.entries := its_entries;
    r.archived_version := r.version;
    INSERT INTO conversations VALUES (r.*) ON CONFLICT (id) DO NOTHING;
    IF FOUND THEN
      RETURN 'stored';
    END IF;
  END LOOP;
  IF kept > r.version OR (kept = r.version AND NOT replace_same) THEN
    RETURN 'older';
  END IF;
  IF known > r.version THEN
    -- It has changed since; the row is what it is now.
    UPDATE conversations c SET
      messages = transcript, entries = its_entries, archived_version = r.version, archived_head = head, writes = c.writes + 1
    WHERE c.id = r.id;
    RETURN 'stored';
  END IF;
  UPDATE conversations c SET
    created = r.created, last_activity = r.last_activity, status = r.status, message_count = r.message_count, metadata = r.metadata,
    messages = transcript, completed_at = r.completed_at, archived_at = r.archived_at, archive_reason = r.archive_reason, source = r.source,
    incarnation = r.incarnation, version = r.version, revision = r.revision, bytes = r.bytes, last_access = r.last_access,
    expires_at = r.expires_at, warned_for = r.warned_for, wiped = r.wiped, hold = r.hold, token_epoch = r.token_epoch,
    keyring = r.keyring, subjects = r.subjects, apart = r.apart, entries = its_entries, archived_version = r.version, archived_head = NULL,
    indexed_seq = CASE WHEN r.wiped OR r.status = 'deleted' THEN 0 ELSE c.indexed_seq END, writes = c.writes + 1
  WHERE c.id = r.id;
  IF r.wiped OR r.status = 'deleted' THEN
    PERFORM itera_forget(r.id, r.status);
  END IF;
  RETURN 'stored';
END $$;

-- Erases: the log first, then what is here. '"held"', or how many messages were removed.
CREATE FUNCTION itera_erase(wanted TEXT, erased_at DOUBLE PRECISION, erased_by TEXT) RETURNS JSONB
LANGUAGE plpgsql AS $$
DECLARE
  here RECORD;
BEGIN
  PERFORM itera_lock(wanted);
  SELECT c.hold, c.status, c.archived_head IS NOT NULL AS changed,
    CASE WHEN c.archived_version IS NULL OR jsonb_typeof(c.messages) <> 'array' THEN 0 ELSE jsonb_array_length(c.messages) END AS removed
  INTO here FROM conversations c WHERE c.id = wanted FOR UPDATE;
  IF here.hold THEN
    RETURN '"held"';
  END IF;
  IF NOT itera_is_erased(wanted) THEN
    -- One after the other, so that numbers have no gap and become visible in their order.
    LOCK TABLE conversation_erasures IN SHARE ROW EXCLUSIVE MODE;
    INSERT INTO conversation_erasures (n, id, at, by)
    SELECT coalesce(max(e.n), 0) + 1, wanted, itera_time(erased_at), erased_by FROM conversation_erasures e;
  END IF;
  IF here.status <> 'deleted' THEN
    UPDATE conversations c SET
      status = 'deleted', archived_at = coalesce(c.archived_at, itera_time(erased_at)), expires_at = NULL, wiped = true, bytes = 0,
      metadata = '{}', apart = NULL, subjects = '{}', keyring = NULL, revision = c.revision + 1, version = c.version + 1,
      messages = '[]', entries = '[]', archived_head = NULL, indexed_seq = 0, writes = c.writes + 1,
      archived_version = CASE WHEN c.archived_version IS NOT NULL THEN c.version + 1 END
    WHERE c.id = wanted;
  ELSIF here.removed > 0 OR here.changed THEN
    UPDATE conversations c SET
      messages = '[]', entries = '[]', archived_head = NULL, archived_version = c.version, writes = c.writes + 1
    WHERE c.id = wanted;
  END IF;
  PERFORM itera_forget(wanted, 'deleted');
  RETURN jsonb_build_object('removed', coalesce(here.removed, 0));
END $$;

-- A stretch of a transcript, oldest first: seq, time, key, digest, size and text of each message. Of what another program wrote there are
-- no times, keys, digests and sizes.
CREATE FUNCTION itera_stretch(transcript JSONB, its_entries JSONB, first_seq INTEGER, last_seq INTEGER) RETURNS JSON
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN first_seq > last_seq THEN '[]' ELSE (
    SELECT coalesce(json_agg(json_build_array(
      first_seq + s.n - 1, s.entry -> 0, s.entry -> 1, s.entry -> 2, s.entry -> 3, coalesce(s.entry ->> 4, s.message::TEXT)
    ) ORDER BY s.n), '[]')
    FROM ROWS FROM (
      jsonb_array_elements(jsonb_path_query_array(transcript, '$[$a to $b]', jsonb_build_object('a', first_seq - 1, 'b', last_seq - 1))),
      jsonb_array_elements(jsonb_path_query_array(its_entries, '$[$a to $b]', jsonb_build_object('a', first_seq - 1, 'b', last_seq - 1)))
    ) WITH ORDINALITY AS s (message, entry, n)
    WHERE s.message IS NOT NULL
  ) END
$$;

-- ---------------------------------------------------------------------------------------------------------------------------------------
-- Text
-- ---------------------------------------------------------------------------------------------------------------------------------------

-- Replaces what was said after `after`. `stretches`: [{first, last, bytes, seqs, texts, words}], in their order. Text is taken as long as less
-- than 512 KiB are there.
CREATE FUNCTION itera_put_text(wanted TEXT, after INTEGER, stretches JSONB) RETURNS VOID
LANGUAGE plpgsql AS $$
DECLARE
  at_most CONSTANT INTEGER := 524288;
  together CONSTANT INTEGER := 16384;
  stretch JSONB;
  newest RECORD;
  total BIGINT;
BEGIN
  DELETE FROM conversation_texts t WHERE t.id = wanted AND t.first_seq > after;
  -- The part in which the cut is keeps what stands before it.
  UPDATE conversation_texts t SET
    last_seq = after, seqs = t.seqs[1:kept.n], texts = t.texts[1:kept.n],
    bytes = (SELECT coalesce(sum(octet_length(said)), 0) FROM unnest(t.texts[1:kept.n]) said),
    words = (
      SELECT coalesce(string_agg(quote_literal(w.lexeme) || coalesce(':' || w.positions[1], ''), ' '), '')::TSVECTOR
      FROM unnest(t.words) w WHERE w.positions IS NULL OR w.positions[1] <= kept.n
    ),
    writes = t.writes + 1
  FROM (
    SELECT x.part, (SELECT count(*) FROM unnest(x.seqs) seq WHERE seq <= after)::INTEGER AS n
    FROM conversation_texts x WHERE x.id = wanted AND x.last_seq > after
  ) kept
  WHERE t.id = wanted AND t.part = kept.part;

  SELECT coalesce(sum(t.bytes), 0) INTO total FROM conversation_texts t WHERE t.id = wanted;
  FOR stretch IN SELECT value FROM jsonb_array_elements(stretches) WITH ORDINALITY ORDER BY ordinality LOOP
    EXIT WHEN total >= at_most;
    total := total + (stretch ->> 'bytes')::INTEGER;
    SELECT t.part, t.bytes, cardinality(t.seqs) AS n INTO newest
    FROM conversation_texts t WHERE t.id = wanted ORDER BY t.part DESC LIMIT 1;
    IF newest.bytes + (stretch ->> 'bytes')::INTEGER <= together AND newest.n < 4096 THEN
      UPDATE conversation_texts t SET
        last_seq = (stretch ->> 'last')::INTEGER, bytes = t.bytes + (stretch ->> 'bytes')::INTEGER,
        seqs = t.seqs || ARRAY(SELECT jsonb_array_elements_text(stretch -> 'seqs')::INTEGER),
        texts = t.texts || ARRAY(SELECT jsonb_array_elements_text(stretch -> 'texts')),
        words = (
          SELECT string_agg(quote_literal(each_once.lexeme) || coalesce(':' || each_once.place, ''), ' ')::TSVECTOR
          FROM (
            SELECT said.lexeme, min(said.place) AS place
            FROM (
              SELECT w.lexeme, w.positions[1]::INTEGER AS place FROM unnest(t.words) w
              UNION ALL
              SELECT w.lexeme, w.positions[1] + newest.n FROM unnest((stretch ->> 'words')::TSVECTOR) w
            ) said
            GROUP BY said.lexeme
          ) each_once
        ),
        writes = t.writes + 1
      WHERE t.id = wanted AND t.part = newest.part;
    ELSE
      UPDATE conversation_texts t SET words = t.words || '''~several'''::TSVECTOR, writes = t.writes + 1
      WHERE t.id = wanted AND NOT t.words @@ '''~several'''::TSQUERY;
      INSERT INTO conversation_texts (id, part, first_seq, last_seq, bytes, seqs, texts, words)
      VALUES (
        wanted, coalesce(newest.part, 0) + 1, (stretch ->> 'first')::INTEGER, (stretch ->> 'last')::INTEGER, (stretch ->> 'bytes')::INTEGER,
        ARRAY(SELECT jsonb_array_elements_text(stretch -> 'seqs')::INTEGER),
        ARRAY(SELECT jsonb_array_elements_text(stretch -> 'texts')),
        ((stretch ->> 'words') || CASE WHEN newest.part IS NULL THEN '' ELSE ' ''~several''' END)::TSVECTOR
      );
    END IF;
  END LOOP;
END $$;

-- Takes a head, and with it what was said after `after` and up to `upto`.
CREATE FUNCTION itera_index(head JSONB, after INTEGER, upto INTEGER, stretches JSONB) RETURNS BOOLEAN
LANGUAGE plpgsql AS $$
BEGIN
  IF NOT itera_take_head(head, greatest(after, upto)) THEN
    RETURN false;
  END IF;
  IF NOT (head ->> 'wiped')::BOOLEAN AND head ->> 'status' <> 'deleted' THEN
    PERFORM itera_put_text(head ->> 'id', after, stretches);
  END IF;
  RETURN true;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------------------------
-- Lists and search
-- ---------------------------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION itera_prefix() RETURNS TEXT
LANGUAGE sql STABLE AS $$
  SELECT value FROM conversation_meta WHERE key = 'id_prefix'
$$;

-- What stands before all IDs of a day; of the first of a month, where its partition begins.
CREATE FUNCTION itera_bound(day DATE) RETURNS TEXT
LANGUAGE sql STABLE AS $$
  SELECT itera_prefix() || '_' || to_char(day, 'YYYYMMDD') || '_'
$$;

-- The day of an ID, or of a bound; null where there is none.
CREATE FUNCTION itera_day(id TEXT) RETURNS DATE
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN to_date(substring(id FROM '^[^_]+_([0-9]{8})_'), 'YYYYMMDD');
EXCEPTION WHEN datetime_field_overflow OR invalid_datetime_format THEN
  RETURN NULL;
END $$;

CREATE FUNCTION itera_today(engine_ms DOUBLE PRECISION) RETURNS DATE
LANGUAGE sql VOLATILE AS $$
  SELECT (itera_now(engine_ms) AT TIME ZONE 'UTC')::DATE
$$;

-- A page of the list, newest first: {heads, next}. It looks at a month, then further and further back until the page is full, so that
-- no more partitions are touched than need be. `from_id` ≤ id < `before_id`.
CREATE FUNCTION itera_list(
  from_id TEXT, before_id TEXT, statuses TEXT[], from_source TEXT, from_environment TEXT, at_most INTEGER, engine_ms DOUBLE PRECISION
) RETURNS JSON
LANGUAGE plpgsql STABLE AS $$
DECLARE
  lowest CONSTANT TEXT COLLATE "C" := coalesce(from_id, '');
  high TEXT COLLATE "C" := coalesce(before_id, '~');
  low TEXT COLLATE "C";
  day DATE := least(itera_day(before_id), itera_today(engine_ms));
  months INTEGER := 0;
  batch JSON[];
  found JSON[] := '{}';
BEGIN
  LOOP
    day := date_trunc('month', day) - make_interval(months => months);
    low := CASE WHEN months > 40 THEN lowest ELSE greatest(lowest, itera_bound(day)) END;
    IF low < high THEN
      -- With the values in it, so that it is planned for these partitions alone.
      EXECUTE $query$
        SELECT array_agg(page.head ORDER BY page.id DESC) FROM (
          SELECT found.id, entry.head FROM (
            SELECT one.id FROM unnest($3) AS wanted (status) CROSS JOIN LATERAL (
              SELECT c.id FROM conversations c
              WHERE c.status = wanted.status AND c.id >= $1 AND c.id < $2
                AND ($4 IS NULL OR c.source = $4) AND ($5 IS NULL OR right(c.id, 1) = $5)
              ORDER BY c.id DESC LIMIT $6
            ) one
            ORDER BY one.id DESC LIMIT $6
          ) found CROSS JOIN LATERAL (
            SELECT itera_head(c)::JSON AS head FROM conversations c WHERE c.id = found.id AND c.id >= $1 AND c.id < $2 OFFSET 0
          ) entry
        ) page
      $query$ INTO batch USING low, high, statuses, from_source, from_environment, at_most + 1 - cardinality(found);
      found := found || coalesce(batch, '{}');
      high := low;
    END IF;
    EXIT WHEN cardinality(found) > at_most OR low <= lowest;
    months := greatest(1, months * 2);
  END LOOP;
  RETURN json_build_object(
    'heads', array_to_json(found[1:at_most]),
    'next', CASE WHEN cardinality(found) > at_most THEN found[at_most] ->> 'id' END
  );
END $$;

-- A page of the search for conversations in which all these words (lower case, without accents, each once) were said, newest first:
-- {heads, texts, next}, `texts` the piece in which one of the words was said first. It looks at a day, then further and further
-- back, until the page is full or a fifth of a second has passed: then the page is short, and `next` goes on.
CREATE FUNCTION itera_search(
  words TEXT[], from_id TEXT, before_id TEXT, statuses TEXT[], from_source TEXT, from_environment TEXT, at_most INTEGER,
  engine_ms DOUBLE PRECISION
) RETURNS JSON
LANGUAGE plpgsql STABLE AS $$
DECLARE
  give_up CONSTANT TIMESTAMPTZ := clock_timestamp() + INTERVAL '200 milliseconds';
  -- Said in one part, or by a conversation of several parts: one word here, the others anywhere.
  in_one CONSTANT TSQUERY := (SELECT string_agg(quote_literal(w), ' & ') FROM unnest(words) w)::TSQUERY;
  in_several CONSTANT TSQUERY := (
    SELECT quote_literal(w) || ' & ''~several''' FROM unnest(words) w WHERE cardinality(words) > 1 ORDER BY length(w) DESC LIMIT 1
  )::TSQUERY;
  lowest CONSTANT TEXT COLLATE "C" := coalesce(from_id, '');
  high TEXT COLLATE "C" := coalesce(before_id, '~');
  low TEXT COLLATE "C";
  this_month CONSTANT DATE := date_trunc('month', itera_today(engine_ms));
  newest TEXT;
  day DATE;
  first_day DATE;
  days TSQUERY;
  step INTEGER := 0;
  batch RECORD;
  heads JSON[] := '{}';
  texts TEXT[] := '{}';
  next TEXT;
BEGIN
  IF itera_day(before_id) < this_month THEN
    day := itera_day(before_id);
  ELSE
    EXECUTE 'SELECT max(t.id) FROM conversation_texts t WHERE t.id >= $1 AND t.id < $2' INTO newest USING itera_bound(this_month), high;
    day := coalesce(itera_day(newest), this_month);
    IF newest IS NULL THEN
      high := least(high, itera_bound(this_month));
    END IF;
  END IF;
  LOOP
    first_day := CASE
      WHEN step = 0 THEN day
      WHEN step = 1 THEN day - 4
      WHEN step = 2 THEN day - 16
      ELSE date_trunc('month', day) - make_interval(months => (2 ^ (step - 3))::INTEGER)
    END;
    low := CASE WHEN step > 8 THEN lowest ELSE greatest(lowest, itera_bound(first_day)) END;
    -- Few days by their marks, so that of a word that was said often not all of the month is gathered.
    days := CASE WHEN step < 3 THEN (
      SELECT string_agg('''~' || to_char(d, 'YYYYMMDD') || '''', ' | ')
      FROM generate_series(first_day::TIMESTAMP, CASE WHEN step = 0 THEN day ELSE day - 1 END, INTERVAL '1 day') d
    )::TSQUERY END;
    IF low < high THEN
      EXECUTE $query$
        SELECT array_agg(page.head ORDER BY page.id DESC) AS heads, array_agg(page.said ORDER BY page.id DESC) AS texts FROM (
          SELECT hit.id, entry.head, coalesce(piece.said, '') AS said FROM (
            SELECT t.id FROM conversation_texts t WHERE t.words @@ $3 AND t.id >= $1 AND t.id < $2
            UNION
            SELECT t.id FROM conversation_texts t WHERE t.words @@ $4 AND t.id >= $1 AND t.id < $2 AND NOT EXISTS (
              SELECT FROM unnest($5) w WHERE NOT EXISTS (
                SELECT FROM conversation_texts x
                WHERE x.id = t.id AND x.id >= $1 AND x.id < $2 AND x.words @@ quote_literal(w)::TSQUERY
              )
            )
          ) hit CROSS JOIN LATERAL (
            SELECT itera_head(c)::JSON AS head FROM conversations c
            WHERE c.id = hit.id AND c.id >= $1 AND c.id < $2 AND c.status = ANY ($6)
              AND ($7 IS NULL OR c.source = $7) AND ($8 IS NULL OR right(c.id, 1) = $8)
            OFFSET 0
          ) entry LEFT JOIN LATERAL (
            SELECT t.texts[place.first] AS said FROM conversation_texts t CROSS JOIN LATERAL (
              SELECT min(w.positions[1]) AS first FROM unnest(t.words) w WHERE w.lexeme = ANY ($5)
            ) place
            WHERE t.id = hit.id AND t.id >= $1 AND t.id < $2 AND place.first IS NOT NULL
            ORDER BY t.part LIMIT 1
          ) piece ON true
          ORDER BY hit.id DESC LIMIT $9
        ) page
      $query$ INTO batch USING low, high, coalesce(in_one && days, in_one), coalesce(in_several && days, in_several), words,
        statuses, from_source, from_environment, at_most + 1 - cardinality(heads);
      heads := heads || coalesce(batch.heads, '{}');
      texts := texts || coalesce(batch.texts, '{}');
      high := low;
    END IF;
    IF cardinality(heads) > at_most THEN
      next := heads[at_most] ->> 'id';
      EXIT;
    END IF;
    EXIT WHEN low <= lowest;
    IF clock_timestamp() > give_up THEN
      next := low || '000000_000000000000_D';
      EXIT;
    END IF;
    day := first_day;
    step := step + 1;
  END LOOP;
  RETURN json_build_object('heads', array_to_json(heads[1:at_most]), 'texts', array_to_json(texts[1:at_most]), 'next', next);
END $$;

-- ---------------------------------------------------------------------------------------------------------------------------------------
-- Partitions: a month each, of `conversations` and of `conversation_texts`
-- ---------------------------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION itera_partition(parent TEXT, month DATE) RETURNS TEXT
LANGUAGE sql IMMUTABLE AS $$
  SELECT parent || to_char(month, '_YYYY_MM')
$$;

CREATE FUNCTION itera_has_table(name TEXT) RETURNS BOOLEAN
LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM pg_class c WHERE c.relname = name AND c.relnamespace = current_schema()::regnamespace)
$$;

-- A table like its parent, with a check that lets it be attached without being read through.
CREATE FUNCTION itera_make_month(parent TEXT, month DATE) RETURNS VOID
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', itera_partition(parent, month), parent);
  EXECUTE format('ALTER TABLE %I ADD CONSTRAINT itera_month CHECK (id >= %L AND id < %L)', itera_partition(parent, month),
    itera_bound(month), itera_bound((month + INTERVAL '1 month')::DATE));
END $$;

CREATE FUNCTION itera_attach_month(parent TEXT, month DATE) RETURNS VOID
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, itera_partition(parent, month),
    itera_bound(month), itera_bound((month + INTERVAL '1 month')::DATE));
  EXECUTE format('ALTER TABLE %I DROP CONSTRAINT itera_month', itera_partition(parent, month));
END $$;

-- Makes these months out of what the default partition holds of them. All is copied first, beside whoever reads and writes. Then, with
-- both tables locked, what was written meanwhile is copied again, and the months and a new default partition take the place of the old one.
CREATE FUNCTION itera_empty_default(months DATE[]) RETURNS VOID
LANGUAGE plpgsql SET lock_timeout = '500ms' AS $$
DECLARE
  parents CONSTANT TEXT[] := ARRAY['conversations', 'conversation_texts'];
  -- Whatever is written from now on is not older than this transaction.
  began CONSTANT XID := pg_snapshot_xmin(pg_current_snapshot())::XID;
  -- Each target with what of the old default partition belongs into it.
  targets CONSTANT TEXT[] := ARRAY(SELECT to_char(m, '_YYYY_MM') FROM unnest(months) m) || ARRAY['_next'];
  conditions CONSTANT TEXT[] := ARRAY(
    SELECT format('o.id >= %L AND o.id < %L', itera_bound(m), itera_bound((m + INTERVAL '1 month')::DATE)) FROM unnest(months) m
  ) || ARRAY[format('left(split_part(o.id, ''_'', 2), 6) <> ALL (%L)', ARRAY(SELECT to_char(m, 'YYYYMM') FROM unnest(months) m))];
  month DATE;
  parent TEXT;
  attempt INTEGER := 0;
  changed TEXT[];
  is_whole BOOLEAN;
BEGIN
  FOREACH parent IN ARRAY parents LOOP
    FOREACH month IN ARRAY months LOOP
      PERFORM itera_make_month(parent, month);
    END LOOP;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', parent || '_next', parent);
    FOR i IN 1 .. cardinality(targets) LOOP
      EXECUTE format('INSERT INTO %I SELECT * FROM %I o WHERE %s', parent || targets[i], parent || '_default', conditions[i]);
    END LOOP;
  END LOOP;
  LOOP
    BEGIN
      LOCK TABLE ONLY conversations, ONLY conversation_texts, conversations_default, conversation_texts_default IN ACCESS EXCLUSIVE MODE;
      EXIT;
    EXCEPTION WHEN lock_not_available THEN
      attempt := attempt + 1;
      IF attempt >= 10 THEN
        RAISE;
      END IF;
      PERFORM pg_sleep(0.05 * attempt + 0.1 * random());
    END;
  END LOOP;
  FOREACH parent IN ARRAY parents LOOP
    EXECUTE format('SELECT array_agg(DISTINCT o.id) FROM %I o WHERE age(o.xmin) <= age($1)', parent || '_default') INTO changed USING began;
    FOR i IN 1 .. cardinality(targets) LOOP
      IF changed IS NOT NULL THEN
        EXECUTE format('DELETE FROM %I WHERE id = ANY ($1)', parent || targets[i]) USING changed;
        EXECUTE format('INSERT INTO %I SELECT * FROM %I o WHERE o.id = ANY ($1) AND %s', parent || targets[i], parent || '_default',
          conditions[i]) USING changed;
      END IF;
      -- What was removed meanwhile shows in the number alone.
      EXECUTE format('SELECT (SELECT count(*) FROM %I) = (SELECT count(*) FROM %I o WHERE %s)', parent || targets[i], parent || '_default',
        conditions[i]) INTO is_whole;
      IF NOT is_whole THEN
        EXECUTE format('DELETE FROM %I n WHERE NOT EXISTS (SELECT FROM %I o WHERE o.id = n.id %s)', parent || targets[i], parent || '_default',
          CASE WHEN parent = 'conversation_texts' THEN 'AND o.part = n.part' END);
      END IF;
    END LOOP;
    EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent, parent || '_default');
    EXECUTE format('DROP TABLE %I', parent || '_default');
    FOREACH month IN ARRAY months LOOP
      PERFORM itera_attach_month(parent, month);
    END LOOP;
    EXECUTE format('ALTER TABLE %I RENAME TO %I', parent || '_next', parent || '_default');
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I DEFAULT', parent, parent || '_default');
  END LOOP;
END $$;

-- Makes the partitions of this month and of so many ahead, and of those months that are in the default partition; answers how many. Months
-- of before this database's time, as an import brings them, are made at most 24 at once, the newest first, back to 30 years ago.
-- Nobody waits for it longer than a second; if it does not get its turn, it throws and can be called again.
CREATE FUNCTION itera_make_partitions(months_ahead INTEGER DEFAULT 3, engine_ms DOUBLE PRECISION DEFAULT NULL) RETURNS INTEGER
LANGUAGE plpgsql SET lock_timeout = '500ms' SET client_min_messages = 'warning' AS $$
DECLARE
  this_month CONSTANT DATE := date_trunc('month', itera_today(engine_ms));
  found DATE[];
  month DATE;
  made INTEGER := 0;
  attempt INTEGER;
BEGIN
  -- Somebody else is at it.
  IF NOT pg_try_advisory_xact_lock(hashtextextended('itera-conversations partitions in ' || current_schema(), 0)) THEN
    RETURN 0;
  END IF;
  -- What was erased stays where it is: a tombstone needs no month of its own. But where a month is made anyhow, it moves along: PostgreSQL
  -- attaches no partition whose rows are in the default one.
  SELECT array_agg(of_them.month) INTO found FROM (
    SELECT to_date(digits, 'YYYYMM') AS month
    FROM (
      SELECT DISTINCT left(split_part(c.id, '_', 2), 6) AS digits FROM conversations_default c
      WHERE c.status <> 'deleted'
        OR left(split_part(c.id, '_', 2), 6)
          BETWEEN to_char(this_month, 'YYYYMM') AND to_char(this_month + make_interval(months => months_ahead), 'YYYYMM')
    ) months_here
    WHERE digits ~ '^[0-9]{4}(0[1-9]|1[0-2])$'
      AND digits BETWEEN to_char(this_month - INTERVAL '30 years', 'YYYYMM') AND to_char(this_month + INTERVAL '2 years', 'YYYYMM')
    ORDER BY digits DESC LIMIT 24
  ) of_them;
  IF found IS NOT NULL THEN
    PERFORM itera_empty_default(found);
    made := cardinality(found);
  END IF;
  FOR month IN SELECT generate_series(this_month::TIMESTAMP, this_month + make_interval(months => months_ahead), INTERVAL '1 month')::DATE LOOP
    CONTINUE WHEN itera_has_table(itera_partition('conversations', month));
    attempt := 0;
    LOOP
      BEGIN
        PERFORM itera_make_month('conversations', month), itera_make_month('conversation_texts', month);
        PERFORM itera_attach_month('conversations', month), itera_attach_month('conversation_texts', month);
        EXIT;
      EXCEPTION WHEN lock_not_available THEN
        attempt := attempt + 1;
        IF attempt >= 10 THEN
          RAISE;
        END IF;
        PERFORM pg_sleep(0.05 * attempt + 0.1 * random());
      END;
    END LOOP;
    made := made + 1;
  END LOOP;
  RETURN made;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------------------------
-- Purging
-- ---------------------------------------------------------------------------------------------------------------------------------------

-- Whether all of a month may go, but for tombstones: found by its indexes, whatever it holds.
CREATE FUNCTION itera_month_may_go(month DATE, before TIMESTAMPTZ) RETURNS BOOLEAN
LANGUAGE plpgsql STABLE AS $$
DECLARE
  may_go BOOLEAN;
BEGIN
  EXECUTE format(
    'SELECT NOT EXISTS (SELECT FROM %1$I WHERE hold)
      AND NOT EXISTS (SELECT FROM %1$I WHERE status = ''active'')
      AND NOT EXISTS (SELECT FROM %1$I WHERE last_activity >= $1 AND status <> ''deleted'')',
    itera_partition('conversations', month)
  ) INTO may_go USING before;
  RETURN may_go;
END $$;

-- Months that lie wholly before this time and of which all may go, the oldest first.
CREATE FUNCTION itera_past_months(before TIMESTAMPTZ) RETURNS SETOF DATE
LANGUAGE sql STABLE AS $$
  SELECT past.month FROM (
    SELECT to_date(right(c.relname, 7), 'YYYY_MM') AS month
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'conversations'::regclass AND c.relname ~ '^conversations_[0-9]{4}_[0-9]{2}$'
    OFFSET 0
  ) past
  WHERE past.month + INTERVAL '1 month' <= before AT TIME ZONE 'UTC' AND itera_month_may_go(past.month, before)
  ORDER BY past.month
$$;

-- How many conversations a month holds, by month of creation: {"2018-01": 7}.
CREATE FUNCTION itera_count_month(month DATE) RETURNS JSONB
LANGUAGE plpgsql STABLE AS $$
DECLARE
  counts JSONB;
BEGIN
  EXECUTE format(
    'SELECT coalesce(jsonb_object_agg(created_in, n), ''{}'') FROM (
      SELECT to_char(created AT TIME ZONE ''UTC'', ''YYYY-MM'') AS created_in, count(*) AS n FROM %I WHERE status <> ''deleted'' GROUP BY 1
    ) months',
    itera_partition('conversations', month)
  ) INTO counts;
  RETURN counts;
END $$;

-- Drops a month, if all of it may still go; its tombstones go to the default partition. False: it may not, somebody was in the
-- way, or the role does not own the tables.
CREATE FUNCTION itera_drop_month(month DATE, before TIMESTAMPTZ) RETURNS BOOLEAN
LANGUAGE plpgsql SET lock_timeout = '500ms' AS $$
DECLARE
  ours CONSTANT TEXT := itera_partition('conversations', month);
  its_texts CONSTANT TEXT := itera_partition('conversation_texts', month);
BEGIN
  LOCK TABLE ONLY conversations, ONLY conversation_texts IN ACCESS EXCLUSIVE MODE;
  IF NOT itera_month_may_go(month, before) THEN
    RAISE lock_not_available;
  END IF;
  EXECUTE format('ALTER TABLE conversations DETACH PARTITION %I', ours);
  -- Not as a clause of the function: only a superuser may write a setting of our own there.
  PERFORM set_config('itera.moving', 'on', true);
  EXECUTE format('INSERT INTO conversations SELECT * FROM %I WHERE status = ''deleted''', ours);
  PERFORM set_config('itera.moving', '', true);
  EXECUTE format('DROP TABLE %I, %I', ours, its_texts);
  RETURN true;
EXCEPTION WHEN lock_not_available OR deadlock_detected OR undefined_table OR insufficient_privilege THEN
  RETURN false;
END $$;

-- Removes conversations one by one: archived or completed, last active before, not on hold; the oldest, at most so many. `with_transcript`:
-- those whose transcript is here; false: entries alone; null: both. Months that go whole are left out. How many, by month of creation.
-- (Statuses are named by what they are not: all but a few rows have the others, and their index is of no use here.)
CREATE FUNCTION itera_purge_rows(before TIMESTAMPTZ, at_most INTEGER, with_transcript BOOLEAN, but_months TEXT[]) RETURNS JSONB
LANGUAGE plpgsql AS $$
DECLARE
  past TEXT[];
  counts JSONB;
BEGIN
  past := ARRAY(
    SELECT c.id FROM conversations c
    WHERE c.status NOT IN ('active', 'deleted') AND c.last_activity < before AND NOT c.hold
      AND (with_transcript IS NULL OR (c.archived_version IS NOT NULL) = with_transcript)
      AND left(split_part(c.id, '_', 2), 6) <> ALL (but_months)
    ORDER BY c.last_activity, c.id LIMIT at_most FOR UPDATE SKIP LOCKED
  );
  -- With the IDs in it, so that it is planned for their partitions alone.
  EXECUTE 'DELETE FROM conversation_texts t WHERE t.id = ANY ($1)' USING past;
  EXECUTE $query$
    WITH gone AS (DELETE FROM conversations c WHERE c.id = ANY ($1) RETURNING c.created)
    SELECT coalesce(jsonb_object_agg(months.created_in, months.n), '{}') FROM (
      SELECT to_char(gone.created AT TIME ZONE 'UTC', 'YYYY-MM') AS created_in, count(*) AS n FROM gone GROUP BY 1
    ) months
  $query$ INTO counts USING past;
  RETURN counts;
END $$;

CREATE FUNCTION itera_rows_of(months JSONB) RETURNS BIGINT
LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(sum(value::BIGINT), 0)::BIGINT FROM jsonb_each_text(months)
$$;

-- `Archive.purge`: {months, rows, held}. Takes at most so many rows, and whole months where they fit; of a month that holds more than that,
-- and of which all may go, all go at once. Months are dropped at the end, so that nobody waits for the rest. A trial counts what was
-- archived as it was then; what has changed since is judged by what it is now, and may stay.
CREATE FUNCTION itera_purge(before_ms DOUBLE PRECISION, at_most INTEGER, dry_run BOOLEAN) RETURNS JSONB
LANGUAGE plpgsql AS $$
DECLARE
  before CONSTANT TIMESTAMPTZ := itera_time(before_ms);
  month DATE;
  whole DATE[] := '{}';
  counts JSONB;
  total BIGINT := 0;
  planned JSONB[] := '{}';
  gone JSONB[] := '{}';
  months JSONB := '{}';
  held BIGINT;
BEGIN
  IF dry_run THEN
    SELECT coalesce(jsonb_object_agg(past.created_in, past.free) FILTER (WHERE past.free > 0), '{}'), coalesce(sum(past.held), 0)
    INTO months, held
    FROM (
      SELECT to_char(its.created AT TIME ZONE 'UTC', 'YYYY-MM') AS created_in, count(*) FILTER (WHERE NOT its.hold) AS free,
        count(*) FILTER (WHERE its.hold) AS held
      FROM (
        SELECT c.created, c.hold FROM conversations c
        WHERE c.status NOT IN ('active', 'deleted') AND c.last_activity < before AND c.archived_version IS NOT NULL
          AND c.archived_head IS NULL
        UNION ALL
        SELECT c.created, (c.archived_head ->> 'hold')::BOOLEAN FROM conversations c
        WHERE c.archived_head ->> 'status' NOT IN ('active', 'deleted') AND (c.archived_head ->> 'lastActivity')::DOUBLE PRECISION < before_ms
      ) its
      GROUP BY 1
    ) past;
    RETURN jsonb_build_object('months', months, 'rows', itera_rows_of(months), 'held', held);
  END IF;
  SELECT count(*) INTO held FROM conversations c
  WHERE c.hold AND c.last_activity < before AND c.status NOT IN ('active', 'deleted') AND c.archived_version IS NOT NULL;
  FOR month IN SELECT itera_past_months(before) LOOP
    counts := itera_count_month(month);
    EXIT WHEN total > 0 AND total + itera_rows_of(counts) > at_most OR cardinality(whole) >= 12;
    whole := whole || month;
    total := total + itera_rows_of(counts);
    planned := planned || counts;
    EXIT WHEN total >= at_most;
  END LOOP;
  IF total < at_most THEN
    months := itera_purge_rows(before, at_most - total::INTEGER, true, ARRAY(SELECT to_char(m, 'YYYYMM') FROM unnest(whole) m));
  END IF;
  gone := ARRAY[months];
  FOR i IN 1 .. cardinality(whole) LOOP
    -- Somebody is in the way: then another time.
    EXIT WHEN NOT itera_drop_month(whole[i], before);
    gone := gone || planned[i];
  END LOOP;
  IF cardinality(whole) > 0 AND cardinality(gone) = 1 AND months = '{}' THEN
    gone := ARRAY[itera_purge_rows(before, at_most, true, '{}')];
  END IF;
  SELECT coalesce(jsonb_object_agg(sums.key, sums.n), '{}') INTO months FROM (
    SELECT each.key, sum(each.value::BIGINT) AS n
    FROM unnest(gone) part CROSS JOIN LATERAL jsonb_each_text(part) each GROUP BY each.key
  ) sums;
  RETURN jsonb_build_object('months', months, 'rows', itera_rows_of(months), 'held', held);
END $$;

-- Removes what is archived or completed, last active longer ago than the retention (7 years, or what `retention_years` of
-- conversation_meta says) and not on hold; answers how many. Months of which all may go are dropped whole, at the end, so that nobody waits
-- for the others. What was erased stays in its log. With the extension pg_cron, once a week:
--   SELECT cron.schedule('cleanup-old-conversations', '0 2 * * 0', 'SELECT cleanup_old_conversations()');
CREATE FUNCTION cleanup_old_conversations() RETURNS INTEGER
LANGUAGE plpgsql AS $$
DECLARE
  years CONSTANT NUMERIC := coalesce((SELECT value::NUMERIC FROM conversation_meta WHERE key = 'retention_years'), 7);
  before CONSTANT TIMESTAMPTZ := (
    (now() AT TIME ZONE 'UTC') - make_interval(years => floor(years)::INTEGER, secs => ((years % 1) * 365.25 * 86400)::DOUBLE PRECISION)
  ) AT TIME ZONE 'UTC';
  whole CONSTANT DATE[] := ARRAY(SELECT itera_past_months(before));
  counts BIGINT[] := ARRAY(SELECT itera_rows_of(itera_count_month(m)) FROM unnest(whole) m);
  but_months CONSTANT TEXT[] := ARRAY(SELECT to_char(m, 'YYYYMM') FROM unnest(whole) m);
  batch BIGINT;
  removed BIGINT := 0;
  locked_at TIMESTAMPTZ;
BEGIN
  LOOP
    batch := itera_rows_of(itera_purge_rows(before, 1000, NULL, but_months));
    removed := removed + batch;
    EXIT WHEN batch = 0;
  END LOOP;
  FOR i IN 1 .. cardinality(whole) LOOP
    -- The rest goes with the next run.
    EXIT WHEN clock_timestamp() - locked_at > INTERVAL '300 milliseconds';
    IF itera_drop_month(whole[i], before) THEN
      removed := removed + counts[i];
      locked_at := coalesce(locked_at, clock_timestamp());
    END IF;
  END LOOP;
  RETURN removed;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------------------------
-- The prefix of IDs, on which the bounds of partitions depend
-- ---------------------------------------------------------------------------------------------------------------------------------------

-- Sets the prefix of a database that holds nothing yet, with the check of the IDs and the partitions. Does nothing if it is set already.
CREATE FUNCTION itera_use_prefix(wanted TEXT) RETURNS VOID
LANGUAGE plpgsql SET client_min_messages = 'warning' AS $$
DECLARE
  name TEXT;
BEGIN
  IF wanted !~ '^[A-Z][A-Z0-9]{1,15}$' THEN
    RAISE EXCEPTION 'The prefix of conversation IDs must be 2 to 16 characters of A-Z and 0-9, the first a letter'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF itera_has_table('conversations_default') THEN
    IF wanted = itera_prefix() THEN
      RETURN;
    END IF;
    IF EXISTS (SELECT FROM conversations) OR EXISTS (SELECT FROM conversation_erasures) THEN
      RAISE EXCEPTION 'This database keeps conversations with the prefix %; another one needs a database or schema of its own', itera_prefix()
        USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
  END IF;
  UPDATE conversation_meta SET value = wanted WHERE key = 'id_prefix';
  FOR name IN SELECT i.inhrelid::regclass::TEXT FROM pg_inherits i
    WHERE i.inhparent IN ('conversations'::regclass, 'conversation_texts'::regclass) LOOP
    EXECUTE 'DROP TABLE ' || name;
  END LOOP;
  ALTER TABLE conversations DROP CONSTRAINT IF EXISTS conversations_id_format;
  EXECUTE format(
    'ALTER TABLE conversations ADD CONSTRAINT conversations_id_format CHECK (id ~ %L)', '^' || wanted || '_[0-9]{8}_[0-9]{6}_[A-Z0-9]{12}_[PSD]$'
  );
  CREATE TABLE conversations_default PARTITION OF conversations DEFAULT;
  CREATE TABLE conversation_texts_default PARTITION OF conversation_texts DEFAULT;
  PERFORM itera_make_partitions();
END $$;

DO $$
BEGIN
  PERFORM itera_use_prefix(itera_prefix());
END $$;

INSERT INTO conversation_migrations (number, name, checksum) VALUES
  (1, 'conversations', 'a1bfe25d17c6248d27e5a0c2c677ba6dcb6d89f300265e222b7afdc7b2a439b5');

-- Migration 002-live

-- Live conversations: a row of state and a row for each message, idempotency entries, the outbox, and the service's small records.
-- Times are epoch milliseconds. Bodies, metadata, session and details are JSON as text, exactly as it was given.

-- The time that counts: the one that was given (tests do), else the clock of the database.
CREATE FUNCTION itera_now_ms(p_given BIGINT) RETURNS BIGINT LANGUAGE sql AS $$
  SELECT coalesce(p_given, floor(extract(epoch FROM clock_timestamp()) * 1000)::BIGINT)
$$;

-- `due` is when expiry (active, completed) or moving (archived, deleted) has to be looked at, `warn_due` the same for the warning
-- before expiry. They may be too early, never too late: a turn moves expires_at and leaves them alone, so that no index changes and the
-- update stays in its page, for which the page keeps room.
CREATE TABLE conversation_live (
  n BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  id TEXT COLLATE "C" NOT NULL UNIQUE,
  status TEXT NOT NULL,
  source TEXT NOT NULL,
  environment TEXT NOT NULL,
  incarnation TEXT NOT NULL,
  version BIGINT NOT NULL,
  revision BIGINT NOT NULL,
  last_seq INTEGER NOT NULL,
  bytes BIGINT NOT NULL,
  created BIGINT NOT NULL,
  last_activity BIGINT NOT NULL,
  last_access BIGINT,
  expires_at BIGINT,
  completed_at BIGINT,
  archived_at BIGINT,
  archive_reason TEXT,
  wiped BOOLEAN NOT NULL,
  warned_for BIGINT,
  hold BOOLEAN NOT NULL,
  token_epoch BIGINT NOT NULL,
  keyring TEXT,
  subjects TEXT[] NOT NULL,
  metadata TEXT NOT NULL,
  session TEXT NOT NULL,
  due BIGINT,
  warn_due BIGINT,
  leased_until BIGINT NOT NULL DEFAULT 0,
  warn_leased_until BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE INDEX conversation_live_expire ON conversation_live (due) WHERE status IN ('active', 'completed');
CREATE INDEX conversation_live_move ON conversation_live (due) WHERE status IN ('archived', 'deleted');
CREATE INDEX conversation_live_warn ON conversation_live (warn_due) WHERE warn_due IS NOT NULL;

-- `n` is that of the conversation. A key is looked up only where there is a digest; the others are random. Their index holds n and key as
-- one text: beside one that begins with n as the primary key does, a look-up would now and then be planned over all messages.
CREATE TABLE conversation_messages (
  n BIGINT NOT NULL,
  seq INTEGER NOT NULL,
  stored_at BIGINT NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  digest TEXT,
  body TEXT NOT NULL,
  size INTEGER NOT NULL,
  PRIMARY KEY (n, seq)
);
CREATE UNIQUE INDEX conversation_messages_key ON conversation_messages ((n::TEXT || ' ' || key)) WHERE digest IS NOT NULL;

-- Idempotency entries. `answered`: [version, lastSeq, lastAccess, expiresAt, status], after a creation the whole head; `placed`: runs of
-- [first seq, storedAt, how many]; `last_seq`: where the window of a replay ends.
CREATE TABLE conversation_once (
  n BIGINT NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  fingerprint TEXT NOT NULL,
  until BIGINT NOT NULL,
  last_seq INTEGER NOT NULL,
  answered TEXT NOT NULL,
  placed TEXT NOT NULL,
  PRIMARY KEY (n, key)
);
CREATE INDEX conversation_once_until ON conversation_once (until);

-- What is still to be passed on. `type` null: the mark that a conversation has changed, at most one for each; its `version` is the one
-- with which it was last handed out, the live one may be newer. `name` tells an event apart from those of every other database.
CREATE TABLE conversation_outbox (
  n BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  name UUID NOT NULL DEFAULT gen_random_uuid(),
  id TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  type TEXT,
  at BIGINT,
  details TEXT,
  cut INTEGER,
  leased_until BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
CREATE UNIQUE INDEX conversation_outbox_mark ON conversation_outbox (id) WHERE type IS NULL;
CREATE INDEX conversation_outbox_event ON conversation_outbox (id) WHERE type IS NOT NULL;

CREATE TABLE conversation_records (
  kind TEXT COLLATE "C" NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  value TEXT NOT NULL,
  version BIGINT NOT NULL,
  until BIGINT,
  PRIMARY KEY (kind, key)
);
CREATE INDEX conversation_records_until ON conversation_records (until) WHERE until IS NOT NULL;

-- Transactions that wiped something which no VACUUM has removed from the tables yet. `what`: the tables in question.
CREATE TABLE conversation_wiped (
  what TEXT NOT NULL,
  xid XID8 NOT NULL,
  PRIMARY KEY (what, xid)
);

-- A head as an answer: its columns in their order.
CREATE FUNCTION itera_live_head(l conversation_live) RETURNS JSON LANGUAGE sql STABLE AS $$
  SELECT json_build_array(
    l.id, l.status, l.source, l.environment, l.incarnation, l.version, l.revision, l.last_seq, l.bytes, l.created, l.last_activity,
    l.last_access, l.expires_at, l.completed_at, l.archived_at, l.archive_reason, l.wiped, l.warned_for, l.hold, l.token_epoch, l.keyring,
    l.subjects, l.metadata, l.session)
$$;

-- A head as the directory takes it.
CREATE FUNCTION itera_live_entry(l conversation_live) RETURNS JSONB LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object(
    'id', l.id, 'status', l.status, 'source', l.source, 'environment', l.environment, 'incarnation', l.incarnation, 'version', l.version,
    'revision', l.revision, 'lastSeq', l.last_seq, 'bytes', l.bytes, 'created', l.created, 'lastActivity', l.last_activity,
    'lastAccess', l.last_access, 'expiresAt', l.expires_at, 'completedAt', l.completed_at, 'archivedAt', l.archived_at,
    'archiveReason', l.archive_reason, 'wiped', l.wiped, 'warnedFor', l.warned_for, 'hold', l.hold, 'tokenEpoch', l.token_epoch,
    'keyring', l.keyring, 'subjects', l.subjects, 'metadata', l.metadata::JSONB, 'session', l.session::JSONB)
$$;

-- Records.put: [won, value, version], value (JSON as text) and version as they are stored afterwards.
CREATE FUNCTION itera_put_record(
  p_kind TEXT, p_key TEXT, p_value TEXT, p_if_version BIGINT, p_until BIGINT, p_clock BIGINT
) RETURNS TEXT LANGUAGE plpgsql AS $$
DECLARE
  there conversation_records%ROWTYPE;
  v_version BIGINT;
BEGIN
  LOOP
    SELECT * INTO there FROM conversation_records WHERE kind = p_kind AND key = p_key FOR UPDATE;
    IF FOUND THEN
      v_version := CASE WHEN there.until <= itera_now_ms(p_clock) THEN 0 ELSE there.version END;
      IF p_if_version <> v_version THEN
        RETURN json_build_array(false, CASE WHEN v_version > 0 THEN there.value END, v_version);
      END IF;
      UPDATE conversation_records SET value = p_value, version = v_version + 1, until = p_until WHERE kind = p_kind AND key = p_key;
      RETURN json_build_array(true, p_value, v_version + 1);
    END IF;
    IF p_if_version <> 0 THEN
      RETURN json_build_array(false, NULL, 0);
    END IF;
    INSERT INTO conversation_records (kind, key, value, version, until) VALUES (p_kind, p_key, p_value, 1, p_until)
      ON CONFLICT (kind, key) DO NOTHING;
    IF FOUND THEN
      RETURN json_build_array(true, p_value, 1);
    END IF;
    -- Somebody else was first: look at theirs.
  END LOOP;
END
$$;

INSERT INTO conversation_migrations (number, name, checksum) VALUES
  (2, 'live', '18005ae3f90328a57799af4b9b8cfd9d12ee9de5807833e5854c39434a087b3b');

-- Migration 003-live-commit

-- The writes on one live conversation: creation, commit, taking out. Each is one call, and one transaction.
-- Sequential scans and plans for single values are off, and what must not be looked up by an index is an expression (until + 0): a plan
-- that was made while a table was small must not outlive that.

-- The answer to a repeated request: the head as it is, what was answered then, its places, and the window that ended there, or where the
-- transcript was cut since.
CREATE FUNCTION itera_live_replay(p_n BIGINT, p_key TEXT, p_window INTEGER) RETURNS TEXT LANGUAGE sql STABLE AS $$
  SELECT json_build_array('replayed', itera_live_head(l), o.placed::JSON, (
      SELECT json_agg(json_build_array(m.seq, m.stored_at, m.key, m.digest, m.body, m.size) ORDER BY m.seq)
        FROM conversation_messages m
        WHERE m.n = p_n AND m.seq <= least(o.last_seq, l.last_seq) AND m.seq > least(o.last_seq, l.last_seq) - p_window
    ), o.answered::JSON)
    FROM conversation_live l JOIN conversation_once o ON o.n = l.n WHERE l.n = p_n AND o.key = p_key
$$;

-- HotStore.create. `p_head` is the row of the head as JSON; the messages come as arrays. Answers
-- [done, head, places, window], [replayed, …], [conflict, head], [key-reused] or [erased, the engine's time].
CREATE FUNCTION itera_create(
  p_head JSONB, p_metadata TEXT, p_session TEXT,
  p_seqs INTEGER[], p_stored_ats BIGINT[], p_keys TEXT[], p_digests TEXT[], p_bodies TEXT[], p_sizes INTEGER[],
  p_event_types TEXT[], p_event_ats BIGINT[], p_event_details TEXT[],
  p_once_key TEXT, p_once_fingerprint TEXT, p_once_until BIGINT,
  p_window INTEGER, p_directory BOOLEAN, p_clock BIGINT
) RETURNS TEXT LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  v conversation_live%ROWTYPE;
  there conversation_live%ROWTYPE;
  v_fingerprint TEXT;
  v_now BIGINT := itera_now_ms(p_clock);
BEGIN
  v := jsonb_populate_record(NULL::conversation_live, p_head);
  v.metadata := p_metadata;
  v.session := p_session;
  v.due := CASE WHEN v.status IN ('active', 'completed') THEN v.expires_at ELSE v.archived_at END;
  v.warn_due := CASE WHEN v.status IN ('active', 'completed') AND v.expires_at IS DISTINCT FROM v.warned_for THEN v.expires_at END;
  LOOP
    SELECT * INTO there FROM conversation_live WHERE id = v.id FOR NO KEY UPDATE;
    IF FOUND THEN
      SELECT o.fingerprint INTO v_fingerprint FROM conversation_once o
        WHERE o.n = there.n AND o.key = p_once_key AND o.until + 0 > v_now;
      IF NOT FOUND THEN
        RETURN json_build_array('conflict', itera_live_head(there));
      ELSIF v_fingerprint <> p_once_fingerprint THEN
        RETURN '["key-reused"]';
      END IF;
      RETURN itera_live_replay(there.n, p_once_key, p_window);
    END IF;
    INSERT INTO conversation_live (
        id, status, source, environment, incarnation, version, revision, last_seq, bytes, created, last_activity, last_access, expires_at,
        completed_at, archived_at, archive_reason, wiped, warned_for, hold, token_epoch, keyring, subjects, metadata, session, due, warn_due)
      VALUES (
        v.id, v.status, v.source, v.environment, v.incarnation, v.version, v.revision, v.last_seq, v.bytes, v.created, v.last_activity,
        v.last_access, v.expires_at, v.completed_at, v.archived_at, v.archive_reason, v.wiped, v.warned_for, v.hold, v.token_epoch,
        v.keyring, v.subjects, v.metadata, v.session, v.due, v.warn_due)
      ON CONFLICT (id) DO NOTHING RETURNING n INTO v.n;
    EXIT WHEN FOUND;
    -- Somebody else was first: look at theirs.
  END LOOP;
  IF p_directory THEN
    PERFORM itera_index_head(itera_live_entry(v));
    -- Looked at after it has the entry, so that an erasing beside this either is seen here or finds what was created.
    IF v.status <> 'deleted' AND itera_is_erased(v.id) THEN
      DELETE FROM conversation_live WHERE n = v.n;
      RETURN json_build_array('erased', v_now);
    END IF;
  END IF;
  INSERT INTO conversation_messages (n, seq, stored_at, key, digest, body, size)
    SELECT v.n, m.seq, m.stored_at, m.key, m.digest, m.body, m.size
      FROM unnest(p_seqs, p_stored_ats, p_keys, p_digests, p_bodies, p_sizes) AS m (seq, stored_at, key, digest, body, size);
  INSERT INTO conversation_outbox (id, version, type, at, details)
    SELECT v.id, v.version, e.type, e.at, e.details
      FROM unnest(p_event_types, p_event_ats, p_event_details) WITH ORDINALITY AS e (type, at, details, i) ORDER BY e.i;
  -- A mark of an earlier stay may be about to be delivered: as version 0, which nobody was handed, it is another item.
  INSERT INTO conversation_outbox AS o (id, version) VALUES (v.id, v.version)
    ON CONFLICT (id) WHERE type IS NULL DO UPDATE SET version = 0, leased_until = 0;
  IF p_once_key IS NOT NULL THEN
    INSERT INTO conversation_once (n, key, fingerprint, until, last_seq, answered, placed)
      VALUES (v.n, p_once_key, p_once_fingerprint, p_once_until, v.last_seq, itera_live_head(v), '[]');
  END IF;
  RETURN json_build_array('done', itera_live_head(v), '[]'::JSON, (
    SELECT json_agg(json_build_array(m.seq, m.stored_at, m.key, m.digest, m.body, m.size) ORDER BY m.seq)
      FROM conversation_messages m WHERE m.n = v.n AND m.seq > v.last_seq - p_window));
END
$$;

-- HotStore.commit: the rules of `Change`, in their order. A parameter that is null is a part that the change does not have.
-- p_count, p_size: how many messages are given, and the sum of their sizes; p_lookup: some of them have a digest. Answers
-- [done, head, places, window], [replayed, …], [conflict | refused | full, head], [absent], [key-reused] or [message-conflict, key].
CREATE FUNCTION itera_commit(
  p_id TEXT, p_now BIGINT, p_clock BIGINT, p_directory BOOLEAN,
  p_version BIGINT, p_revision BIGINT, p_incarnation TEXT, p_open_at BIGINT, p_expired_at BIGINT, p_hold_free BOOLEAN,
  p_max_messages BIGINT, p_max_bytes BIGINT,
  p_step_from TEXT[], p_step_to TEXT, p_step_reason TEXT, p_cut_after INTEGER, p_cut_bytes BIGINT,
  p_count INTEGER, p_size BIGINT, p_lookup BOOLEAN, p_keys TEXT[], p_digests TEXT[], p_bodies TEXT[], p_sizes INTEGER[],
  p_metadata TEXT, p_session TEXT, p_subjects TEXT[], p_body_seqs INTEGER[], p_other_bodies TEXT[],
  p_hold BOOLEAN, p_token_epoch BIGINT, p_keyring TEXT,
  p_warned_for BIGINT, p_activity BOOLEAN, p_wipe BOOLEAN,
  p_touch BOOLEAN, p_last_access BIGINT, p_expires_at BIGINT, p_cap_ms BIGINT,
  p_event_types TEXT[], p_event_ats BIGINT[], p_event_details TEXT[],
  p_once_key TEXT, p_once_fingerprint TEXT, p_once_until BIGINT, p_window INTEGER
) RETURNS TEXT LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  b conversation_live%ROWTYPE; -- as it was
  v conversation_live%ROWTYPE; -- as it will be
  v_now BIGINT;
  v_is_open BOOLEAN;
  v_base INTEGER; -- the seq of the last message that stays
  v_added INTEGER := p_count;
  v_added_bytes BIGINT := p_size;
  v_fresh BOOLEAN[]; -- which of the given messages are new; null: all
  v_conflict INTEGER;
  v_placed JSON;
  v_moves BOOLEAN;
  v_fingerprint TEXT;
  v_mark conversation_outbox%ROWTYPE;
  v_head JSON;
BEGIN
  -- Whoever holds this row decides alone; from here on every statement sees what the one before has committed.
  SELECT * INTO b FROM conversation_live WHERE id = p_id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN '["absent"]';
  END IF;
  v_now := itera_now_ms(p_clock);

  IF p_once_key IS NOT NULL THEN
    SELECT o.fingerprint INTO v_fingerprint FROM conversation_once o WHERE o.n = b.n AND o.key = p_once_key AND o.until + 0 > v_now;
    IF FOUND THEN
      IF v_fingerprint <> p_once_fingerprint THEN
        RETURN '["key-reused"]';
      END IF;
      RETURN itera_live_replay(b.n, p_once_key, p_window);
    END IF;
  END IF;

  -- Repeats, of what is stored or of each other: their old places, and which of the given messages are new.
  v_base := least(p_cut_after, b.last_seq);
  IF p_lookup THEN
    WITH given AS (
      SELECT g.i, g.digest, g.size, m.seq AS old_seq, m.stored_at AS old_at, m.digest AS old_digest,
             first_value(g.i) OVER twins AS twin, first_value(g.digest) OVER twins AS twin_digest
        FROM unnest(p_keys, p_digests, p_sizes) WITH ORDINALITY AS g (key, digest, size, i)
        LEFT JOIN conversation_messages m
          ON m.n::TEXT || ' ' || m.key = b.n::TEXT || ' ' || g.key AND m.digest IS NOT NULL AND g.digest IS NOT NULL AND m.seq <= v_base
      WINDOW twins AS (PARTITION BY g.key, CASE WHEN g.digest IS NULL THEN g.i END ORDER BY g.i)
    ), ranked AS (
      SELECT *, old_seq IS NULL AND twin = i AS fresh, count(*) FILTER (WHERE old_seq IS NULL AND twin = i) OVER (ORDER BY i) AS rank
        FROM given
    )
    SELECT min(r.i) FILTER (WHERE r.digest <> coalesce(r.old_digest, r.twin_digest)),
           count(*) FILTER (WHERE r.fresh), coalesce(sum(r.size) FILTER (WHERE r.fresh), 0), array_agg(r.fresh ORDER BY r.i),
           json_agg(json_build_array(coalesce(r.old_seq, v_base + t.rank), coalesce(r.old_at, p_now), 1) ORDER BY r.i)
      INTO v_conflict, v_added, v_added_bytes, v_fresh, v_placed
      FROM ranked r JOIN ranked t ON t.i = r.twin;
    IF v_conflict IS NOT NULL THEN
      RETURN json_build_array('message-conflict', p_keys[v_conflict]);
    END IF;
  ELSIF p_count > 0 THEN
    v_placed := json_build_array(json_build_array(v_base + 1, p_now, p_count));
  ELSE
    v_placed := '[]';
  END IF;

  -- What must hold.
  v_is_open := b.status IN ('active', 'completed') AND NOT b.wiped;
  IF b.status = 'deleted' OR (b.wiped AND NOT (p_wipe AND p_step_to IS NOT DISTINCT FROM 'deleted')) THEN
    RETURN json_build_array('refused', itera_live_head(b));
  ELSIF p_version <> b.version OR p_revision <> b.revision OR p_incarnation <> b.incarnation THEN
    RETURN json_build_array('conflict', itera_live_head(b));
  ELSIF (p_step_to IS NOT NULL AND NOT b.status = ANY (p_step_from)) OR (p_hold_free AND b.hold)
    OR (p_open_at IS NOT NULL AND (NOT v_is_open OR coalesce(b.expires_at <= p_open_at, false)))
    OR (p_expired_at IS NOT NULL AND (NOT v_is_open OR coalesce(b.expires_at > p_expired_at, true))) THEN
    RETURN json_build_array('refused', itera_live_head(b));
  ELSIF v_added > 0
    AND (v_base + v_added > p_max_messages OR coalesce(p_cut_bytes, b.bytes) + v_added_bytes > p_max_bytes) THEN
    RETURN json_build_array('full', itera_live_head(b));
  END IF;

  -- Whether it is a change at all: not only a touch, mere repeats, or the note that a warning was given.
  v_moves := v_added > 0 OR p_cut_after IS NOT NULL OR p_session IS NOT NULL OR p_metadata IS NOT NULL OR p_wipe OR (p_count = 0 AND (
    p_step_to IS NOT NULL OR p_hold IS NOT NULL OR p_token_epoch IS NOT NULL OR p_keyring IS NOT NULL OR p_activity
    OR coalesce(cardinality(p_subjects), 0) > 0
    OR (p_warned_for IS NULL AND coalesce(cardinality(p_event_types), 0) > 0)));

  v := b;
  v.warned_for := coalesce(p_warned_for, b.warned_for);
  IF v_moves THEN
    v.version := b.version + 1;
    v.last_seq := v_base + v_added;
    v.bytes := coalesce(p_cut_bytes, b.bytes) + v_added_bytes;
    v.session := coalesce(p_session, b.session);
    v.hold := coalesce(p_hold, b.hold);
    v.token_epoch := coalesce(p_token_epoch, b.token_epoch);
    v.keyring := coalesce(p_keyring, b.keyring);
    IF p_metadata IS NOT NULL THEN
      v.metadata := p_metadata;
      v.revision := b.revision + 1;
    END IF;
    IF p_subjects IS NOT NULL THEN
      v.subjects := b.subjects || ARRAY(
        SELECT s.hash FROM unnest(p_subjects) WITH ORDINALITY AS s (hash, i)
          WHERE s.hash <> ALL (b.subjects) GROUP BY s.hash ORDER BY min(s.i));
    END IF;
    IF p_activity THEN
      v.last_activity := greatest(b.last_activity, p_now);
    END IF;
    IF p_step_to IS NOT NULL THEN
      v.status := p_step_to;
      IF p_step_to IN ('active', 'completed') THEN
        v.archived_at := NULL;
        v.archive_reason := NULL;
        IF p_step_to = 'completed' THEN
          v.completed_at := p_now;
        END IF;
      ELSIF p_step_to = 'deleted' THEN
        v.archived_at := coalesce(b.archived_at, p_now);
        v.archive_reason := coalesce(p_step_reason, b.archive_reason);
        v.expires_at := NULL;
      ELSIF b.status <> 'archived' THEN
        -- Wiping what is archived keeps when and why it was.
        v.archived_at := p_now;
        v.archive_reason := p_step_reason;
        v.expires_at := NULL;
      END IF;
    END IF;
    IF p_wipe THEN
      v.wiped := true;
      v.bytes := 0;
      v.metadata := '{}';
      v.session := 'null';
      v.subjects := '{}';
      v.keyring := NULL;
      v.revision := v.revision + 1;
    END IF;
  END IF;
  IF p_touch AND v.status IN ('active', 'completed') THEN
    v.last_access := greatest(v.last_access, p_last_access);
    -- Null beside null stays null; the cap holds for what was there before, too.
    v.expires_at := greatest(v.expires_at, p_expires_at);
    IF v.expires_at > v_now + p_cap_ms THEN
      v.expires_at := v_now + p_cap_ms;
    END IF;
  END IF;

  IF p_cut_after IS NOT NULL THEN
    DELETE FROM conversation_messages WHERE n = b.n AND seq > p_cut_after;
  END IF;
  IF p_wipe THEN
    DELETE FROM conversation_messages WHERE n = b.n;
    DELETE FROM conversation_once WHERE n = b.n;
    UPDATE conversation_outbox SET details = '{}' WHERE id = p_id AND type IS NOT NULL;
  END IF;
  IF p_body_seqs IS NOT NULL THEN
    UPDATE conversation_messages m SET body = other.body
      FROM unnest(p_body_seqs, p_other_bodies) AS other (seq, body) WHERE m.n = b.n AND m.seq = other.seq;
  END IF;
  IF p_wipe OR p_body_seqs IS NOT NULL THEN
    -- What was there before must go from the table's file too.
    INSERT INTO conversation_wiped (what, xid) VALUES ('hot', pg_current_xact_id()) ON CONFLICT DO NOTHING;
  END IF;
  IF v_added > 0 AND v_fresh IS NULL THEN
    INSERT INTO conversation_messages (n, seq, stored_at, key, digest, body, size)
      SELECT b.n, v_base + m.i, p_now, m.key, m.digest, m.body, m.size
        FROM unnest(p_keys, p_digests, p_bodies, p_sizes) WITH ORDINALITY AS m (key, digest, body, size, i);
  ELSIF v_added > 0 THEN
    INSERT INTO conversation_messages (n, seq, stored_at, key, digest, body, size)
      SELECT b.n, v_base + row_number() OVER (ORDER BY m.i), p_now, m.key, m.digest, m.body, m.size
        FROM unnest(p_keys, p_digests, p_bodies, p_sizes, v_fresh) WITH ORDINALITY AS m (key, digest, body, size, fresh, i)
        WHERE m.fresh;
  END IF;
  IF (v.version, v.last_access, v.expires_at, v.warned_for) IS DISTINCT FROM (b.version, b.last_access, b.expires_at, b.warned_for) THEN
    IF v.status <> b.status THEN
      -- What was leased as one thing is due as another.
      v.due := NULL;
      v.leased_until := 0;
      v.warn_leased_until := 0;
    END IF;
    IF v.status IN ('archived', 'deleted') THEN
      v.due := v.archived_at;
      v.warn_due := NULL;
    ELSE
      -- Kept as long as they are not too late.
      v.due := CASE WHEN v.expires_at IS NOT NULL THEN least(v.due, v.expires_at) END;
      v.warn_due := CASE WHEN v.expires_at IS NOT NULL AND v.expires_at IS DISTINCT FROM v.warned_for
        THEN least(v.warn_due, v.expires_at) END;
    END IF;
    UPDATE conversation_live AS l SET
        status = v.status, version = v.version, revision = v.revision, last_seq = v.last_seq, bytes = v.bytes,
        last_activity = v.last_activity, last_access = v.last_access, expires_at = v.expires_at, completed_at = v.completed_at,
        archived_at = v.archived_at, archive_reason = v.archive_reason, wiped = v.wiped, warned_for = v.warned_for, hold = v.hold,
        token_epoch = v.token_epoch, keyring = v.keyring, subjects = v.subjects, metadata = v.metadata, session = v.session,
        due = v.due, warn_due = v.warn_due, leased_until = v.leased_until, warn_leased_until = v.warn_leased_until
      WHERE l.n = b.n RETURNING itera_live_head(l) INTO v_head;
  ELSE
    v_head := itera_live_head(b);
  END IF;

  IF p_event_types IS NOT NULL AND (v_moves OR p_warned_for IS NOT NULL) THEN
    INSERT INTO conversation_outbox (id, version, type, at, details)
      SELECT p_id, v.version, e.type, e.at, e.details
        FROM unnest(p_event_types, p_event_ats, p_event_details) WITH ORDINALITY AS e (type, at, details, i) ORDER BY e.i;
  END IF;
  IF v_moves THEN
    -- A mark that is there is not written again. Nobody delivers it now: that takes the row of the conversation, which is held here.
    SELECT o.n, o.cut INTO v_mark.n, v_mark.cut FROM conversation_outbox o WHERE o.id = p_id AND o.type IS NULL;
    IF NOT FOUND THEN
      INSERT INTO conversation_outbox (id, version, cut) VALUES (p_id, v.version, p_cut_after);
    ELSIF p_cut_after < coalesce(v_mark.cut, p_cut_after + 1) THEN
      UPDATE conversation_outbox SET cut = p_cut_after WHERE n = v_mark.n;
    END IF;
    IF p_directory AND (v.status <> b.status OR v.revision <> b.revision OR v.wiped <> b.wiped OR v.hold <> b.hold
      OR cardinality(v.subjects) <> cardinality(b.subjects)) THEN
      PERFORM itera_index_head(itera_live_entry(v));
    END IF;
  END IF;
  IF p_once_key IS NOT NULL THEN
    INSERT INTO conversation_once (n, key, fingerprint, until, last_seq, answered, placed)
      VALUES (b.n, p_once_key, p_once_fingerprint, p_once_until, v.last_seq,
        json_build_array(v.version, v.last_seq, v.last_access, v.expires_at, v.status), v_placed)
      ON CONFLICT (n, key) DO UPDATE SET fingerprint = excluded.fingerprint, until = excluded.until, last_seq = excluded.last_seq,
        answered = excluded.answered, placed = excluded.placed;
  END IF;
  IF p_window > 0 THEN
    RETURN json_build_array('done', v_head, v_placed, (
      SELECT json_agg(json_build_array(m.seq, m.stored_at, m.key, m.digest, m.body, m.size) ORDER BY m.seq)
        FROM conversation_messages m WHERE m.n = b.n AND m.seq > v.last_seq - p_window));
  END IF;
  RETURN json_build_array('done', v_head, v_placed);
END
$$;

-- HotStore.remove.
CREATE FUNCTION itera_remove(p_id TEXT, p_version BIGINT) RETURNS BOOLEAN
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  v_n BIGINT;
BEGIN
  DELETE FROM conversation_live WHERE id = p_id AND version = p_version RETURNING n INTO v_n;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  DELETE FROM conversation_messages WHERE n = v_n;
  DELETE FROM conversation_once WHERE n = v_n;
  -- The mark stays, and knows now by itself which version it speaks of; handed out for an older one, it is free again.
  UPDATE conversation_outbox SET version = p_version, leased_until = CASE WHEN version = p_version THEN leased_until ELSE 0 END
    WHERE id = p_id AND type IS NULL;
  RETURN true;
END
$$;

INSERT INTO conversation_migrations (number, name, checksum) VALUES
  (3, 'live-commit', '345dc2ab556e7caa0a9a4024dec7e74e9e56d0cdb3f30801c11bd1a3a6d3de1a');

-- Migration 004-live-due

-- What the sweep takes from live conversations: what is due, and what is to be passed on. Leases keep two sweeps apart.

-- HotStore.take. Looks at the earliest by the index, which may be early for some: those are set right, and others are looked for.
-- Answers [heads, whether to ask again]: after a thousand rows that were early the locks are given back first.
CREATE FUNCTION itera_take(p_what TEXT, p_before BIGINT, p_limit INTEGER, p_lease_ms BIGINT, p_clock BIGINT)
RETURNS TEXT LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now BIGINT := itera_now_ms(p_clock);
  v_due TEXT := CASE p_what WHEN 'warn' THEN 'warn_due' ELSE 'due' END;
  v_lease TEXT := CASE p_what WHEN 'warn' THEN 'warn_leased_until' ELSE 'leased_until' END;
  v_which TEXT := CASE p_what
    WHEN 'expire' THEN 'l.status IN (''active'', ''completed'')'
    WHEN 'move' THEN 'l.status IN (''archived'', ''deleted'')'
    ELSE 'l.warn_due IS NOT NULL' END;
  v_actual TEXT := CASE p_what
    WHEN 'expire' THEN 'l.expires_at'
    WHEN 'move' THEN 'l.archived_at'
    ELSE 'CASE WHEN l.warned_for IS DISTINCT FROM l.expires_at THEN l.expires_at END' END;
  v_taken BIGINT[] := '{}';
  v_found INTEGER;
  v_early INTEGER := 0;
  v_heads JSON;
  r RECORD;
BEGIN
  LOOP
    v_found := 0;
    FOR r IN EXECUTE format(
      'SELECT l.n, l.%1$I AS due, %2$s AS actual FROM conversation_live l
        WHERE %3$s AND l.%1$I <= $1 AND l.%4$I <= $2 AND l.n <> ALL ($3)
        ORDER BY l.%1$I, l.id LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED', v_due, v_actual, v_which, v_lease)
      USING p_before, v_now, v_taken, p_limit - cardinality(v_taken)
    LOOP
      v_found := v_found + 1;
      IF r.due = r.actual THEN
        v_taken := v_taken || r.n;
        EXECUTE format('UPDATE conversation_live SET %I = $1 WHERE n = $2', v_lease) USING v_now + p_lease_ms, r.n;
      ELSE
        v_early := v_early + 1;
        EXECUTE format('UPDATE conversation_live SET %I = $1 WHERE n = $2', v_due) USING r.actual, r.n;
      END IF;
    END LOOP;
    EXIT WHEN v_found = 0 OR v_early >= 1000 OR cardinality(v_taken) >= p_limit;
  END LOOP;
  SELECT json_agg(itera_live_head(l) ORDER BY CASE p_what WHEN 'warn' THEN l.warn_due ELSE l.due END, l.id) INTO v_heads
    FROM conversation_live l WHERE l.n = ANY (v_taken);
  RETURN json_build_array(v_heads, v_found > 0 AND cardinality(v_taken) < p_limit);
END
$$;

-- HotStore.delivered: events by n and name, marks by n and the version that was handed out. A mark whose conversation has changed since
-- stays; the conversations' rows are taken first, so that a change that is being committed is waited for and seen.
CREATE FUNCTION itera_delivered(p_events BIGINT[], p_names UUID[], p_marks BIGINT[], p_versions BIGINT[])
RETURNS VOID LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  DELETE FROM conversation_outbox o USING unnest(p_events, p_names) AS d (n, name) WHERE o.n = d.n AND o.name = d.name;
  IF cardinality(p_marks) > 0 THEN
    PERFORM 1 FROM conversation_live l
      WHERE l.id IN (SELECT o.id FROM conversation_outbox o WHERE o.n = ANY (p_marks) AND o.type IS NULL)
      ORDER BY l.id FOR NO KEY UPDATE;
    DELETE FROM conversation_outbox o USING unnest(p_marks, p_versions) AS d (n, version)
      WHERE o.n = d.n AND o.type IS NULL AND o.version = d.version
        AND NOT EXISTS (SELECT 1 FROM conversation_live l WHERE l.id = o.id AND l.version > d.version);
  END IF;
END
$$;

INSERT INTO conversation_migrations (number, name, checksum) VALUES
  (4, 'live-due', '0782d36d8550bbafdda758f893fb6218d0413a67c0ea4edadc40a5befbf4f1b0');

-- Migration 005-rate-limits

-- Rate limits of all servers: for each bucket the time (epoch ms) at which it is empty again. Nothing is lost with it that
-- a minute does not bring back, so it is not logged, and a crash empties it.
CREATE UNLOGGED TABLE conversation_rate_limits (
  bucket TEXT COLLATE "C" PRIMARY KEY,
  empty_at DOUBLE PRECISION NOT NULL,
  -- Whether the last one who asked was let through.
  allowed BOOLEAN NOT NULL
) WITH (fillfactor = 70);

INSERT INTO conversation_migrations (number, name, checksum) VALUES
  (5, 'rate-limits', '356fbabebb8b2443f2a3cd63664c45a197075a681af4598679973343950c7979');

-- Migration 006-unindexed

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

INSERT INTO conversation_migrations (number, name, checksum) VALUES
  (6, 'unindexed', 'f2b26beafe35dfafcd86e025662d038126b3c96c1d90ac725d263a7ac2b3e400');

COMMIT;
