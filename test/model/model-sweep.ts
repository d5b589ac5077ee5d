// What a sweep does to one conversation of the model: it archives what has expired, says `expiring`, and takes what is over out of the hot store.

import {
  archive,
  changed,
  copy,
  DAY,
  HOUR,
  iso,
  isExpired,
  isOpen,
  MINUTE,
  type ModelConversation,
  type Moment,
} from "./model-conversation.ts";

/** One way in which a sweep may leave a conversation, and what it counts: at least, and at most. */
export interface Swept {
  state: ModelConversation;
  archived: number;
  warned: [least: number, most: number];
  moved: [least: number, most: number];
}

/** What is over stays in the hot store while a late retry could come: as long as idempotency keys are kept. */
const STAY = DAY;

/** The ways. A sweep takes up the same conversation at most once a minute, so what failed a moment ago may wait. */
export function swept(c: ModelConversation, { now }: Moment): Swept[] {
  const lately = (what: keyof ModelConversation["taken"]) => now - c.taken[what] <= MINUTE;
  const states = [copy(c)];
  if (isExpired(c, now)) {
    const after = copy(c);
    archive(after, now, "expired");
    changed(after);
    if (!lately("expire")) states.pop();
    states.unshift(after);
  }
  return states.map((state) => {
    // What should have been archived is looked at again when it is too late to warn.
    if (isExpired(state, now)) state.taken.warn = now;
    const result: Swept = { state, archived: state.version - c.version, warned: [0, 0], moved: [0, 0] };
    if (isWarnable(state, now)) {
      const expiresAt = state.expiresAt!;
      const before = state.warnings.get(expiresAt);
      const at = [...(before ?? []), now];
      const warnings = new Map(state.warnings);
      result.warned = [lately("warn") || before ? 0 : 1, 1];
      if (lately("warn")) {
        warnings.set(expiresAt, at);
      } else {
        warnings.delete(expiresAt);
        state.events.push({ type: "expiring", at, details: [{ expiresAt: iso(expiresAt) }], delivered: "no", sure: true });
        state.warnedFor = expiresAt;
        state.taken.warn = now;
      }
      state.warnings = warnings;
    }
    if (isMovable(state, now)) {
      result.moved = [lately("move") || state.place === "unsure" ? 0 : 1, 1];
      state.place = lately("move") ? "unsure" : "archive";
      state.taken.move = now;
    }
    return result;
  });
}

/** The ways in which a sweep that failed somewhere may leave it. */
export function sweptAtFault(c: ModelConversation, { now }: Moment): Swept[] {
  const same = copy(c);
  const states = [same];
  if (isWarnable(same, now)) {
    same.warnings = new Map([...same.warnings, [same.expiresAt!, [...(same.warnings.get(same.expiresAt!) ?? []), now]]]);
    same.taken.warn = now;
  }
  if (isExpired(c, now)) {
    same.taken = { ...same.taken, expire: now, warn: now };
    const after = copy(c);
    archive(after, now, "expired");
    changed(after);
    states.push(after);
  }
  return states.map((state) => {
    if (isMovable(state, now)) {
      state.place = "unsure";
      state.taken.move = now;
    }
    return { state, archived: state.version - c.version, warned: [0, 1], moved: [0, 1] };
  });
}

/** What a sweep would count now, without doing it. */
export function due(c: ModelConversation, { now }: Moment): Omit<Swept, "state"> {
  const expired = isExpired(c, now);
  const warned = isWarnable(c, now) ? 1 : 0;
  const moved = isMovable(c, now) ? 1 : 0;
  return {
    archived: expired ? 1 : 0,
    warned: [c.warnings.has(c.expiresAt ?? 0) ? 0 : warned, warned],
    moved: [c.place === "unsure" ? 0 : moved, moved],
  };
}

function isWarnable(c: ModelConversation, now: number): boolean {
  return isOpen(c) && c.expiresAt !== null && !isExpired(c, now) && c.expiresAt <= now + HOUR && c.warnedFor !== c.expiresAt;
}

function isMovable(c: ModelConversation, now: number): boolean {
  return !isOpen(c) && c.archivedAt !== null && c.archivedAt <= now - STAY && c.place !== "archive";
}
