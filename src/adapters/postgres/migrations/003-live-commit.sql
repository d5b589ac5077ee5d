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
