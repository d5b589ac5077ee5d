/** PORT: live conversations. Every write is one `commit`, atomic on every engine whose capabilities say so. */
import type { Head, LifecycleEvent, NewMessage, Status, StoredMessage, Whole } from "./head.ts";
import type { Json } from "./json.ts";
import type { Store } from "./store.ts";

/**
 * The idempotency entry of a request, stored in the same commit as its effect. `key` is already made of client, method,
 * path and key, and belongs to this conversation; `fingerprint` tells a repeat from another request under the same key.
 * From `until` on, by the engine's clock, the key is free again.
 */
export interface Once {
  key: string;
  fingerprint: string;
  until: number;
}

/** What must hold inside the commit. A different version or revision answers `conflict`, anything else `refused`. */
export interface Requirement {
  version?: number;
  revision?: number;
  /** As `version`; it changes only when a backup is restored. */
  incarnation?: string;
  /** Active or completed, not wiped, and `expiresAt` (if any) later than this. */
  openAt?: number;
  /** Active or completed, and `expiresAt` at or before this. */
  expiredAt?: number;
  /** No legal hold. */
  holdFree?: true;
  /** If messages are added: the transcript afterwards has at most so many messages and bytes; else `full`. */
  maxMessages?: number;
  maxBytes?: number;
}

/**
 * One change. What is deleted refuses every change, what is wiped every one but erasing (`wipe` with `step` to deleted).
 * Order inside the commit: replay of `once`, then repeated message keys, then `require` and `step.from`, then
 * the effect. `applyChange` in `apply-change.ts` is these rules as a pure function; engines in JavaScript use it.
 */
export interface Change {
  /** The caller's clock. */
  now: number;
  require?: Requirement;
  /** The status before must be one of `from`, else `refused`. To archived: sets `archivedAt`, `archiveReason` (reason), clears `expiresAt`. */
  step?: { from: readonly Status[]; to: Status; reason?: string };
  /** Drops what is after this seq, before appending, and frees its keys; `bytes` is the size of what stays. Needs `require.version`. */
  cut?: { after: number; bytes: number };
  /**
   * A key already there, or twice in this list, is not stored again (its old place is answered); with another digest the
   * answer is `message-conflict`. If all are repeats, and neither cut, metadata, session nor wipe is with them, the change
   * is no more than its touch: no step, no version, no events.
   */
  append?: NewMessage[];
  /** Set whole; needs `require.revision` or `require.version`. */
  metadata?: Json;
  /** Set whole. */
  session?: Json;
  /** Added to what is there. */
  subjects?: string[];
  /** Puts these bodies in the place of those that are there, and changes nothing else of the messages; needs `require.version`. For encrypting in place. */
  bodies?: { seq: number; body: string }[];
  hold?: boolean;
  tokenEpoch?: number;
  keyring?: string;
  /** `expiring` was said for this `expiresAt`. Neither this nor the events with it move the version. */
  warnedFor?: number;
  /** Moves `lastActivity` to `now`, never back. */
  activity?: true;
  /**
   * Removes messages, metadata, session, subjects, wrapped key, idempotency entries and details of undelivered events,
   * overwriting them as far as the engine can; `lastSeq` and the events of this change stay. With `step` to archived (wiping) or deleted (erasing).
   */
  wipe?: true;
  /** Moves `lastAccess` and `expiresAt` forward, never back. No `expiresAt` lies beyond the engine's own clock + `capMs`. Ignored when archived. */
  touch?: { lastAccess?: number; expiresAt?: number; capMs?: number };
  events?: LifecycleEvent[];
  once?: Once;
  /** How many of the newest messages to answer, those just added included; finite, as everything in a change can travel as JSON. */
  window?: number;
}

/** Where a message of this commit stands: its own place (`storedAt` is the change's `now`), or the old one of a repeat. In the order of `append`. */
export interface Placed {
  seq: number;
  storedAt: number;
}

