// Reads of the directory but for the search, on the read worker.

import type { DayCount, DirectoryQuery } from "../../core/directory.ts";
import { STATUSES } from "../../core/head.ts";
import type { Connection, Row } from "./connection.ts";
import { HEAD_NAMES } from "./head-row.ts";

// The environment is the last letter of an ID, which the index has, so that no row is read in vain.
const FROM_TO = "id >= ?1 AND id < ?2 AND (?3 IS NULL OR substr(id, -1) = ?3)";
const LIST_ALL = `SELECT ${HEAD_NAMES} FROM entries WHERE ${FROM_TO} ORDER BY id DESC LIMIT ?4`;
const LIST_STATUS = `SELECT ${HEAD_NAMES} FROM entries WHERE status = ?5 AND ${FROM_TO} ORDER BY id DESC LIMIT ?4`;
// Named, since without statistics SQLite takes the other index.
const LIST_SOURCE = `SELECT ${HEAD_NAMES} FROM entries INDEXED BY entries_source WHERE source = ?6 AND status = ?5 AND ${FROM_TO} ORDER BY id DESC LIMIT ?4`;
const SELECT_DAYS =
  "SELECT day, source, total, completed, archived, messages, milliseconds FROM days WHERE day BETWEEN ? AND ? ORDER BY day, source";
const COUNT_LIVE = "SELECT count(*) FROM entries WHERE status IN ('active', 'completed')";
const SELECT_SUBJECT = "SELECT id FROM subjects WHERE hash = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
const SELECT_INDEXED =
  "SELECT coalesce(seq, 0) FROM json_each(?) AS wanted LEFT JOIN said_until ON said_until.id = wanted.value ORDER BY wanted.key";
const SELECT_EVENTS = `SELECT type, at, details, n FROM events WHERE id = ?1 AND (at > ?2 OR (at = ?2 AND n > ?3)) ORDER BY at, n LIMIT ?4`;

/** After every ID. */
const END = "\u{10ffff}";

/** `Directory.list` without text: the rows of a page, and where to go on, or null. */
export function list(connection: Connection, query: DirectoryQuery): { rows: Row[]; next: string | null } {
  const rows = newest(connection, query);
  const page = rows.slice(0, query.limit);
  return { rows: page, next: rows.length > page.length ? ((page.at(-1)?.[0] as string | undefined) ?? null) : null };
}

/** One row more than asked for, if there is a next page. */
function newest(connection: Connection, { status, source, environment, from = "", before = END, limit }: DirectoryQuery): Row[] {
  const common = [from, before, environment ?? null, limit + 1] as const;
  if (status === undefined && source === undefined) return connection.all(LIST_ALL, ...common);
  // Each status has its own stretch of the index, newest first; a page of each holds the page of all.
  const rows = [...new Set(status ?? STATUSES)].flatMap((one) =>
    source === undefined ? connection.all(LIST_STATUS, ...common, one) : connection.all(LIST_SOURCE, ...common, one, source),
  );
  return rows.toSorted((a, b) => (a[0]! < b[0]! ? 1 : -1)).slice(0, limit + 1);
}

/** `Directory.analytics`. */
export function analytics(connection: Connection, from: string, to: string): DayCount[] {
  // The casts: a STRICT table.
  return connection.all(SELECT_DAYS, from, to).map((row) => {
    const [day, source, total, completed, archived, messages, milliseconds] = row as [
      string,
      string,
      number,
      number,
      number,
      number,
      number,
    ];
    return { day, source, total, completed, archived, messages, seconds: milliseconds / 1000 };
  });
}

/** `Directory.live`. */
export function countLive(connection: Connection): number {
  return connection.get(COUNT_LIVE)![0] as number;
}

/** `Directory.bySubject`. */
export function bySubject(connection: Connection, hash: string, after: string | null, limit: number): string[] {
  return connection.all(SELECT_SUBJECT, hash, after ?? "", limit).map(([id]) => id as string);
}

/** `Directory.indexed`. */
export function indexed(connection: Connection, ids: string[]): number[] {
  return connection.all(SELECT_INDEXED, JSON.stringify(ids)).map(([seq]) => seq as number);
}

/** `Directory.events`: rows of type, time, details and number; one more than asked for tells that there is a next page. */
export function events(connection: Connection, id: string, afterAt: number, afterN: number, limit: number): Row[] {
  return connection.all(SELECT_EVENTS, id, afterAt, afterN, limit + 1);
}
