/** What the hot store and its turns share: one namespace, as this process knows it. */
import type { StoredDataError } from "../../core/errors.ts";
import { documentFrom, textOf, type Document } from "./document.ts";
import { metadataOf, readMetadata, type Due } from "./due.ts";
import type { KVNamespaceLike } from "./kv-namespace.ts";
import { emptyListing, type ListingState } from "./listing-state.ts";
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
  /** Told of each record that is not readable when all are listed; it is left out, so that one that is damaged does not hide the others. */
  onUnreadable?: (id: string, error: StoredDataError) => void;
}

/** What a read found; `missed`: KV says that nothing is there. */
export interface Loaded {
  document: Document | null;
  missed: boolean;
}

/** Documents by the ID of their conversation. */
export interface Engine {
  readonly clock: () => number;
  /** Whether keys can be listed. */
  readonly lists: boolean;
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
  /** A page of conversations in the order of their IDs, as keys tell of them, and where to go on, or null. What else lies in the namespace is left out. */
  list(cursor: string | null, limit: number): Promise<{ listed: Listed[]; cursor: string | null }>;
  /** Told of a record that a list leaves out. */
  readonly unreadable: (id: string, error: StoredDataError) => void;
  /** What those who list know from each other in this process. */
  readonly listing: ListingState;
  probe(): Promise<void>;
}

/** A conversation as its key tells of it; `due` null: it was written by somebody who tells nothing there. */
export interface Listed {
  id: string;
  due: Due | null;
}

const WRITE_EVERY_MS = 1000;

/** A conversation ID of any prefix. */
const ID = /^[A-Z][A-Z0-9]{1,15}_\d{8}_\d{6}_[A-Z0-9]{12}_[PSD]$/;

/** By namespace, whoever uses it. */
const processes = new WeakMap<KVNamespaceLike, { turns: Turns; recent: RecentWrites; listings: Map<string, ListingState> }>();

/** Opens a namespace. */
export function openEngine(given: KVNamespaceLike, options: KvHotStoreOptions): Engine {
  const { prefix = "conv:", clock = Date.now, pace = clock } = options;
  const kv = patientKv(given, options.sleep);
  const process = processes.get(given) ?? { turns: createTurns(), recent: new RecentWrites(), listings: new Map<string, ListingState>() };
  processes.set(given, process);
  const { turns, recent } = process;
  const listing = process.listings.get(prefix) ?? emptyListing();
  process.listings.set(prefix, listing);
  const keyOf = (id: string): string => `${prefix}${id}`;

  return {
    clock,
    lists: kv.lists,
    listing,
    unreadable: options.onUnreadable ?? (() => {}),
    inTurn: (id, work) => turns(keyOf(id), work),
    async load(id) {
      const text = await kv.get(keyOf(id));
      const answered = text === null ? null : documentFrom(text, id);
      return { document: recent.newest(keyOf(id), answered, pace()), missed: text === null };
    },
    async save(id, document, { missed, ttlMs }) {
      const text = textOf(document);
      await kv.put(keyOf(id), text, ttlMs, kv.lists ? metadataOf(document.whole.head) : undefined);
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
    async list(cursor, limit) {
      const page = await kv.list(prefix, cursor, limit);
      const ids = page.keys.map(({ name, metadata }) => ({ id: name.slice(prefix.length), due: readMetadata(metadata) }));
      return { listed: ids.filter(({ id }) => ID.test(id)), cursor: page.list_complete ? null : (page.cursor ?? null) };
    },
    async probe() {
      await kv.get(keyOf("probe"));
    },
  };
}
