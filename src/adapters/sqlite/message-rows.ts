// Messages as rows, and as one flat array in which they travel between threads: cheaper to copy than a list of objects.

import type { NewMessage, StoredMessage } from "../../core/head.ts";
import type { MessagePage } from "../../core/store.ts";
import type { Cell, Connection, Row } from "./connection.ts";

const STORED_WIDTH = 6;
const NEW_WIDTH = 4;

/** Messages with their places: seq, storedAt, key, digest, body, size of each, one after the other. */
export type FlatMessages = Cell[];

// The casts of this file: each cell is what the function beside it, or a STRICT table, has put there.

/** Messages as a flat array. */
export function flatten(messages: readonly StoredMessage[]): FlatMessages {
  const flat: FlatMessages = [];
  for (const { seq, storedAt, key, digest, body, size } of messages) flat.push(seq, storedAt, key, digest, body, size);
  return flat;
}

/** The reverse of `flatten`. */
export function inflate(flat: FlatMessages): StoredMessage[] {
  const messages: StoredMessage[] = [];
  for (let i = 0; i < flat.length; i += STORED_WIDTH) {
    messages.push({
      seq: flat[i] as number,
      storedAt: flat[i + 1] as number,
      key: flat[i + 2] as string,
      digest: flat[i + 3] as string | null,
      body: flat[i + 4] as string,
      size: flat[i + 5] as number,
    });
  }
  return messages;
}

/** New messages as a flat array: key, digest, body, size of each. */
export function flattenNew(messages: readonly NewMessage[]): Cell[] {
  const flat: Cell[] = [];
  for (const { key, digest, body, size } of messages) flat.push(key, digest, body, size);
  return flat;
}

/** The reverse of `flattenNew`. */
export function inflateNew(flat: readonly Cell[]): NewMessage[] {
  const messages: NewMessage[] = [];
  for (let i = 0; i < flat.length; i += NEW_WIDTH) {
    messages.push({
      key: flat[i] as string,
      digest: flat[i + 1] as string | null,
      body: flat[i + 2] as string,
      size: flat[i + 3] as number,
    });
  }
  return messages;
}

/** A stretch of seqs, both inclusive; empty when first > last. */
export interface Stretch {
  first: number;
  last: number;
}

/** The newest so many of a transcript that ends at `lastSeq`. */
export function windowStretch(lastSeq: number, window: number): Stretch {
  return { first: Math.max(1, lastSeq - Math.max(0, window) + 1), last: lastSeq };
}

/** What a page asks for, of a transcript that ends at `lastSeq` and has no gaps. */
export function pageStretch({ after = 0, before = Infinity, limit, order }: MessagePage, lastSeq: number): Stretch {
  const first = Math.max(1, after + 1);
  const last = Math.min(lastSeq, before - 1);
  return order === "asc" ? { first, last: Math.min(last, first + limit - 1) } : { first: Math.max(first, last - limit + 1), last };
}

const SELECT_STRETCH = `SELECT place & 4194303, stored_at, key, digest, body, size FROM messages
  WHERE place BETWEEN (?1 << 22) | ?2 AND (?1 << 22) | ?3 ORDER BY place`;

/** Messages of the live conversation `n`, oldest first, as rows. */
export function selectStretch(connection: Connection, n: number, { first, last }: Stretch): Row[] {
  return first > last ? [] : connection.all(SELECT_STRETCH, n, first, last);
}

/** A row as a message. */
export function messageOf(row: Row): StoredMessage {
  return {
    seq: row[0] as number,
    storedAt: row[1] as number,
    key: row[2] as string,
    digest: row[3] as string | null,
    body: row[4] as string,
    size: row[5] as number,
  };
}
