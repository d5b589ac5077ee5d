/** The directory over PostgreSQL: the rows of `conversations`, and beside them text, counts and events. Each method is one statement. */
import type { DayCount, Directory, DirectoryPage, DirectoryQuery, Unindexed } from "../../core/directory.ts";
import { STATUSES, type Head, type LifecycleEvent } from "../../core/head.ts";
import { openEngine, type Engine, type EngineOptions } from "./engine.ts";
import { textArray } from "./pg-array.ts";
import type { PgPoolLike } from "./pool.ts";
import { SEARCH_BYTES, stretchesOf } from "./search-stretches.ts";
import { snippetOf, wordsOf } from "./search-words.ts";

const INDEX_HEAD = { name: "itera-directory-index-head", text: "SELECT itera_index_head($1::JSONB)::TEXT AS answer" };
const INDEX = { name: "itera-directory-index", text: "SELECT itera_index($1::JSONB, $2, $3, $4::JSONB)::TEXT AS answer" };
const INDEXED = {
  name: "itera-directory-indexed",
  text: `
    SELECT coalesce(json_agg(coalesce((SELECT c.indexed_seq FROM conversations c WHERE c.id = wanted.id), 0) ORDER BY wanted.place), '[]')::TEXT
      AS answer
    FROM unnest($1::TEXT[]) WITH ORDINALITY AS wanted (id, place)`,
};
const UNINDEXED = { name: "itera-directory-unindexed", text: "SELECT itera_unindexed($1, $2, $3)::TEXT AS answer" };
const INDEX_UNINDEXED = {
  name: "itera-directory-index-unindexed",
  text: "SELECT itera_index_unindexed($1, $2::BIGINT, $3::TEXT[], $4, $5::JSONB)::TEXT AS answer",
};
const LIST = { name: "itera-directory-list", text: "SELECT itera_list($1, $2, $3::TEXT[], $4, $5, $6, $7)::TEXT AS answer" };
const SEARCH = {
  name: "itera-directory-search",
  text: "SELECT itera_search($1::TEXT[], $2, $3, $4::TEXT[], $5, $6, $7, $8)::TEXT AS answer",
};
const ANALYTICS = {
  name: "itera-directory-analytics",
  text: `
    SELECT coalesce(json_agg(json_build_object(
      'day', to_char(counted.day, 'YYYY-MM-DD'), 'source', counted.source, 'total', counted.total, 'completed', counted.completed,
      'archived', counted.archived, 'messages', counted.messages, 'seconds', counted.milliseconds / 1000
    ) ORDER BY counted.day, counted.source), '[]')::TEXT AS answer
    FROM (
      SELECT day, source, sum(total) AS total, sum(completed) AS completed, sum(archived) AS archived, sum(messages) AS messages,
        sum(milliseconds) AS milliseconds
      FROM conversation_days WHERE day BETWEEN $1::DATE AND $2::DATE GROUP BY day, source HAVING sum(total) > 0
    ) counted`,
};
const LIVE = {
  name: "itera-directory-live",
  text: "SELECT count(*)::TEXT AS answer FROM conversations WHERE status IN ('active', 'completed')",
};
const BY_SUBJECT = {
  name: "itera-directory-by-subject",
  text: `
    WITH found AS MATERIALIZED (
      SELECT c.id FROM conversations c WHERE c.subjects @> ARRAY[$1::TEXT] AND c.subjects <> '{}' AND c.id > $2
    )
    SELECT coalesce(json_agg(page.id ORDER BY page.id), '[]')::TEXT AS answer FROM (SELECT id FROM found ORDER BY id LIMIT $3) page`,
};
const RECORD = {
  name: "itera-directory-record",
  text: `
    INSERT INTO conversation_events (name, id, at, type, details)
    SELECT e ->> 0, e ->> 1, itera_time((e ->> 2)::DOUBLE PRECISION), e ->> 3, e -> 4
    FROM jsonb_array_elements($1::JSONB) WITH ORDINALITY AS given (e, place) ORDER BY given.place
    ON CONFLICT (name) DO NOTHING`,
};
const EVENTS = {
  name: "itera-directory-events",
  text: `
    SELECT coalesce(json_agg(json_build_array(page.type, itera_ms(page.at), page.details, page.n) ORDER BY page.at, page.n), '[]')::TEXT AS answer
    FROM (
      SELECT e.type, e.at, e.details, e.n FROM conversation_events e
      WHERE e.id = $1 AND (e.at, e.n) > (coalesce(itera_time($2), '-infinity'), $3::BIGINT) ORDER BY e.at, e.n LIMIT $4
    ) page`,
};
const FORGET_EVENTS = {
  name: "itera-directory-forget-events",
  text: `
    WITH gone AS (
      DELETE FROM conversation_events WHERE n IN (
        SELECT e.n FROM conversation_events e WHERE e.at < itera_time($1) ORDER BY e.at LIMIT $2 FOR UPDATE SKIP LOCKED
      ) RETURNING 1
    ) SELECT count(*)::TEXT AS answer FROM gone`,
};
const PURGE = {
  name: "itera-directory-purge",
  text: "SELECT itera_rows_of(itera_purge_rows(itera_time($1), $2, false, '{}'))::TEXT AS answer",
};

