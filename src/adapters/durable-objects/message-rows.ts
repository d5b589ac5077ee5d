/** Messages as rows, by their seq, so that a window or a page costs what it holds and not what the conversation holds. */
import type { NewMessage, StoredMessage } from "../../core/head.ts";
import type { MessagePage } from "../../core/store.ts";
import type { ObjectDatabase } from "./database.ts";
import { checkMessage, checkRow } from "./row-size.ts";

const COLUMNS = "seq, stored_at, key, digest, body, size";
const SELECT_STRETCH = `SELECT ${COLUMNS} FROM messages WHERE seq BETWEEN ? AND ? ORDER BY seq`;
const INSERT = `INSERT INTO messages (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)`;
const SELECT_KEY = "SELECT seq, digest, stored_at FROM messages WHERE key = ? AND digest IS NOT NULL AND seq <= ? ORDER BY seq LIMIT 1";
const DELETE_AFTER = "DELETE FROM messages WHERE seq > ?";
// A row of the same length is written over the old one in its place.
const OVERWRITE = "UPDATE messages SET body = hex(zeroblob(octet_length(body) / 2)) || substr('0', 1, octet_length(body) % 2)";

const OVERWRITE_ONE = `${OVERWRITE} WHERE seq = ?`;
const UPDATE_BODY = "UPDATE messages SET body = ? WHERE seq = ?";

/** The last seq that a number of SQL and of JavaScript has room for. */
export const LAST_SEQ = Number.MAX_SAFE_INTEGER;

function stretch(database: ObjectDatabase, first: number, last: number): StoredMessage[] {
  if (first > last) return [];
  // The casts: a STRICT table.
  return database.all(SELECT_STRETCH, first, last).map((row) => ({
    seq: row[0] as number,
    storedAt: row[1] as number,
    key: row[2] as string,
    digest: row[3] as string | null,
    body: row[4] as string,
    size: row[5] as number,
  }));
}

/** The newest `window` of a transcript that ends at `lastSeq`, oldest first. */
export function newestMessages(database: ObjectDatabase, lastSeq: number, window: number): StoredMessage[] {
  return window > 0 ? stretch(database, Math.max(1, lastSeq - window + 1), lastSeq) : [];
}

/** A page of a transcript that ends at `lastSeq`. */
export function pageOfMessages(
  database: ObjectDatabase,
  lastSeq: number,
  { after = 0, before = Infinity, limit, order }: MessagePage,
): StoredMessage[] {
  const first = Math.max(1, after + 1);
  const last = Math.min(lastSeq, before - 1);
  if (order === "asc") return stretch(database, first, Math.min(last, first + limit - 1));
  return stretch(database, Math.max(first, last - limit + 1), last).toReversed();
}

/** Where the message with this key stands among the first `last`; undefined: nowhere. */
export function findKey(
  database: ObjectDatabase,
  key: string,
  last: number,
): { seq: number; digest: string; storedAt: number } | undefined {
  // The cast: the columns of SELECT_KEY.
  const row = database.get(SELECT_KEY, key, last) as [seq: number, digest: string, storedAt: number] | undefined;
  return row && { seq: row[0], digest: row[1], storedAt: row[2] };
}

/** Stores a message. Throws `TooLargeError`. */
export function insertMessage(database: ObjectDatabase, seq: number, storedAt: number, message: NewMessage): void {
  checkMessage(message);
  database.run(INSERT, seq, storedAt, message.key, message.digest, message.body, message.size);
}

/** Puts another body in the place of one that is there, and writes over that one. Throws `TooLargeError`. */
export function replaceBody(database: ObjectDatabase, seq: number, body: string): void {
  checkRow("A message", body);
  database.run(OVERWRITE_ONE, seq);
  database.run(UPDATE_BODY, body, seq);
}

/** Removes what is after this seq. */
export function deleteAfter(database: ObjectDatabase, after: number): void {
  database.run(DELETE_AFTER, after);
}

/** Removes all of them, and writes over what they said. */
export function wipeMessages(database: ObjectDatabase): void {
  database.run(OVERWRITE);
  database.run(DELETE_AFTER, 0);
}
