/** What the hot store and its turns share: one namespace, as this process knows it. */
import { documentFrom, textOf, type Document } from "./document.ts";
import type { KVNamespaceLike } from "./kv-namespace.ts";
import { patientKv } from "./patient-kv.ts";
import { RecentWrites } from "./recent-writes.ts";
import { createTurns, type Turns } from "./turns.ts";

/** Options of the hot store; each has a default. */
export interface KvHotStoreOptions {
  /** What keys begin with. Default `conv:`. */
  prefix?: string;
  /** Epoch milliseconds; `Date.now` by default. */
  clock?: () => number;
  /** Milliseconds by which the time between writes is measured; `clock` by default. */
  pace?: () => number;
  /** Waits before a write that was refused is tried again. */
  sleep?: (ms: number) => Promise<void>;
}

/** What a read found; `missed`: KV says that nothing is there. */
export interface Loaded {
  document: Document | null;
  missed: boolean;
}

/** Documents by the ID of their conversation. */
export interface Engine {
  readonly clock: () => number;
  /** Does the work when all earlier work on this conversation is done, whichever store over the namespace does it. */
  inTurn<T>(id: string, work: () => Promise<T>): Promise<T>;
  load(id: string): Promise<Loaded>;
  /** `missed`: the read before it found nothing. `ttlMs`: KV may drop it after so long; null: never. */
  save(id: string, document: Document, options: { missed: boolean; ttlMs: number | null }): Promise<void>;
  /** `document` is what was there. */
  remove(id: string, document: Document): Promise<void>;
  /** What was saved in the last minute, without asking KV. */
  saved(id: string): Document | null;
  /** Whether KV would refuse a write now. */
  justSaved(id: string): boolean;
  probe(): Promise<void>;
}

const WRITE_EVERY_MS = 1000;

/** By namespace, whoever uses it. */
const processes = new WeakMap<KVNamespaceLike, { turns: Turns; recent: RecentWrites }>();

/** Opens a namespace. */
export function openEngine(given: KVNamespaceLike, options: KvHotStoreOptions): Engine {
  const { prefix = "conv:", clock = Date.now, pace = clock } = options;
  const kv = patientKv(given, options.sleep);
  const process = processes.get(given) ?? { turns: createTurns(), recent: new RecentWrites() };
  processes.set(given, process);
  const { turns, recent } = process;
  const keyOf = (id: string): string => `${prefix}${id}`;

  return {
    clock,
    inTurn: (id, work) => turns(keyOf(id), work),
    async load(id) {
      const text = await kv.get(keyOf(id));
      const answered = text === null ? null : documentFrom(text, id);
      return { document: recent.newest(keyOf(id), answered, pace()), missed: text === null };
    },
    async save(id, document, { missed, ttlMs }) {
      const text = textOf(document);
      await kv.put(keyOf(id), text, ttlMs);
      recent.note(keyOf(id), document, text, pace(), missed);
    },
    async remove(id, document) {
      await kv.delete(keyOf(id));
      recent.note(keyOf(id), document, null, pace());
    },
    saved: (id) => recent.written(keyOf(id), pace()),
    justSaved(id) {
      const at = recent.lastAt(keyOf(id), pace());
      return at !== null && pace() - at < WRITE_EVERY_MS;
    },
    async probe() {
      await kv.get(keyOf("probe"));
    },
  };
}
