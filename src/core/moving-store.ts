/**
 * A hot store that moves into another one under traffic: from KV to Durable Objects, for example. What is new is made in the new store; what
 * only the old one has is read there, and moves over, once, with the first write on it.
 *
 * Everybody who writes must use this store: what older code writes into the old one after a conversation has moved is not seen any more.
 */
import type { Archive } from "./archive.ts";
import { NotSupportedError } from "./errors.ts";
import type { Head } from "./head.ts";
import type { HotStore } from "./hot-store.ts";

/** From where, and to where. */
export interface MovingOptions {
  from: HotStore;
  /** Its commits must be atomic: of several that move one conversation at once, one creates it. */
  to: HotStore;
  /** The archive behind both. It tells what the old store still has of a conversation that went on in the new one and is over since. */
  archive: Archive | null;
}

/** A hot store that moves, and can be told to. */
export interface MovingHotStore extends HotStore {
  /** Moves one conversation over, unless it has moved already; false: the old store has nothing of it to move. */
  move(id: string): Promise<boolean>;
}

/** Marks items of the old store's outbox. */
const OLD = "old:";

/**
 * Both stores as one. The new one is asked first, so what it has counts, whatever the old one still holds. Idempotency entries do not move, and
 * it cannot `scan`; what is due in the old store is found by whoever asks for it, or by `move`.
 */
export function movingHotStore({ from, to, archive }: MovingOptions): MovingHotStore {
  if (!to.capabilities.atomic) throw new NotSupportedError("A store can only move into one whose commits are atomic");

  /** Takes out what the old store holds; the new one has it, or the archive. */
  async function leave(id: string): Promise<void> {
    const head = (await from.read(id, 0))?.head;
    if (head) await from.remove(id, head.version);
  }

  /** What only the old store has; null: it has nothing, or only what a move that was cut short has left there. */
  async function onlyOld(id: string): Promise<Head | null> {
    const head = (await from.read(id, 0))?.head;
    if (!head) return null;
    const over = (await archive?.read(id, 0))?.head;
    // The new store forgets what the archive has; the old one must not bring back what it was before.
    if (over?.incarnation !== head.incarnation || over.version < head.version) return head;
    await from.remove(id, head.version);
    return null;
  }

  async function move(id: string): Promise<boolean> {
    if (!(await onlyOld(id))) return false;
    const whole = await from.read(id, Infinity);
    if (!whole) return false;
    // Whoever comes second finds it there; from here on it counts.
    await to.create(whole);
    await leave(id);
    return true;
  }

  /** Asks the new store, else the old one; and, if a move came between the two, the new one again. */
  async function find<T>(id: string, ask: (store: HotStore) => Promise<T | null>): Promise<T | null> {
    const found = await ask(to);
    if (found !== null) return found;
    const old = (await onlyOld(id)) ? await ask(from) : null;
    return old ?? ask(to);
  }

  async function headIn(store: HotStore, id: string): Promise<Head | null> {
    return (await store.heads([id]))[0] ?? null;
  }

  return {
    capabilities: {
      ...to.capabilities,
      scan: false,
      maxMessageBytes: Math.min(from.capabilities.maxMessageBytes, to.capabilities.maxMessageBytes),
      overwrittenWithinMs: longer(from.capabilities.overwrittenWithinMs, to.capabilities.overwrittenWithinMs),
    },
    move,

    read: (id, window) => find(id, (store) => store.read(id, window)),
    messages: (id, page) => find(id, (store) => store.messages(id, page)),
    async scan() {
      throw new NotSupportedError("Conversations that are moving between stores cannot be listed here; the directory lists them");
    },

    async create(whole, options) {
      const { id } = whole.head;
      await move(id);
      return to.create(whole, options);
    },
    async commit(id, change) {
      // What is to go for good must go from both.
      if (change.wipe && !(await move(id))) await leave(id);
      const committed = await to.commit(id, change);
      if (committed.outcome !== "absent") return committed;
      await move(id);
      return to.commit(id, change);
    },
    async remove(id, ifVersion) {
      if (await headIn(to, id)) {
        await leave(id);
        return to.remove(id, ifVersion);
      }
      return (await onlyOld(id)) !== null && from.remove(id, ifVersion);
    },
    async heads(ids) {
      const heads = await to.heads(ids);
      return Promise.all(ids.map(async (id, i) => heads[i] ?? find(id, (store) => headIn(store, id))));
    },

    take: (what, before, limit, leaseMs) => to.take(what, before, limit, leaseMs),
    async outbox(limit, leaseMs) {
      const items = await to.outbox(limit, leaseMs);
      if (items.length === limit) return items;
      const old = await from.outbox(limit - items.length, leaseMs);
      return [...items, ...old.map((item) => ({ ...item, n: OLD + item.n }))];
    },
    async delivered(ns) {
      const old = ns.filter((n) => n.startsWith(OLD)).map((n) => n.slice(OLD.length));
      if (old.length > 0) await from.delivered(old);
      await to.delivered(ns.filter((n) => !n.startsWith(OLD)));
    },
    async forgetOnce(now, limit) {
      const removed = await to.forgetOnce(now, limit);
      return removed + (removed < limit ? await from.forgetOnce(now, limit - removed) : 0);
    },

    async probe() {
      const [probed] = await Promise.all([to.probe(), from.probe()]);
      return probed;
    },
    async scrub() {
      return (await Promise.all([to.scrub(), from.scrub()])).every(Boolean);
    },
    async close() {
      await Promise.all([to.close(), from.close()]);
    },
  };
}

/** The longer of two times, of which null is the longest. */
function longer(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : Math.max(a, b);
}
