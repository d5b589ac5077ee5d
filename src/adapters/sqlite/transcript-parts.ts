// A transcript as the archive keeps it: a few rows of many messages each, which are read back without parsing a body.

import { StoredDataError } from "../../core/errors.ts";
import type { StoredMessage } from "../../core/head.ts";
import type { Cell, Row } from "./connection.ts";

/** UTF-16 units of text after which a new part is begun: small enough to read a window without reading all, and to fit a D1 or object row. */
const PART_LENGTH = 128 * 1024;

const ENTRY_WIDTH = 5;

/** Parts one after the other, four cells each: first seq, last seq, entries, bodies. */
export type FlatParts = Cell[];

/** How many cells a part has. */
export const PART_WIDTH = 4;

/** The parts of a transcript. */
export function partsOf(messages: readonly StoredMessage[]): FlatParts {
  const parts: FlatParts = [];
  let first = 0;
  let length = 0;
  for (const [i, { seq, body }] of messages.entries()) {
    length += body.length;
    // Within a part seqs follow each other, so only the first is stored.
    if (length < PART_LENGTH && messages[i + 1]?.seq === seq + 1) continue;
    const part = messages.slice(first, i + 1);
    const entries = part.flatMap(({ storedAt, key, digest, size, body: text }) => [storedAt, key, digest, size, text.length]);
    parts.push(part[0]!.seq, part.at(-1)!.seq, JSON.stringify(entries), `[${part.map(({ body: text }) => text).join(",")}]`);
    first = i + 1;
    length = 0;
  }
  return parts;
}

/** The messages of a part (first seq, entries, bodies) whose seq lies between `first` and `last`. Throws `StoredDataError` if it is damaged. */
export function messagesOfPart(id: string, [firstSeq, entriesText, bodies]: Row, first: number, last: number): StoredMessage[] {
  try {
    // The casts: these texts are what `partsOf` wrote; what is not is found by the checks below.
    const entries = JSON.parse(entriesText as string) as Cell[];
    const text = bodies as string;
    const messages: StoredMessage[] = [];
    let seq = firstSeq as number;
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
          body: text.slice(from, end),
        });
      }
      from = end + 1;
    }
    if (!Array.isArray(entries) || from !== text.length || !text.endsWith("]")) throw new Error("lengths and bodies do not agree");
    return messages;
  } catch (cause) {
    throw new StoredDataError(`The archived transcript of conversation ${id} cannot be read; restore this conversation from a backup`, {
      cause,
    });
  }
}
