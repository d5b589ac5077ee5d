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
