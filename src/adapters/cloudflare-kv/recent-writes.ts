/** What this process wrote in the last minute: KV may answer what was there before, or that nothing is there. */
import { documentFrom, type Document } from "./document.ts";

/** The last write on a key; `text` null: it was removed. */
interface Write {
  readonly id: string;
  readonly at: number;
  readonly text: string | null;
  readonly incarnation: string;
  readonly version: number;
  /** The incarnation that was there before, if it was another one. */
  readonly replaced: string | null;
  /** KV had said just before that nothing is there, which it may go on saying. */
  readonly missed: boolean;
}

/** So long KV may answer from before a write. */
export const STALE_MS = 60_000;
/** UTF-16 units of values that are remembered, in all. */
const MOST_TEXT = 8 * 1024 * 1024;

/** The memory of one KV namespace in one process. Times are epoch milliseconds. */
export class RecentWrites {
  // In the order of writing.
  readonly #writes = new Map<string, Write>();
  #length = 0;

  /** Notes what was written, or with `text` null that it was removed: `document` is then what was there. */
  note(key: string, document: Document, text: string | null, now: number, missed = false): void {
    const { id, incarnation, version } = document.whole.head;
    const before = this.#get(key, now);
    const replaced = before && before.incarnation !== incarnation ? before.incarnation : (before?.replaced ?? null);
    this.#forget(key);
    this.#writes.set(key, { id, at: now, text, incarnation, version, replaced, missed });
    this.#length += text?.length ?? 0;
    for (const [oldest, { at }] of this.#writes) {
      if (at > now - STALE_MS && this.#length <= MOST_TEXT) break;
      this.#forget(oldest);
    }
  }

  /** When the key was last written; null: not in the last minute. */
  lastAt(key: string, now: number): number | null {
    return this.#get(key, now)?.at ?? null;
  }

  /** What was written, if it was in the last minute. */
  written(key: string, now: number): Document | null {
    const write = this.#get(key, now);
    return write ? documentOf(write) : null;
  }

  /** The newer of what KV answers and what was written here. */
  newest(key: string, answered: Document | null, now: number): Document | null {
    const write = this.#get(key, now);
    if (!write) return answered;
    if (!answered) return write.missed ? documentOf(write) : null;
    const { incarnation, version } = answered.whole.head;
    if (incarnation === write.replaced) return documentOf(write);
    if (incarnation !== write.incarnation) return answered;
    return version < write.version || (write.text === null && version === write.version) ? documentOf(write) : answered;
  }

  #get(key: string, now: number): Write | null {
    const write = this.#writes.get(key);
    return write && Math.abs(now - write.at) < STALE_MS ? write : null;
  }

  #forget(key: string): void {
    this.#length -= this.#writes.get(key)?.text?.length ?? 0;
    this.#writes.delete(key);
  }
}

function documentOf({ text, id }: Write): Document | null {
  return text === null ? null : documentFrom(text, id);
}
