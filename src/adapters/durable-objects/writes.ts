/** Writes on the conversation of one object, each one synchronous transaction. `applyChange` decides, this file keeps. */
import { applyChange, takesEffect } from "../../core/apply-change.ts";
import type { Head, LifecycleEvent, NewMessage, Whole } from "../../core/head.ts";
import type { Change, Committed, Once, Placed } from "../../core/hot-store.ts";
import type { ObjectDatabase } from "./database.ts";
import { deleteHead, overwriteHead, putHead, readHead } from "./head-row.ts";
import { deleteAfter, findKey, insertMessage, LAST_SEQ, newestMessages, replaceBody, wipeMessages } from "./message-rows.ts";
import { findOnce, keepOnce, wipeOnce, type OnceAnswer } from "./once.ts";
import { addEvents, emptyDetails, keepMark, markChanged } from "./outbox.ts";

/** Options of `HotStore.create`. */
export interface Creation {
  events?: LifecycleEvent[];
  once?: Once;
  window?: number;
}

type Place = { old: Placed } | { fresh: number };
type Sorted = { fresh: NewMessage[]; places: Place[] } | { conflicting: string };

/** Tells the messages that are new from repeats, of what is stored or of each other. What the change cuts is not there any more. */
function sortOut(database: ObjectDatabase, { append = [], cut }: Change): Sorted {
  const fresh: NewMessage[] = [];
  const places: Place[] = [];
  const twins = new Map<string, number>();
  for (const message of append) {
    const { key, digest } = message;
    const old = digest === null ? undefined : findKey(database, key, cut?.after ?? LAST_SEQ);
    const twin = old || digest === null ? undefined : twins.get(key);
    const known = old ?? (twin === undefined ? undefined : fresh[twin]);
    if (known && known.digest !== digest) return { conflicting: key };
    if (old) {
      places.push({ old: { seq: old.seq, storedAt: old.storedAt } });
      continue;
    }
    const place = twin ?? fresh.push(message) - 1;
    if (digest !== null) twins.set(key, place);
    places.push({ fresh: place });
  }
  return { fresh, places };
}

/** What was answered first, on the head as it is now, with the window as it was, as far as it was not cut since. */
function replay(database: ObjectDatabase, now: Head, { head: answered, placed }: OnceAnswer, window: number): Committed {
  const head = { ...now, ...answered };
  return { outcome: "replayed", head, placed, window: newestMessages(database, Math.min(head.lastSeq, now.lastSeq), window) };
}

/** `HotStore.create`. `now`: the engine's clock. */
export function create(
  database: ObjectDatabase,
  { head, messages }: Whole,
  { events = [], once, window = 0 }: Creation,
  now: number,
): Committed {
  const there = readHead(database);
  if (there) {
    const found = once && findOnce(database, once, now);
    if (!found) return { outcome: "conflict", head: there };
    return found === "reused" ? { outcome: "key-reused" } : replay(database, there, found, window);
  }
  return database.transaction(() => {
    putHead(database, head);
    for (const message of messages) insertMessage(database, message.seq, message.storedAt, message);
    addEvents(database, head.id, head.version, events);
    markChanged(database, head.id, head.version, null);
    if (once) keepOnce(database, once, { head, placed: [] });
    return { outcome: "done", head, placed: [], window: newestMessages(database, head.lastSeq, window) };
  }, true);
}

/** `HotStore.commit` on the head that is there. `now`: the engine's clock. */
export function commit(database: ObjectDatabase, before: Head, change: Change, now: number): Committed {
  const { once, window = 0 } = change;
  const found = once && findOnce(database, once, now);
  if (found) return found === "reused" ? { outcome: "key-reused" } : replay(database, before, found, window);
  const sorted = sortOut(database, change);
  if ("conflicting" in sorted) return { outcome: "message-conflict", key: sorted.conflicting };
  const { fresh, places } = sorted;
  const bytes = fresh.reduce((sum, { size }) => sum + size, 0);
  const applied = applyChange(before, change, { count: fresh.length, bytes }, now);
  if (applied.outcome !== "done") return { outcome: applied.outcome, head: applied.head };
  const { head, firstSeq } = applied;
  const placed = places.map((place) => ("old" in place ? place.old : { seq: firstSeq + place.fresh, storedAt: change.now }));
  return database.transaction(() => {
    keep(database, before, head, change, { fresh, firstSeq });
    if (once) {
      const { version, lastSeq, lastAccess, expiresAt, status } = head;
      keepOnce(database, once, { head: { version, lastSeq, lastAccess, expiresAt, status }, placed });
    }
    return { outcome: "done", head, placed, window: newestMessages(database, head.lastSeq, window) };
  });
}

/** Stores the effect of a change. */
function keep(
  database: ObjectDatabase,
  before: Head,
  head: Head,
  change: Change,
  { fresh, firstSeq }: { fresh: readonly NewMessage[]; firstSeq: number },
): void {
  if (change.cut) deleteAfter(database, change.cut.after);
  if (change.wipe) {
    wipeMessages(database);
    wipeOnce(database);
    emptyDetails(database);
    overwriteHead(database);
  }
  for (const { seq, body } of change.bodies ?? []) replaceBody(database, seq, body);
  for (const [i, message] of fresh.entries()) insertMessage(database, firstSeq + i, change.now, message);
  putHead(database, head);
  if (change.events && takesEffect(change, fresh.length)) addEvents(database, head.id, head.version, change.events);
  if (head.version !== before.version) markChanged(database, head.id, head.version, change.cut?.after ?? null);
}

/** `HotStore.remove`. */
export function remove(database: ObjectDatabase, ifVersion: number): boolean {
  if (readHead(database)?.version !== ifVersion) return false;
  database.transaction(() => {
    deleteAfter(database, 0);
    wipeOnce(database);
    keepMark(database, ifVersion);
    deleteHead(database);
  });
  return true;
}
