/** The rules of a commit as a pure function, for every engine that runs JavaScript: from a head and a change to the next head. */
import type { Head } from "./head.ts";
import type { Change } from "./hot-store.ts";

/** What the engine must do: `head` is the next head; messages of `change.append` that are new go in from `firstSeq`. */
export type Applied = { outcome: "done"; head: Head; firstSeq: number } | { outcome: "conflict" | "refused" | "full"; head: Head };

function isOpen(head: Head): boolean {
  return (head.status === "active" || head.status === "completed") && !head.wiped;
}

/** The seq of the last message that stays; a cut after the end cuts nothing. */
function baseOf(head: Head, change: Change): number {
  return Math.min(change.cut?.after ?? head.lastSeq, head.lastSeq);
}

/** The outcome if the change must not happen on this head, else null. */
function forbidden(head: Head, change: Change, added: { count: number; bytes: number }): "conflict" | "refused" | "full" | null {
  const { require, step } = change;
  if (head.status === "deleted") return "refused";
  // Of what was wiped nothing is left to change; only erasing remains.
  if (head.wiped && !(change.wipe && step?.to === "deleted")) return "refused";
  if (require?.version !== undefined && require.version !== head.version) return "conflict";
  if (require?.revision !== undefined && require.revision !== head.revision) return "conflict";
  if (require?.incarnation !== undefined && require.incarnation !== head.incarnation) return "conflict";
  if (step && !step.from.includes(head.status)) return "refused";
  if (require?.holdFree && head.hold) return "refused";
  if (require?.openAt !== undefined && (!isOpen(head) || (head.expiresAt !== null && head.expiresAt <= require.openAt))) return "refused";
  if (require?.expiredAt !== undefined && (!isOpen(head) || head.expiresAt === null || head.expiresAt > require.expiredAt))
    return "refused";
  const count = baseOf(head, change) + added.count;
  const bytes = (change.cut?.bytes ?? head.bytes) + added.bytes;
  if (added.count > 0 && (count > (require?.maxMessages ?? Infinity) || bytes > (require?.maxBytes ?? Infinity))) return "full";
  return null;
}

/** Moves `lastAccess` and `expiresAt` forward; an expiry beyond the engine's own clock + `capMs` counts as that. */
function touched(head: Head, touch: NonNullable<Change["touch"]>, engineNow: number): Head {
  if (head.status === "archived" || head.status === "deleted") return head;
  const cap = engineNow + (touch.capMs ?? Infinity);
  const wanted = Math.max(head.expiresAt ?? 0, touch.expiresAt ?? 0);
  return {
    ...head,
    lastAccess: touch.lastAccess === undefined ? head.lastAccess : Math.max(head.lastAccess ?? 0, touch.lastAccess),
    expiresAt: wanted === 0 ? null : Math.min(wanted, cap),
  };
}

/** Whether the change is one at all: not only a touch, nor the note that a warning was given. */
function moves(change: Change, addedCount: number): boolean {
  if (addedCount > 0 || change.cut || change.session !== undefined || change.metadata !== undefined || change.wipe) return true;
  if (change.append && change.append.length > 0) return false;
  if (change.step || change.hold !== undefined || change.tokenEpoch !== undefined || change.keyring !== undefined || change.activity)
    return true;
  if (change.subjects && change.subjects.length > 0) return true;
  // The event that goes with the note is no change either.
  return change.warnedFor === undefined && change.events !== undefined && change.events.length > 0;
}

/**
 * Applies a change to a head. `added` counts the messages of `change.append` that are not there yet (the engine has
 * looked their keys up, and has handled `once`), `engineNow` is the engine's own clock in ms. If messages were given and
 * all are repeats, with nothing else in it, the change is no more than its touch: status, version and events stay.
 * Neither argument is changed.
 */
export function applyChange(head: Head, change: Change, added: { count: number; bytes: number }, engineNow: number): Applied {
  const outcome = forbidden(head, change, added);
  if (outcome) return { outcome, head };
  let next: Head = { ...head };
  if (change.warnedFor !== undefined) next.warnedFor = change.warnedFor;
  if (!moves(change, added.count)) {
    return { outcome: "done", head: change.touch ? touched(next, change.touch, engineNow) : next, firstSeq: head.lastSeq + 1 };
  }
  next.version = head.version + 1;
  const base = baseOf(head, change);
  next.lastSeq = base + added.count;
  next.bytes = (change.cut?.bytes ?? head.bytes) + added.bytes;
  if (change.metadata !== undefined) {
    next.metadata = change.metadata;
    next.revision = head.revision + 1;
  }
  if (change.session !== undefined) next.session = change.session;
  if (change.subjects) next.subjects = [...new Set([...head.subjects, ...change.subjects])];
  if (change.hold !== undefined) next.hold = change.hold;
  if (change.tokenEpoch !== undefined) next.tokenEpoch = change.tokenEpoch;
  if (change.keyring !== undefined) next.keyring = change.keyring;
  if (change.activity) next.lastActivity = Math.max(head.lastActivity, change.now);
  if (change.step) next = stepped(next, change.step, change.now);
  if (change.wipe) next = emptied(next);
  if (change.touch) next = touched(next, change.touch, engineNow);
  return { outcome: "done", head: next, firstSeq: base + 1 };
}

/** Whether the events, the session and the marks of this change take effect: false for a mere repeat. */
export function takesEffect(change: Change, addedCount: number): boolean {
  return change.warnedFor !== undefined || moves(change, addedCount);
}

function stepped(head: Head, step: NonNullable<Change["step"]>, now: number): Head {
  switch (step.to) {
    case "active":
      return { ...head, status: "active", archivedAt: null, archiveReason: null };
    case "completed":
      return { ...head, status: "completed", completedAt: now, archivedAt: null, archiveReason: null };
    case "archived":
      // Wiping what is archived keeps when and why it was.
      if (head.status === "archived") return head;
      return { ...head, status: "archived", archivedAt: now, archiveReason: step.reason ?? null, expiresAt: null };
    case "deleted":
      return {
        ...head,
        status: "deleted",
        archivedAt: head.archivedAt ?? now,
        archiveReason: step.reason ?? head.archiveReason,
        expiresAt: null,
      };
  }
}

function emptied(head: Head): Head {
  return { ...head, wiped: true, bytes: 0, metadata: {}, session: null, subjects: [], keyring: null, revision: head.revision + 1 };
}
