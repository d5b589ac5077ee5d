// Reads of live conversations: on the calling thread where they are short, on the read worker where they are long.

import type { StoredMessage, Whole } from "../../core/head.ts";
import type { MessagePage } from "../../core/store.ts";
import type { Connection, Row } from "./connection.ts";
import { HEAD_COLUMNS, HEAD_NAMES, HEAD_WIDTH, headOf } from "./head-row.ts";
import { messageOf, pageStretch, selectStretch, windowStretch, type FlatMessages, type Stretch } from "./message-rows.ts";
import { inSnapshot, isShort } from "./short-read.ts";

const SELECT_LIVE = `SELECT ${HEAD_NAMES}, n FROM live WHERE id = ?`;
const SCAN_LIVE = `SELECT ${HEAD_NAMES} FROM live WHERE id > ?1 ORDER BY id LIMIT ?2`;
const SELECT_HEADS = `SELECT ${HEAD_COLUMNS.map((name) => `live.${name}`).join(", ")} FROM json_each(?) AS wanted LEFT JOIN live ON live.id = wanted.value ORDER BY wanted.key`;

/** What a read on the calling thread answers when it would be too long: read it on the worker. */
export const TOO_LONG = Symbol("too long");

function stretchOf(row: Row, wanted: number | MessagePage): Stretch {
  const lastSeq = row[7] as number;
  return typeof wanted === "number" ? windowStretch(lastSeq, wanted) : pageStretch(wanted, lastSeq);
}

/** `HotStore.read` on the calling thread. */
export function readLive(connection: Connection, id: string, window: number): Whole | null | typeof TOO_LONG {
  return inSnapshot(connection, () => {
    const row = connection.get(SELECT_LIVE, id);
    if (row === undefined) return null;
    const stretch = stretchOf(row, window);
    if (!isShort(stretch, row)) return TOO_LONG;
    return { head: headOf(row), messages: selectStretch(connection, row[HEAD_WIDTH] as number, stretch).map(messageOf) };
  });
}

/** `HotStore.messages` on the calling thread. */
export function readLiveMessages(connection: Connection, id: string, page: MessagePage): StoredMessage[] | null | typeof TOO_LONG {
  return inSnapshot(connection, () => {
    const row = connection.get(SELECT_LIVE, id);
    if (row === undefined) return null;
    const stretch = stretchOf(row, page);
    if (!isShort(stretch, row)) return TOO_LONG;
    return inOrder(selectStretch(connection, row[HEAD_WIDTH] as number, stretch).map(messageOf), page);
  });
}

/** Messages, oldest first, in the order of the page. */
export function inOrder(messages: StoredMessage[], { order }: MessagePage): StoredMessage[] {
  return order === "desc" ? messages.toReversed() : messages;
}

/** On the read worker: the row of the head and the messages of a window or page, oldest first. */
export function longLive(connection: Connection, id: string, wanted: number | MessagePage): [head: Row, messages: FlatMessages] | null {
  return inSnapshot(connection, () => {
    const row = connection.get(SELECT_LIVE, id);
    return row === undefined
      ? null
      : [row.slice(0, HEAD_WIDTH), selectStretch(connection, row[HEAD_WIDTH] as number, stretchOf(row, wanted)).flat()];
  });
}

/** Heads in the order of `ids`; null where there is none. */
export function liveHeads(connection: Connection, ids: string[]): (Row | null)[] {
  return connection.all(SELECT_HEADS, JSON.stringify(ids)).map((row) => (row[0] === null ? null : row));
}

/** `HotStore.scan`. */
export function scanLive(connection: Connection, after: string | null, limit: number): Row[] {
  return connection.all(SCAN_LIVE, after ?? "", limit);
}