/** What every list is asked by: `from`, `before`, statuses, source, environment, limit, the engine's time. */
function valuesOf(engine: Engine, { from, before, status, source, environment, limit }: DirectoryQuery): unknown[] {
  const statuses = textArray([...new Set(status ?? STATUSES)]);
  return [from ?? null, before ?? null, statuses, source ?? null, environment ?? null, limit, engine.now()];
}

/** `Directory.list` with text. A page of frequent words and rare conditions may hold fewer than asked for, and yet have a next one. */
async function search(engine: Engine, query: DirectoryQuery, text: string): Promise<DirectoryPage> {
  const words = wordsOf(text);
  if (words.size === 0) return { heads: [], snippets: [], next: null };
  const values = [textArray([...words]), ...valuesOf(engine, query)];
  const { heads, texts, next } = await engine.ask<{ heads: Head[]; texts: string[]; next: string | null }>(SEARCH, values);
  return { heads, snippets: texts.map((said) => snippetOf(said, words)), next };
}

function readCursor(cursor: string | null): [at: number | null, n: number] {
  if (cursor === null) return [null, 0];
  const [at = 0, n = 0] = cursor.split(":").map(Number);
  return [at, n];
}

/** A directory over a pool, in the first schema of its search_path, which `itera migrate` has prepared. */
export function postgresDirectory(pool: PgPoolLike, options: EngineOptions = {}): Directory {
  const engine = openEngine(pool, options);
  return {
    capabilities: { search: true, searchBytes: SEARCH_BYTES },

    async index(head, text) {
      if (text === undefined) {
        await engine.ask(INDEX_HEAD, [JSON.stringify(head)]);
        return;
      }
      const { upto, stretches } = stretchesOf(head.id, text);
      await engine.ask(INDEX, [JSON.stringify(head), text.after, upto, stretches]);
    },

    indexed: (ids) => engine.ask<number[]>(INDEXED, [textArray(ids)]),

    unindexed: (limit, leaseMs) => engine.ask<Unindexed[]>(UNINDEXED, [limit, leaseMs, engine.now()]),

    async indexUnindexed({ id, n }, subjects, messages) {
      const { upto, stretches } = stretchesOf(id, { after: 0, messages });
      await engine.ask(INDEX_UNINDEXED, [id, n, textArray(subjects), upto, stretches]);
    },

    async list(query) {
      if (query.text !== undefined) return search(engine, query, query.text);
      return engine.ask<DirectoryPage>(LIST, valuesOf(engine, query));
    },

    analytics: (from, to) => engine.ask<DayCount[]>(ANALYTICS, [from, to]),
    live: () => engine.ask<number>(LIVE, []),
    bySubject: (hash, after, limit) => engine.ask<string[]>(BY_SUBJECT, [hash, after ?? "", limit]),

    async record(events) {
      const cells = events.map(({ n, id, event }) => [n, id, event.at, event.type, event.details]);
      if (cells.length > 0) await engine.ask(RECORD, [JSON.stringify(cells)]);
    },

    async events(id, after, limit) {
      type Cells = [type: string, at: number, details: LifecycleEvent["details"], n: number];
      const found = await engine.ask<Cells[]>(EVENTS, [id, ...readCursor(after), limit + 1]);
      const page = found.slice(0, limit);
      const last = page.at(-1);
      return {
        events: page.map(([type, at, details]) => ({ type, at, details })),
        next: found.length > limit && last ? `${last[1]}:${last[3]}` : null,
      };
    },

    forgetEvents: (before, limit) => engine.ask<number>(FORGET_EVENTS, [before, limit]),
    purge: (before, limit) => engine.ask<number>(PURGE, [before, limit]),
  };
}
