/** A transcript as the archive keeps it: the plain messages, which any SQL can read, and beside them what a store knows of each. */
import { StoredDataError } from "../../core/errors.ts";
import type { StoredMessage } from "../../core/head.ts";

/** A message as `itera_stretch` answers it. All but seq and body are null in rows that another program wrote. */
export type MessageCells = [
  seq: number,
  storedAt: number | null,
  key: string | null,
  digest: string | null,
  size: number | null,
  body: string,
];

/** `1e300` is five characters, and JSONB spells it in three hundred: a message full of them is kept as the text that it was. */
const POWERS = /[0-9][eE][+-]?[0-9]{2}/;

const encoder = new TextEncoder();

/** The messages as one JSON array. Throws `StoredDataError` if one is missing among them. */
export function transcriptOf(id: string, messages: readonly StoredMessage[]): string {
  if (messages.some(({ seq }, i) => seq !== i + 1)) {
    throw new StoredDataError(
      `The transcript of conversation ${id} has gaps and cannot be archived; restore this conversation from a backup`,
    );
  }
  return `[${messages.map(({ body }) => body).join(",")}]`;
}

/** Time, key, digest and size of each message, and its text where it has to be kept, as one JSON array. */
export function entriesOf(messages: readonly StoredMessage[]): string {
  return JSON.stringify(
    messages.map(({ storedAt, key, digest, size, body }) => [storedAt, key, digest, size, ...(POWERS.test(body) ? [body] : [])]),
  );
}

/** The messages of an answer. What another program wrote counts as stored at the conversation's last activity. */
export function storedMessages(cells: readonly MessageCells[], lastActivity: number): StoredMessage[] {
  return cells.map(([seq, storedAt, key, digest, size, body]) => ({
    seq,
    storedAt: storedAt ?? lastActivity,
    // Keys are made again of the messages' own ids, by whoever knows how (`a:` says so).
    key: key ?? `a:${seq}`,
    digest,
    body,
    size: size ?? encoder.encode(body).length,
  }));
}
