// Fills a PostgreSQL with archived conversations by SQL alone: the same rows as their life would have left, a million of them in minutes.

import type pg from "pg";
import { METADATA, SESSION } from "./what-is-said.ts";

/** Both tables that a conversation has rows in; they are filled before their indexes are made, as a restored backup is. */
const TABLES = ["conversations", "conversation_texts"];

/** The months of so many years, which the archive would have made one by one. */
const MAKE_MONTH = `
  SELECT itera_make_month('conversations', $1::DATE), itera_make_month('conversation_texts', $1::DATE),
    itera_attach_month('conversations', $1::DATE), itera_attach_month('conversation_texts', $1::DATE)
    WHERE NOT itera_has_table(itera_partition('conversations', $1::DATE))`;

// $1: a month; $2: how many. Words of small numbers are said more often, as in every language.
const SAY = `
  INSERT INTO pg_temp.said (id, at, texts)
  SELECT itera_prefix() || '_' || to_char(one.at AT TIME ZONE 'UTC', 'YYYYMMDD_HH24MISS') || '_'
      || upper(substr(md5(random()::TEXT || one.i), 1, 12)) || '_D', one.at,
    ARRAY(
      SELECT string_agg('w' || floor(20000 * power(random(), 3) + 0 * (one.i + word.w))::INTEGER, ' ')
        FROM generate_series(0, 47) word (w) GROUP BY word.w / 12
    )
    FROM (
      SELECT i, date_trunc('second', ($1::DATE::TIMESTAMP AT TIME ZONE 'UTC') + random() * INTERVAL '27 days 23 hours') AS at
        FROM generate_series(1, $2::INTEGER) i
    ) one`;

const BODIES = `
  CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('role', CASE WHEN n % 2 = 0 THEN 'assistant' ELSE 'user' END, 'content', t) ORDER BY n) AS messages,
        jsonb_agg(jsonb_build_array((extract(EPOCH FROM s.at) * 1000)::BIGINT + n * 60000, 'r:' || n, NULL, length(t) + 30) ORDER BY n)
          AS entries,
        sum(length(t) + 30) AS bytes
      FROM unnest(s.texts) WITH ORDINALITY AS each_one (t, n)
  ) said`;

// `writes`: these are not the rows of another program.
const ARCHIVE = `
  INSERT INTO conversations (id, created, last_activity, status, message_count, metadata, messages, archived_at, archive_reason, source,
      incarnation, version, revision, bytes, last_access, entries, archived_version, indexed_seq, writes)
    SELECT s.id, s.at, s.at + INTERVAL '4 minutes', 'archived', 4, $1::JSONB, said.messages, s.at + INTERVAL '4 minutes', 'completed', $2,
        'bench', 6, 1, said.bytes, s.at + INTERVAL '4 minutes', said.entries, 6, 4, 1
      FROM pg_temp.said s ${BODIES}`;

const INDEX = `
  INSERT INTO conversation_texts (id, part, first_seq, last_seq, bytes, seqs, texts, words)
    SELECT s.id, 1, 1, 4, length(array_to_string(s.texts, '')), '{1,2,3,4}', s.texts,
        ('''~' || to_char(s.at AT TIME ZONE 'UTC', 'YYYYMMDD') || ''' ' || (
          SELECT string_agg(replace(t, ' ', ':' || n || ' ') || ':' || n, ' ') FROM unnest(s.texts) WITH ORDINALITY AS each_one (t, n)
        ))::TSVECTOR
      FROM pg_temp.said s`;

const COUNT = `
  INSERT INTO conversation_days (day, source, slot, total, completed, archived, messages, milliseconds)
    SELECT (c.created AT TIME ZONE 'UTC')::DATE, c.source, 0, count(*), 0, count(*), 4 * count(*), 240000 * count(*)
      FROM conversations c GROUP BY 1, 2`;

const INDEXES = `
  SELECT indexrelid::REGCLASS::TEXT AS name, replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') AS definition
    FROM pg_index WHERE indrelid = ANY ($1::REGCLASS[]) AND NOT indisprimary`;

/** A month and how many conversations began in it. */
export interface FilledMonth {
  /** Its first day, `YYYY-MM-DD`. */
  month: string;
  count: number;
}

/** The months of the last five years, this one not among them, with so many conversations in all. */
export function fiveYears(count: number): FilledMonth[] {
  const now = new Date();
  return Array.from({ length: 60 }, (_, i) => ({
    month: new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 60 + i)).toISOString().slice(0, 10),
    count: Math.floor(((i + 1) * count) / 60) - Math.floor((i * count) / 60),
  }));
}

/** Adds archived conversations to a migrated schema that has none, and answers the IDs of some hundreds or thousands of them. */
export async function fillPostgres(pool: pg.Pool, months: readonly FilledMonth[]): Promise<string[]> {
  const client = await pool.connect();
  try {
    const { rows: indexes } = await client.query<{ name: string; definition: string }>(INDEXES, [TABLES]);
    for (const { name } of indexes) await client.query(`DROP INDEX ${name}`);
    await client.query("CREATE TEMPORARY TABLE said (id TEXT, at TIMESTAMPTZ, texts TEXT[])");
    // The rows are counted once, at the end.
    await client.query("SET itera.moving = 'on'");
    for (const { month, count } of months) {
      await client.query("TRUNCATE pg_temp.said");
      await client.query(MAKE_MONTH, [month]);
      await client.query(SAY, [month, count]);
      await client.query(ARCHIVE, [JSON.stringify({ ...METADATA, ...SESSION }), METADATA.source]);
      await client.query(INDEX);
    }
    await client.query(COUNT);
    for (const { definition } of indexes) await client.query(definition);
    await client.query("RESET itera.moving");
    await client.query(`VACUUM (ANALYZE) ${TABLES.join(", ")}`);
    const { rows: some } = await client.query<{ id: string }>("SELECT id FROM conversations ORDER BY md5(id) LIMIT 5000");
    return some.map(({ id }) => id);
  } finally {
    client.release(true);
  }
}
