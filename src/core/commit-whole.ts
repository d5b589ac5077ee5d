/** A commit on a conversation that is one value: for engines that keep it as one document, and for what comes back changed from the archive. */
import { applyChange } from "./apply-change.ts";
import type { NewMessage, StoredMessage, Whole } from "./head.ts";
import type { Change, Committed, Placed } from "./hot-store.ts";

/** What a commit answers, and the conversation as it is to be stored; `next` is the one that was given unless the answer is `done`. */
export interface WholeCommit {
  committed: Committed;
  next: Whole;
}

type Place = { old: Placed } | { fresh: number };
type Sorted = { fresh: NewMessage[]; places: Place[] } | { conflicting: string };

/** Tells what is new from repeats, of what is stored or of each other. What the change cuts is not there any more. */
function sortOut(stored: readonly StoredMessage[], { append = [], cut }: Change): Sorted {
  const known = new Map<string, StoredMessage>();
  if (append.some(({ digest }) => digest !== null)) {
    // From the end, so that of one key twice (a transcript that was saved whole) the first place counts.
    for (let i = Math.min(cut?.after ?? stored.length, stored.length) - 1; i >= 0; i--) {
      const message = stored[i]!;
      if (message.digest !== null) known.set(message.key, message);
    }
  }
  const fresh: NewMessage[] = [];
  const places: Place[] = [];
  for (const message of append) {
    const old = message.digest === null ? undefined : known.get(message.key);
    const twin = old || message.digest === null ? -1 : fresh.findIndex(({ key }) => key === message.key);
    const same = old ?? fresh[twin];
    if (same && same.digest !== message.digest) return { conflicting: message.key };
    if (old) places.push({ old: { seq: old.seq, storedAt: old.storedAt } });
    else places.push({ fresh: same ? twin : fresh.push(message) - 1 });
  }
  return { fresh, places };
}

/**
 * Applies a change, its messages included, by the rules of `applyChange`; `engineNow` is the engine's own clock in ms.
 * Idempotency entries (`once`) are the caller's. Neither argument is changed; unchanged parts are shared, not copied.
 */
export function commitWhole(whole: Whole, change: Change, engineNow: number): WholeCommit {
  const sorted = sortOut(whole.messages, change);
  if ("conflicting" in sorted) return { committed: { outcome: "message-conflict", key: sorted.conflicting }, next: whole };
  const { fresh, places } = sorted;
  const bytes = fresh.reduce((sum, { size }) => sum + size, 0);
  const applied = applyChange(whole.head, change, { count: fresh.length, bytes }, engineNow);
  if (applied.outcome !== "done") return { committed: { outcome: applied.outcome, head: applied.head }, next: whole };

  const { head, firstSeq } = applied;
  const kept = withBodies(change.wipe ? [] : change.cut ? whole.messages.slice(0, change.cut.after) : whole.messages, change.bodies);
  const added = fresh.map(({ key, digest, body, size }, i) => ({ seq: firstSeq + i, storedAt: change.now, key, digest, body, size }));
  const messages = added.length > 0 ? [...kept, ...added] : kept;
  const placed = places.map((place) => ("old" in place ? place.old : { seq: firstSeq + place.fresh, storedAt: change.now }));
  return {
    committed: { outcome: "done", head, placed, window: newestOf(messages, change.window) },
    next: { head, messages },
  };
}

/** Other bodies in the places of some. */
function withBodies(messages: StoredMessage[], bodies: Change["bodies"]): StoredMessage[] {
  if (!bodies || bodies.length === 0) return messages;
  const other = new Map(bodies.map(({ seq, body }) => [seq, body]));
  return messages.map((message) => ({ ...message, body: other.get(message.seq) ?? message.body }));
}

/** The newest `window` messages, oldest first; none if it is 0 or absent. */
export function newestOf(messages: readonly StoredMessage[], window = 0): StoredMessage[] {
  return window > 0 ? messages.slice(-window) : [];
}
