/** The hot store as one turn on one conversation sees it: read once, every change written at once, removed at the end. */
import { takesEffect } from "../../core/apply-change.ts";
import { commitWhole, newestOf } from "../../core/commit-whole.ts";
import { NotSupportedError } from "../../core/errors.ts";
import type { StoredMessage, Whole } from "../../core/head.ts";
import type { Change, HotStore } from "../../core/hot-store.ts";
import type { MessagePage } from "../../core/store.ts";
import type { Document } from "./document.ts";
import type { Engine, Loaded } from "./engine.ts";

/** A turn: its store, and what is left to do at its end. */
export interface OneTurn {
  hot: HotStore;
  end(): Promise<void>;
}

/** Begins a turn on a conversation. `store` does what is asked of others. */
export function beginTurn(engine: Engine, store: HotStore, id: string): OneTurn {
  let loaded: Loaded | null = null;
  let leaving: Document | null = null;

  async function current(): Promise<Document | null> {
    loaded ??= await engine.load(id);
    return loaded.document;
  }

  async function write(document: Document, ttlMs: number | null): Promise<void> {
    const missed = loaded?.missed ?? false;
    await engine.save(id, document, { missed, ttlMs });
    loaded = { document, missed };
    leaving = null;
  }

  const hot: HotStore = {
    ...store,
    async read(asked, window) {
      return asked === id ? windowOf(await current(), window) : store.read(asked, window);
    },
    async messages(asked, page) {
      return asked === id ? pageOf(await current(), page) : store.messages(asked, page);
    },
    async create(whole, creation = {}) {
      if (whole.head.id !== id) return store.create(whole, creation);
      const { events = [], once, window, copyForMs = null } = creation;
      refuseOnce(once);
      // KV would remember for a minute that nothing is there, so it is not asked.
      const there = loaded ? loaded.document : engine.saved(id);
      if (there) return { outcome: "conflict", head: there.whole.head };
      await write({ whole, events, others: {} }, copyForMs);
      return { outcome: "done", head: whole.head, placed: [], window: newestOf(whole.messages, window) };
    },
    async commit(asked, change) {
      if (asked !== id) return store.commit(asked, change);
      const document = await current();
      if (!document) return { outcome: "absent" };
      const { committed, next } = commitWhole(document.whole, change, engine.clock());
      if (committed.outcome !== "done") return committed;
      refuseOnce(change.once);
      if (isSame(document.whole, next)) return committed;
      // A touch by itself is not worth a write that KV would refuse.
      if (isTouch(document.whole, next) && engine.justSaved(id)) return { ...committed, head: document.whole.head };
      const others = change.wipe ? {} : document.others;
      await write({ whole: next, events: eventsAfter(document, change, next), others }, null);
      return committed;
    },
    async remove(asked, ifVersion) {
      if (asked !== id) return store.remove(asked, ifVersion);
      const document = await current();
      if (document?.whole.head.version !== ifVersion) return false;
      leaving = document;
      loaded = { document: null, missed: false };
      return true;
    },
    turn: (asked, work) => (asked === id ? work(hot) : store.turn!(asked, work)),
  };

  return {
    hot,
    async end() {
      if (leaving) await engine.remove(id, leaving);
    },
  };
}

/** A document with its newest messages. */
export function windowOf(document: Document | null, window: number): Whole | null {
  return document && { head: document.whole.head, messages: newestOf(document.whole.messages, window) };
}

/** A stretch of a document's messages. */
export function pageOf(document: Document | null, { after = 0, before = Infinity, limit, order }: MessagePage): StoredMessage[] | null {
  if (!document) return null;
  const stretch = document.whole.messages.filter(({ seq }) => seq > after && seq < before);
  if (order === "desc") stretch.reverse();
  return stretch.slice(0, limit);
}

function refuseOnce(once: unknown): void {
  if (once) throw new NotSupportedError("Cloudflare KV keeps no idempotency keys; give messages an id, by which a repeat is known");
}

/** Whether nothing but the touch has moved. */
function isTouch({ head: before }: Whole, { head: after }: Whole): boolean {
  return before.version === after.version && before.warnedFor === after.warnedFor;
}

function isSame(before: Whole, after: Whole): boolean {
  return isTouch(before, after) && before.head.lastAccess === after.head.lastAccess && before.head.expiresAt === after.head.expiresAt;
}

/** The events with those of the change; of what was wiped only type and time of the older ones stay. */
function eventsAfter({ whole, events }: Document, change: Change, next: Whole): Document["events"] {
  const older = change.wipe ? events.map(({ type, at }) => ({ type, at, details: {} })) : events;
  const kept = change.cut ? Math.min(change.cut.after, whole.messages.length) : whole.messages.length;
  return takesEffect(change, next.messages.length - kept) ? [...older, ...(change.events ?? [])] : older;
}
