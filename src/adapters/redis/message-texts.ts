// A message as the one text that stands in the list: time and size, key, digest, body, each but the last on a line of its own.

import { StoredDataError } from "../../core/errors.ts";
import type { NewMessage, StoredMessage } from "../../core/head.ts";

/** The key as a JSON text, which has no line breaks. */
export function keyText(key: string): string {
  return JSON.stringify(key);
}

/** The digest as a JSON text; empty: none. */
export function digestText(digest: string | null): string {
  return digest === null ? "" : JSON.stringify(digest);
}

/** The text of a message that is stored at this time. Its seq is its place in the list. */
export function messageText({ key, digest, body, size }: NewMessage, storedAt: number): string {
  return `${storedAt} ${size}\n${keyText(key)}\n${digestText(digest)}\n${body}`;
}

function plain(text: string): string {
  return text.includes("\\") ? (JSON.parse(text) as string) : text.slice(1, -1);
}

/** The reverse of `messageText`. */
export function messageOf(id: string, seq: number, text: string): StoredMessage {
  const first = text.indexOf("\n");
  const second = text.indexOf("\n", first + 1);
  const third = text.indexOf("\n", second + 1);
  const space = text.indexOf(" ");
  if (space < 0 || space > first || second < 0 || third < 0) {
    throw new StoredDataError(`Message ${seq} of conversation ${id} cannot be read; restore this conversation from a backup`);
  }
  return {
    seq,
    storedAt: Number(text.slice(0, space)),
    key: plain(text.slice(first + 1, second)),
    digest: third === second + 1 ? null : plain(text.slice(second + 1, third)),
    body: text.slice(third + 1),
    size: Number(text.slice(space + 1, first)),
  };
}

/** Messages of a reply, the last of which stands at `lastSeq`. */
export function messagesOf(id: string, lastSeq: number, texts: readonly string[]): StoredMessage[] {
  const first = lastSeq - texts.length + 1;
  return texts.map((text, i) => messageOf(id, first + i, text));
}
