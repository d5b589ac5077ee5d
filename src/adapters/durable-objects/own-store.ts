/** The conversation of one object as a hot store of its own, which the object's alarm sweeps as a server sweeps its database. */
import type { Head } from "../../core/head.ts";
import type { HotCapabilities, HotStore } from "../../core/hot-store.ts";
import { dueAt } from "./due.ts";
import type { ObjectDatabase } from "./database.ts";
import { readHead } from "./head-row.ts";
import type { Leases } from "./leases.ts";
import { newestMessages, pageOfMessages } from "./message-rows.ts";
import { forgetOnce } from "./once.ts";
import { leaseItems, removeItems } from "./outbox.ts";
import { MAX_MESSAGE_BYTES } from "./row-size.ts";
import { commit, create, remove } from "./writes.ts";

/**
 * The platform keeps every state of an object for 30 days, for recovery to a point in time, and offers no way to shorten that; what was
 * wiped is overwritten in the object itself at once.
 */
const OVERWRITTEN_WITHIN_MS = 30 * 86_400_000;

/** What objects can do, seen from outside. */
export const CAPABILITIES: HotCapabilities = {
  atomic: true,
  scan: false,
  due: "self",
  latency: "network",
  maxMessageBytes: MAX_MESSAGE_BYTES,
  once: true,
  overwrittenWithinMs: OVERWRITTEN_WITHIN_MS,
};

/** A commit that was done. `passesOn`: it left something in the outbox; `until`: when its idempotency entry ends. */
export interface Written {
  head: Head;
  passesOn: boolean;
  until: number | null;
}

/** What an object keeps, and how. `wrote`: told of every commit that was done, in the same step. */
export interface OwnStoreOptions {
  database: ObjectDatabase;
  leases: Leases;
  /** Epoch milliseconds. */
  clock: () => number;
  wrote: (written: Written) => void;
}

/** The hot store of one object. No method awaits anything, so each is one step; of other conversations it knows nothing. */
export function ownHotStore({ database, leases, clock, wrote }: OwnStoreOptions): HotStore {
  const headOf = (id: string) => {
    const head = readHead(database);
    return head?.id === id ? head : null;
  };
  const version = () => readHead(database)?.version ?? null;

  return {
    capabilities: { ...CAPABILITIES, scan: true, due: "take", latency: "local" },

    async read(id, window) {
      const head = headOf(id);
      return head && { head, messages: newestMessages(database, head.lastSeq, window) };
    },
    async messages(id, page) {
      const head = headOf(id);
      return head && pageOfMessages(database, head.lastSeq, page);
    },
    async scan(after, limit) {
      const head = readHead(database);
      return head && limit > 0 && head.id > (after ?? "") ? [head] : [];
    },

    async create(whole, options = {}) {
      const committed = create(database, whole, options, clock());
      if (committed.outcome === "done") wrote({ head: committed.head, passesOn: true, until: options.once?.until ?? null });
      return committed;
    },
    async commit(id, change) {
      const before = headOf(id);
      if (!before) return { outcome: "absent" };
      const committed = commit(database, before, change, clock());
      if (committed.outcome === "done") {
        const passesOn = committed.head.version !== before.version || change.warnedFor !== undefined;
        wrote({ head: committed.head, passesOn, until: change.once?.until ?? null });
      }
      return committed;
    },
    async remove(id, ifVersion) {
      return headOf(id) !== null && remove(database, ifVersion);
    },
    async heads(ids) {
      return ids.map(headOf);
    },

    async take(what, before, limit, leaseMs) {
      const head = readHead(database);
      const at = head && dueAt(what, head);
      const now = clock();
      if (!head || at === null || at > before || limit < 1 || !leases.isFree(what, now)) return [];
      leases.take(what, now + leaseMs);
      return [head];
    },
    async outbox(limit, leaseMs) {
      return database.made ? leaseItems(database, leases, version(), { now: clock(), limit, leaseMs }) : [];
    },
    async delivered(ns) {
      if (database.made) database.transaction(() => removeItems(database, leases, version(), ns));
    },
    async forgetOnce(now, limit) {
      return database.made ? forgetOnce(database, now, limit) : 0;
    },

    async probe() {
      return { now: clock() };
    },
    async scrub() {
      return true;
    },
    async close() {},
  };
}
