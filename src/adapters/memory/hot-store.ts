/** The hot store in memory: `applyChange` decides, this file keeps. No method awaits anything, so each is one step. */
import { applyChange, takesEffect } from "../../core/apply-change.ts";
import type { Head, NewMessage } from "../../core/head.ts";
import type { Change, Committed, HotStore, Once, Placed } from "../../core/hot-store.ts";
import { takeEntry } from "./entries.ts";
import { addEvent, emptyDetails, leaseItems, markChanged, removeItems } from "./outbox.ts";
import { copyOf, readingFrom } from "./pages.ts";
import { newest, tombstone, type Live, type MemoryState, type OnceEntry } from "./state.ts";

/** A hot store over a state. */
export function memoryHotStore(state: MemoryState): HotStore {
  const { live, clock } = state;

  return {
    capabilities: {
      atomic: true,
      scan: true,
      due: "take",
      latency: "local",
      maxMessageBytes: Number.MAX_SAFE_INTEGER,
      once: true,
      overwrittenWithinMs: 0,
    },
    ...readingFrom(live),

    async create(whole, { events = [], once, window = 0 } = {}) {
      const { id } = whole.head;
      const there = live.get(id);
      if (there) {
        const entry = once && entryOf(there, once, clock());
        if (!entry) return { outcome: "conflict", head: copyOf(there.head) };
        return entry.fingerprint === once.fingerprint ? replay(there, entry, window) : { outcome: "key-reused" };
      }
      if (state.erasures.has(id) && whole.head.status !== "deleted") {
        return { outcome: "refused", head: copyOf(state.archived.get(id)?.head ?? tombstone(whole.head, clock())) };
      }
      const head = copyOf(whole.head);
      const messages = whole.messages.map((message) => ({ ...message }));
      const places = new Map(messages.filter(({ digest }) => digest !== null).map(({ key, seq }) => [key, seq]));
      const made: Live = { head, messages, places, once: new Map(), leases: new Map() };
      if (once) made.once.set(once.key, { fingerprint: once.fingerprint, until: once.until, answered: copyOf(head), placed: [] });
      live.set(id, made);
      for (const event of events) addEvent(state, id, head.version, event);
      markChanged(state, id, head.version, undefined);
      takeEntry(state, head);
      return { outcome: "done", head: copyOf(head), placed: [], window: newest(messages, window) };
    },

    async commit(id, change) {
      const here = live.get(id);
      if (!here) return { outcome: "absent" };
      const { once, window = 0 } = change;
      const entry = once && entryOf(here, once, clock());
      if (entry) return entry.fingerprint === once.fingerprint ? replay(here, entry, window) : { outcome: "key-reused" };

      const sorted = sortOut(here, change);
      if ("conflicting" in sorted) return { outcome: "message-conflict", key: sorted.conflicting };
      const { fresh, places } = sorted;
      const bytes = fresh.reduce((sum, { size }) => sum + size, 0);
      const applied = applyChange(here.head, change, { count: fresh.length, bytes }, clock());
      if (applied.outcome !== "done") return { outcome: applied.outcome, head: copyOf(applied.head) };

      const placed = places.map((place) => ("old" in place ? place.old : { seq: applied.firstSeq + place.fresh, storedAt: change.now }));
      keep(state, here, change, { head: copyOf(applied.head), fresh, firstSeq: applied.firstSeq });
      if (once) {
        const { version, lastSeq, lastAccess, expiresAt, status } = here.head;
        const answered = { version, lastSeq, lastAccess, expiresAt, status };
        here.once.set(once.key, { fingerprint: once.fingerprint, until: once.until, answered, placed });
      }
      return { outcome: "done", head: copyOf(here.head), placed: structuredClone(placed), window: newest(here.messages, window) };
    },

    async remove(id, ifVersion) {
      return live.get(id)?.head.version === ifVersion && live.delete(id);
    },

    async heads(ids) {
      return ids.map((id) => {
        const here = live.get(id);
        return here ? copyOf(here.head) : null;
      });
    },

    async take(what, before, limit, leaseMs) {
      const now = clock();
      const due = [...live.values()]
        .filter(({ leases }) => (leases.get(what) ?? 0) <= now)
        .map((here) => ({ here, at: dueAt(what, here.head) }))
        .filter(({ at }) => at !== null && at <= before)
        .toSorted((a, b) => a.at! - b.at!)
        .slice(0, limit);
      for (const { here } of due) here.leases.set(what, now + leaseMs);
      return due.map(({ here }) => copyOf(here.head));
    },

    async outbox(limit, leaseMs) {
      return leaseItems(state, limit, leaseMs);
    },

    async delivered(ns) {
      removeItems(state, ns);
    },

    async forgetOnce(now, limit) {
      let removed = 0;
      for (const { once } of live.values()) {
        for (const [key, { until }] of once) if (removed < limit && until <= now && once.delete(key)) removed++;
      }
      return removed;
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

/** The idempotency entry under this key, unless it has ended. */
function entryOf(here: Live, once: Once, now: number): OnceEntry | undefined {
  const entry = here.once.get(once.key);
  return entry && entry.until > now ? entry : undefined;
}

/** What was answered first, with the window as it was then. */
function replay(here: Live, entry: OnceEntry, window: number): Committed {
  const head = copyOf({ ...here.head, ...entry.answered });
  const messages = here.messages.filter(({ seq }) => seq <= head.lastSeq);
  return { outcome: "replayed", head, placed: structuredClone(entry.placed), window: newest(messages, window) };
}

type Sorted = { fresh: NewMessage[]; places: ({ old: Placed } | { fresh: number })[] } | { conflicting: string };

/** Tells the messages that are new from repeats, of what is stored or of each other. What the change cuts is not there any more. */
function sortOut({ messages, places: known }: Live, { append = [], cut }: Change): Sorted {
  const fresh: NewMessage[] = [];
  const places: ({ old: Placed } | { fresh: number })[] = [];
  for (const message of append) {
    const seq = message.digest === null ? undefined : known.get(message.key);
    const old = seq === undefined || seq > (cut?.after ?? Infinity) ? undefined : messages[seq - 1];
    const twin = old || message.digest === null ? -1 : fresh.findIndex(({ key }) => key === message.key);
    const same = old ?? fresh[twin];
    if (same && same.digest !== message.digest) return { conflicting: message.key };
    if (old) places.push({ old: { seq: old.seq, storedAt: old.storedAt } });
    else if (same) places.push({ fresh: twin });
    else places.push({ fresh: fresh.push(message) - 1 });
  }
  return { fresh, places };
}

/** Stores the effect of a change: messages, head, outbox, and the directory's entry where it shows. */
function keep(state: MemoryState, here: Live, change: Change, next: { head: Head; fresh: readonly NewMessage[]; firstSeq: number }): void {
  const { head: before } = here;
  const { head } = next;
  if (change.cut) {
    for (const { key } of here.messages.splice(change.cut.after)) here.places.delete(key);
  }
  if (change.wipe) {
    here.messages = [];
    here.places.clear();
    here.once.clear();
    emptyDetails(state, head.id);
  }
  for (const { seq, body } of change.bodies ?? []) {
    const message = here.messages[seq - 1];
    if (message) here.messages[seq - 1] = { ...message, body };
  }
  for (const [i, { key, digest, body, size }] of next.fresh.entries()) {
    const seq = next.firstSeq + i;
    here.messages.push({ seq, storedAt: change.now, key, digest, body, size });
    if (digest !== null) here.places.set(key, seq);
  }
  // What was leased as one thing is due as another.
  if (before.status !== head.status) here.leases.clear();
  here.head = head;
  if (takesEffect(change, next.fresh.length)) for (const event of change.events ?? []) addEvent(state, head.id, head.version, event);
  if (head.version !== before.version) markChanged(state, head.id, head.version, change.cut?.after);
  if (showsInLists(before, head)) takeEntry(state, head);
}

/** Whether the entry must change in the same step; counts and times follow with the mark. */
function showsInLists(before: Head, after: Head): boolean {
  return (
    before.status !== after.status ||
    before.revision !== after.revision ||
    before.wiped !== after.wiped ||
    before.hold !== after.hold ||
    before.subjects.length !== after.subjects.length
  );
}

/** When something is due, or null. */
function dueAt(what: "expire" | "warn" | "move", { status, expiresAt, archivedAt, warnedFor }: Head): number | null {
  const open = status === "active" || status === "completed";
  if (what === "move") return open ? null : archivedAt;
  return open && !(what === "warn" && warnedFor === expiresAt) ? expiresAt : null;
}
