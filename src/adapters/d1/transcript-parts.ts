/** A transcript as the archive keeps it: few rows of many messages each, which are read back without parsing a body. */
import { StoredDataError } from "../../core/errors.ts";
import type { StoredMessage } from "../../core/head.ts";
import type { Cell, Row } from "./d1-database.ts";
import { bytesOf, refuseTooLarge } from "./row-size.ts";

/** The bytes of a part, which only a single message can exceed: D1 bills and limits statements by their number, so rows are large. */
const PART_BYTES = 1_000_000;

const ENTRY_WIDTH = 5;

/** A row of a part: first seq, last seq, entries, bodies. */
export type Part = [firstSeq: number, lastSeq: number, entries: string, bodies: string];

/** The entry of a message without brackets: time of storing, key, digest, size, and the length of its body in UTF-16 units. */
function entryOf({ storedAt, key, digest, size, body }: StoredMessage): string {
  return JSON.stringify([storedAt, key, digest, size, body.length]).slice(1, -1);
}

/** The parts of a transcript. Throws `TooLargeError` for a message that no row can hold. */
export function partsOf(messages: readonly StoredMessage[]): Part[] {
  const parts: Part[] = [];
  let part: { first: number; last: number; entries: string[]; bodies: string[]; bytes: number } | null = null;
  for (const message of messages) {
    const entry = entryOf(message);
    const bytes = bytesOf(entry) + bytesOf(message.body) + 2;
    // Within a part seqs follow each other, so only the first is stored.
    if (part === null || part.bytes + bytes > PART_BYTES || message.seq !== part.last + 1) {
      if (part) parts.push(rowOf(part));
      part = { first: message.seq, last: message.seq, entries: [], bodies: [], bytes: 0 };
    }
    part.last = message.seq;
    part.entries.push(entry);
    part.bodies.push(message.body);
    part.bytes += bytes;
  }
  if (part) parts.push(rowOf(part));
  for (const row of parts) refuseTooLarge(`Message ${row[0]}`, row);
  return parts;
}

function rowOf({ first, last, entries, bodies }: { first: number; last: number; entries: string[]; bodies: string[] }): Part {
  return [first, last, `[${entries.join(",")}]`, `[${bodies.join(",")}]`];
}

/** The messages of a part whose seq lies between `first` and `last`. Throws `StoredDataError` if it is damaged. */
export function messagesOfPart(id: string, row: Row, first: number, last: number): StoredMessage[] {
  try {
    // The casts: these texts are what `partsOf` wrote; what is not is found by the checks below.
    const entries = JSON.parse(row["entries"] as string) as Cell[];
    const bodies = row["bodies"] as string;
    const messages: StoredMessage[] = [];
    let seq = row["first_seq"] as number;
    let from = 1;
    for (let i = 0; i < entries.length; i += ENTRY_WIDTH, seq++) {
      const end = from + (entries[i + 4] as number);
      if (seq >= first && seq <= last) {
        messages.push({
          seq,
          storedAt: entries[i] as number,
          key: entries[i + 1] as string,
          digest: entries[i + 2] as string | null,
          size: entries[i + 3] as number,
          body: bodies.slice(from, end),
        });
      }
      from = end + 1;
    }
    if (!Array.isArray(entries) || from !== bodies.length || !bodies.endsWith("]")) throw new Error("lengths and bodies do not agree");
    return messages;
  } catch (cause) {
    const message = `The archived transcript of conversation ${id} cannot be read; restore this conversation from a backup`;
    throw new StoredDataError(message, { cause });
  }
}
