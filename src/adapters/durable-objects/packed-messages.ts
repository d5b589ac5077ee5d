/**
 * Messages as they travel between a Worker and an object. A call carries 32 MiB, and text outside Latin-1 counts double, so that a long
 * transcript would not fit: it goes as UTF-8.
 */
import type { StoredMessage } from "../../core/head.ts";

/** Of a message in `bodies`: seq, storedAt, key, digest, size, and the length of its body in UTF-16 units. */
type Entry = [seq: number, storedAt: number, key: string, digest: string | null, size: number, length: number];

/** Messages, or, of many, their bodies as one text in UTF-8. */
export type PackedMessages = StoredMessage[] | { entries: Entry[]; bodies: Uint8Array };

/** From so many UTF-16 units of text they are packed. */
const LONG = 1024 * 1024;

/** Packs what is long. */
export function packMessages(messages: StoredMessage[]): PackedMessages {
  if (messages.reduce((sum, { body }) => sum + body.length, 0) < LONG) return messages;
  return {
    entries: messages.map(({ seq, storedAt, key, digest, size, body }) => [seq, storedAt, key, digest, size, body.length]),
    bodies: new TextEncoder().encode(messages.map(({ body }) => body).join("")),
  };
}

/** The reverse. */
export function unpackMessages(packed: PackedMessages): StoredMessage[] {
  if (Array.isArray(packed)) return packed;
  // A transcript may begin with what looks like the mark of a file.
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(packed.bodies);
  let end = 0;
  return packed.entries.map(([seq, storedAt, key, digest, size, length]) => {
    const body = text.slice(end, (end += length));
    return { seq, storedAt, key, digest, body, size };
  });
}