/** What a commit answers. Of every outcome but `done` nothing of the change is stored. */
export type Committed =
  | {
      /** `replayed`: `head` has the version, lastSeq, lastAccess, expiresAt and status (after `create`: everything) of the first answer. */
      outcome: "done" | "replayed";
      head: Head;
      /** Empty after `create`. */
      placed: Placed[];
      /** Of `replayed`: the newest of the messages that were there after the first answer. */
      window: StoredMessage[];
    }
  | { outcome: "conflict" | "refused" | "full"; head: Head }
  | { outcome: "absent" }
  | { outcome: "key-reused" }
  | { outcome: "message-conflict"; key: string };

/** Something to pass on: an event, or (`event` null) the mark that a conversation has changed and wants indexing. */
export interface OutboxItem {
  /** Names this very item for `delivered`; stable over repeated deliveries. A mark that is renewed by a later change is another item. */
  n: string;
  id: string;
  version: number;
  event: LifecycleEvent | null;
  /** Of a mark: the transcript was cut after this seq (the smallest, if several times) since its mark was last delivered. */
  cut?: number;
}

/** What a hot store can do. */
export interface HotCapabilities {
  /** Commits are all or nothing, and compare. Without it there is `turn`. */
  atomic: boolean;
  /** `scan` lists in ID order. */
  scan: boolean;
  /** `take`: the sweep asks for what is due. `self`: the engine does it by itself. */
  due: "take" | "self";
  latency: "local" | "network";
  /** The largest message body in bytes. */
  maxMessageBytes: number;
  /** Idempotency entries are kept. */
  once: boolean;
  /** Reads may answer what was there so many milliseconds ago: a sweep waits as long before it archives. Absent: 0. */
  staleMs?: number;
  /** Milliseconds after which the engine has overwritten what was wiped, its own logs included; null: it cannot say. */
  overwrittenWithinMs: number | null;
}

export interface HotStore extends Store {
  readonly capabilities: HotCapabilities;
  /**
   * Puts a conversation if its ID is free: a new one, or one that comes back from the archive. If the ID is taken:
   * `replayed` when `once` matches the entry that made it, `key-reused` when that entry has another fingerprint, else
   * `conflict` with the head that is there. `refused`, with the tombstone, if this database's erasure log names the ID
   * and `whole` is no tombstone. `copyForMs`: the archive has this very version, and the copy may go after so long; only
   * engines that forget by themselves make use of it.
   */
  create(whole: Whole, options?: { events?: LifecycleEvent[]; once?: Once; window?: number; copyForMs?: number }): Promise<Committed>;
  commit(id: string, change: Change): Promise<Committed>;
  /** Takes a conversation out, with messages and idempotency entries; false: its version is another one, or it is not there. Undelivered outbox items stay. */
  remove(id: string, ifVersion: number): Promise<boolean>;
  /** In the order of `ids`, null where there is none. One round trip. */
  heads(ids: string[]): Promise<(Head | null)[]>;
  /**
   * What is due, oldest first, leased so that no other caller gets it for `leaseMs`:
   * `expire`: active or completed, `expiresAt` ≤ before; `warn`: the same, and `warnedFor` is not that `expiresAt`;
   * `move`: archived or deleted, `archivedAt` ≤ before.
   */
  take(what: "expire" | "warn" | "move", before: number, limit: number, leaseMs: number): Promise<Head[]>;
  /** The oldest undelivered items, leased; the events of a conversation in their order. At least once: an item comes again when its lease has passed without `delivered`. */
  outbox(limit: number, leaseMs: number): Promise<OutboxItem[]>;
  /** Takes items out of the outbox; what is not there is ignored. */
  delivered(ns: string[]): Promise<void>;
  /** Removes at most `limit` idempotency entries whose `until` is `now` or before; answers how many. */
  forgetOnce(now: number, limit: number): Promise<number>;
  /**
   * There exactly where commits cannot compare (`atomic: false`): all of one verb on one conversation. In the store that `work` is
   * given it is read at most once, a removal waits for the end, and a creation before that takes its place; turns on
   * one conversation follow each other within this process. Other conversations are read and written as ever.
   */
  turn?<T>(id: string, work: (hot: HotStore) => Promise<T>): Promise<T>;
}
