// Reads of the archive: on the calling thread where they are short, on the read worker where they are long.

import type { StoredMessage, Whole } from "../../core/head.ts";
import type { MessagePage } from "../../core/store.ts";
import type { Connection, Row } from "./connection.ts";
import { HEAD_NAMES, HEAD_WIDTH, headOf } from "./head-row.ts";
import { inOrder, TOO_LONG } from "./live-reads.ts";
import { pageStretch, windowStretch, type Stretch } from "./message-rows.ts";
import { inSnapshot, isShort } from "./short-read.ts";
import { messagesOfPart } from "./transcript-parts.ts";

const SELECT_ARCHIVED = `SELECT ${HEAD_NAMES}, n FROM archive WHERE id = ?`;
const SCAN_ARCHIVED = `SELECT ${HEAD_NAMES} FROM archive WHERE id > ?1 ORDER BY id LIMIT ?2`;
const SELECT_PARTS = `SELECT first_seq, entries, bodies FROM transcripts
  WHERE place BETWEEN (?1 << 22) | ?2 AND (?1 << 22) | 4194303 AND first_seq <= ?3 ORDER BY place`;
const SELECT_ERASURES = "SELECT n, id, at FROM erasures WHERE n > ?1 ORDER BY n LIMIT ?2";
const COUNT_PAST = `SELECT strftime('%Y-%m', created / 1000, 'unixepoch') AS month, count(*) FROM archive
  WHERE status IN ('archived', 'completed') AND last_activity < ?1 AND hold = ?2 GROUP BY month`;

function stretchOf(row: Row, wanted: number | MessagePage): Stretch {
  const lastSeq = row[7] as number;
  return typeof wanted === "number" ? windowStretch(lastSeq, wanted) : pageStretch(wanted, lastSeq);
}

function selectParts(connection: Connection, row: Row, { first, last }: Stretch): Row[] {
  return first > last ? [] : connection.all(SELECT_PARTS, row[HEAD_WIDTH]!, first, last);
}

/** The messages of some parts that lie in the stretch, oldest first. */
function messagesOfParts(id: string, parts: Row[], { first, last }: Stretch): StoredMessage[] {
  return parts.flatMap((part) => messagesOfPart(id, part, first, last));
}

/** `Archive.read` on the calling thread. */
export function readArchived(connection: Connection, id: string, window: number): Whole | null | typeof TOO_LONG {
  return inSnapshot(connection, () => {
    const row = connection.get(SELECT_ARCHIVED, id);
    if (row === undefined) return null;
    const stretch = stretchOf(row, window);
    return isShort(stretch, row)
      ? { head: headOf(row), messages: messagesOfParts(id, selectParts(connection, row, stretch), stretch) }
      : TOO_LONG;
  });
}

/** `Archive.messages` on the calling thread. */
export function readArchivedMessages(connection: Connection, id: string, page: MessagePage): StoredMessage[] | null | typeof TOO_LONG {
  return inSnapshot(connection, () => {
    const row = connection.get(SELECT_ARCHIVED, id);
    if (row === undefined) return null;
    const stretch = stretchOf(row, page);
    return isShort(stretch, row) ? inOrder(messagesOfParts(id, selectParts(connection, row, stretch), stretch), page) : TOO_LONG;
  });
}

/** On the read worker: the row of the head and the parts in which a window or page lies; `wholeOfParts` takes it from there. */
export function longArchived(connection: Connection, id: string, wanted: number | MessagePage): [head: Row, parts: Row[]] | null {
  return inSnapshot(connection, () => {
    const row = connection.get(SELECT_ARCHIVED, id);
    return row === undefined ? null : [row.slice(0, HEAD_WIDTH), selectParts(connection, row, stretchOf(row, wanted))];
  });
}

/** What was asked for, from what `longArchived` answered; messages oldest first. */
export function wholeOfParts([row, parts]: [head: Row, parts: Row[]], wanted: number | MessagePage): Whole {
  return { head: headOf(row), messages: messagesOfParts(row[0] as string, parts, stretchOf(row, wanted)) };
}

/** `Archive.scan`. */
export function scanArchived(connection: Connection, after: string | null, limit: number): Row[] {
  return connection.all(SCAN_ARCHIVED, after ?? "", limit);
}

/** `Archive.erasures`. */
export function erasures(connection: Connection, after: number, limit: number): Row[] {
  return connection.all(SELECT_ERASURES, after, limit);
}

/** What `Archive.purge` would remove and keep. */
export function countPast(connection: Connection, before: number): { months: { [month: string]: number }; rows: number; held: number } {
  return inSnapshot(connection, () => {
    // The casts: a month as text, and a count.
    const months = connection.all(COUNT_PAST, before, 0) as [string, number][];
    const held = connection.all(COUNT_PAST, before, 1) as [string, number][];
    const sum = (counts: [string, number][]): number => counts.reduce((all, [, count]) => all + count, 0);
    return { months: Object.fromEntries(months), rows: sum(months), held: sum(held) };
  });
}
