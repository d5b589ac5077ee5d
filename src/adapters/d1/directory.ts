/** The directory over D1. Every method is one round trip, and every write one transaction. */
import type { DayCount, Directory, RecordedEvent } from "../../core/directory.ts";
import type { Json } from "../../core/json.ts";
import { searchPlaceOf } from "../sql/search-place.ts";
import type { Row, Statement } from "./d1-database.ts";
import type { Engine } from "./engine.ts";
import { AFTER_HEAD, cellsOf, HEAD_EXCLUDED, HEAD_MARKS, HEAD_NAMES } from "./head-row.ts";
import { listOf } from "./list.ts";
import { refuseTooLarge } from "./row-size.ts";
import { SEARCH_BYTES, textStatements } from "./said.ts";

/** Parameters: the head, then its search place. Triggers bring counts, subjects, text and events in line. */
const TAKE = `INSERT INTO entries (n, ${HEAD_NAMES})
  SELECT coalesce(
      (SELECT max(n) FROM entries WHERE n BETWEEN ?${AFTER_HEAD} << 16 AND (?${AFTER_HEAD} << 16) | 65535),
      (?${AFTER_HEAD} << 16) - 1) + 1, ${HEAD_MARKS}
  WHERE ?2 = 'deleted' OR NOT EXISTS (SELECT 1 FROM erasures WHERE id = ?1)
  ON CONFLICT (id) DO UPDATE SET ${HEAD_EXCLUDED} WHERE excluded.version >= version`;
const SELECT_INDEXED =
  "SELECT coalesce(indexed, 0) AS seq FROM json_each(?1) AS wanted LEFT JOIN entries ON entries.id = wanted.value ORDER BY wanted.key";
const SELECT_DAYS = `SELECT day, source, total, completed, archived, messages, milliseconds
  FROM days WHERE day BETWEEN ?1 AND ?2 ORDER BY day, source`;
const COUNT_LIVE = "SELECT count(*) AS count FROM entries WHERE status IN ('active', 'completed')";
const SELECT_SUBJECT = "SELECT id FROM subjects WHERE hash = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
/** ?1: events as [[name, id, at, type, details], …]. */
const RECORD = `INSERT INTO events (name, id, at, type, details)
  SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), json_extract(value, '$[3]'),
    json_extract(value, '$[4]')
  FROM json_each(?1) WHERE true ORDER BY key
  ON CONFLICT (name) DO NOTHING`;
const SELECT_EVENTS = `SELECT type, at, details, n FROM events
  WHERE id = ?1 AND (at > ?2 OR (at = ?2 AND n > ?3)) ORDER BY at, n LIMIT ?4`;
const FORGET_EVENTS = "DELETE FROM events WHERE n IN (SELECT n FROM events WHERE at < ?1 ORDER BY at LIMIT ?2) RETURNING 1 AS gone";
const PURGE = `DELETE FROM entries WHERE n IN (
    SELECT n FROM entries INDEXED BY entries_past
    WHERE status IN ('archived', 'completed') AND last_activity < ?1 AND hold = 0 ORDER BY last_activity, id LIMIT ?2
  ) RETURNING 1 AS gone`;

/** UTF-16 units of JSON after which another statement is begun: a parameter holds at most 2 MB. */
const CHUNK_LENGTH = 600_000;

function recordStatements(events: readonly RecordedEvent[]): Statement[] {
  const statements: Statement[] = [];
  let chunk: string[] = [];
  let length = 0;
  for (const [i, { n, id, event }] of events.entries()) {
    const json = JSON.stringify([n, id, event.at, event.type, JSON.stringify(event.details)]);
    chunk.push(json);
    length += json.length;
    if (length < CHUNK_LENGTH && i < events.length - 1) continue;
    const values = `[${chunk.join(",")}]`;
    refuseTooLarge("The event", [values]);
    statements.push([RECORD, values]);
    [chunk, length] = [[], 0];
  }
  return statements;
}

function dayOf({ day, source, total, completed, archived, messages, milliseconds }: Row): DayCount {
  return {
    day: String(day),
    source: String(source),
    total: Number(total),
    completed: Number(completed),
    archived: Number(archived),
    messages: Number(messages),
    seconds: Number(milliseconds) / 1000,
  };
}

/** Details as they were stored; of a damaged text none, so that it does not hide the events around it. */
function detailsOf(text: string): { [key: string]: Json } {
  try {
    return JSON.parse(text) as { [key: string]: Json };
  } catch {
    return {};
  }
}

/** A cursor is time and number rather than a name, so that the page after an event that was forgotten meanwhile is still found. */
function readCursor(cursor: string | null): [at: number, n: number] {
  const [at = 0, n = 0] = (cursor ?? `${Number.MIN_SAFE_INTEGER}:0`).split(":").map(Number);
  return [at, n];
}

/** A directory over an engine. */
export function d1Directory(engine: Engine): Directory {
  return {
    capabilities: { search: true, searchBytes: SEARCH_BYTES },

    async index(head, text) {
      const cells = cellsOf(head);
      refuseTooLarge("The conversation without its messages", cells);
      await engine.run([TAKE, ...cells, searchPlaceOf(head.id)], ...(text ? textStatements(head, text.after, text.messages) : []));
    },

    async indexed(ids) {
      if (ids.length === 0) return [];
      const [rows = []] = await engine.run([SELECT_INDEXED, JSON.stringify(ids)]);
      return rows.map(({ seq }) => Number(seq));
    },

    async list(query) {
      const asked = listOf(query);
      if (!asked) return { heads: [], ...(query.text === undefined ? {} : { snippets: [] }), next: null };
      const [rows = []] = await engine.run(asked.statement);
      return asked.pageOf(rows);
    },

    async analytics(from, to) {
      const [rows = []] = await engine.run([SELECT_DAYS, from, to]);
      return rows.map(dayOf);
    },

    async live() {
      const [rows = []] = await engine.run([COUNT_LIVE]);
      return Number(rows[0]?.["count"]);
    },

    async bySubject(hash, after, limit) {
      const [rows = []] = await engine.run([SELECT_SUBJECT, hash, after ?? "", limit]);
      return rows.map(({ id }) => String(id));
    },

    async record(events) {
      if (events.length > 0) await engine.run(...recordStatements(events));
    },

    async events(id, after, limit) {
      const [rows = []] = await engine.run([SELECT_EVENTS, id, ...readCursor(after), limit + 1]);
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return {
        events: page.map(({ type, at, details }) => ({ type: String(type), at: Number(at), details: detailsOf(String(details)) })),
        next: rows.length > limit && last ? `${last["at"]}:${last["n"]}` : null,
      };
    },

    async forgetEvents(before, limit) {
      const [gone = []] = await engine.run([FORGET_EVENTS, before, limit]);
      return gone.length;
    },

    async purge(before, limit) {
      const [gone = []] = await engine.run([PURGE, before, limit]);
      return gone.length;
    },
  };
}
