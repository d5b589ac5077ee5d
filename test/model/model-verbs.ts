// The verbs of the model that carry no content: reading, completing, extending, archiving, reopening, holding, wiping, erasing.

import type { VerbCommand } from "./command.ts";
import {
  activate,
  archive,
  changed,
  copy,
  expiredFirst,
  isExpired,
  isOpen,
  MINUTE,
  receiptOf,
  say,
  touch,
  view,
  type ModelConversation,
  type Moment,
} from "./model-conversation.ts";
import { eitherWay, refusals, refused, type Possible, type Wanted } from "./possible.ts";
import type { Show } from "./command.ts";

/** A read, which counts as access, or a peek, which changes nothing. */
export function read(c: ModelConversation, moment: Moment, show: Show, access: boolean): Possible[] {
  const { now } = moment;
  if (c.status === "deleted") return [{ state: copy(c), answer: { errors: ["gone"] } }];
  if (!access || !isOpen(c)) return [{ state: copy(c), answer: { value: view(c, now, show) } }];
  const after = expiredFirst(c, now);
  if (isOpen(after) && (c.lastAccess === null || now - c.lastAccess > MINUTE)) touch(after, moment);
  return [{ state: after, answer: { value: view(after, now, show) } }];
}

/** A read whose touch or archiving may have failed: the answer comes nevertheless. */
export function readAtFault(c: ModelConversation, moment: Moment, show: Show): Possible[] {
  const states = [c, ...read(c, moment, show, true).map(({ state }) => state)];
  return c.status === "deleted" ? [] : states.map((state) => ({ state: copy(state), answer: { value: view(c, moment.now, show) } }));
}

/** The verb of a command on this conversation. */
export function verb(c: ModelConversation, command: VerbCommand, wanted: Wanted, moment: Moment): Possible[] {
  switch (command.do) {
    case "complete":
      return complete(c, command.show, wanted, moment);
    case "reopen":
      return reopen(c, command.show, wanted, moment);
    case "extend":
      return extend(c, command, wanted, moment);
    case "archive":
      return command.preserve ? over(c, command.reason, wanted, moment) : remove(c, "wiped", command.reason ?? "completed", wanted, moment);
    case "erase":
      return remove(c, "erased", command.reason, wanted, moment);
    case "hold":
    case "release":
      return holding(c, command, wanted, moment);
  }
}

function asStored(c: ModelConversation, now: number, show: Show): Possible[] {
  return [{ state: copy(c), answer: { value: view(c, now, show) } }];
}

function done(c: ModelConversation, moment: Moment, show: Show): Possible[] {
  changed(c);
  return [{ state: c, answer: { value: view(c, moment.now, show) } }];
}

function complete(c: ModelConversation, show: Show, wanted: Wanted, moment: Moment): Possible[] {
  const { now } = moment;
  const errors = refusals(c, wanted);
  const after = expiredFirst(c, now);
  if (after.status === "archived") errors.push("conflict");
  if (errors.length > 0) return refused(c, now, errors);
  if (after.status === "completed") return asStored(after, now, show);
  Object.assign(after, { status: "completed", completedAt: now });
  say(after, "completed", now);
  touch(after, moment);
  return done(after, moment, show);
}

function reopen(c: ModelConversation, show: Show, wanted: Wanted, moment: Moment): Possible[] {
  const { now } = moment;
  const errors = refusals(c, wanted);
  if (errors.length > 0) return refused(c, now, errors);
  const after = expiredFirst(c, now);
  if (after.status === "active") return asStored(after, now, show);
  activate(after, now);
  after.lastActivity = now;
  touch(after, moment);
  return done(after, moment, show);
}

function extend(c: ModelConversation, command: VerbCommand & { do: "extend" }, wanted: Wanted, moment: Moment): Possible[] {
  const { now, rules } = moment;
  const errors = [...refusals(c, wanted), ...(command.hours < 1 ? ["invalid_input"] : [])];
  if (errors.length > 0) return refused(c, now, errors);
  const hours = Math.min(command.hours, rules.maxExtensionHours);
  const after = expiredFirst(c, now);
  if (after.status === "archived") {
    activate(after, now);
    after.lastActivity = now;
  }
  say(after, "extended", now, { hours, reason: command.reason ?? null });
  touch(after, moment, hours);
  return done(after, moment, command.show);
}

/** Archiving with the data kept. The caller's reason counts, even when it had expired already. */
function over(c: ModelConversation, reason = "completed", wanted: Wanted, { now }: Moment): Possible[] {
  const errors = [...refusals(c, wanted), ...(reason.length < 1 || reason.length > 50 ? ["invalid_input"] : [])];
  if (errors.length > 0) return refused(c, now, errors);
  const after = copy(c);
  if (after.status === "archived") return asStored(after, now, "all");
  archive(after, now, reason);
  return done(after, { now } as Moment, "all");
}

function holding(c: ModelConversation, command: VerbCommand & { do: "hold" | "release" }, wanted: Wanted, { now }: Moment): Possible[] {
  const errors = refusals(c, wanted);
  if (errors.length > 0) return refused(c, now, errors);
  const held = command.do === "hold";
  if (c.held === held)
    return eitherWay(c, now)
      .slice(0, 1)
      .map((state) => ({ state, answer: { value: view(state, now) } }));
  const after = copy(c);
  after.held = held;
  say(after, held ? "held" : "released", now, { reason: command.reason });
  changed(after);
  // An expired one, which nobody has archived yet, may be shown as it is stored.
  const values = isExpired(after, now) ? [view(after, now), view(after, -Infinity)] : [view(after, now)];
  return values.map((value) => ({ state: after, answer: { value } }));
}

/** Wiping and erasing. Repeating it answers the first receipt. */
export function remove(
  c: ModelConversation,
  action: "wiped" | "erased",
  reason: string | undefined,
  wanted: Wanted,
  moment: Moment,
): Possible[] {
  const { now } = moment;
  const wipes = action === "wiped";
  const answerOf = (state: ModelConversation, receipt: unknown) => ({
    value: wipes ? { ...view(state, now), messages: [], receipt } : receipt,
  });
  const receiptIn = (answer: unknown) => (wipes ? (answer as { receipt: unknown }).receipt : answer);

  const invalid = wipes && (reason!.length < 1 || reason!.length > 50) ? ["invalid_input"] : [];
  if (invalid.length === 0 && (wipes ? c.wiped && c.status !== "deleted" : c.status === "deleted")) {
    const state = copy(c);
    const first = state.receipts[action] ?? {
      ...receiptOf(c, action, now),
      at: (at: unknown) => typeof at === "string",
      removed: () => true,
      overwrittenBy: (at: unknown) => at === null || typeof at === "string",
      backupsExpireAt: () => true,
    };
    const again: Possible = { state, answer: answerOf(state, first), learn: (answer) => (state.receipts[action] = receiptIn(answer)) };
    return wanted.stale ? [again, { state: copy(c), answer: { errors: ["version_mismatch"] } }] : [again];
  }
  const errors = [
    ...(c.status === "deleted" ? ["gone"] : []),
    ...(wanted.stale ? ["version_mismatch"] : []),
    ...(c.held ? ["conflict"] : []),
    ...invalid,
  ];
  if (errors.length > 0) return refused(c, now, errors).slice(0, 1);

  const after = copy(c);
  const receipt = receiptOf(c, action, now);
  // What events say that were not passed on yet is removed too.
  for (const event of after.events) if (event.delivered !== "yes") event.details = event.delivered === "no" ? [{}] : [...event.details, {}];
  const wasArchived = c.status === "archived";
  if (wipes && !wasArchived) archive(after, now, reason!);
  if (!wipes) Object.assign(after, { status: "deleted", archivedAt: c.archivedAt ?? now, expiresAt: null });
  Object.assign(after, { wiped: true, metadata: {}, messages: [], places: new Map(), once: new Map() });
  say(after, action, now, { reason: reason ?? null });
  changed(after);
  return [{ state: after, answer: answerOf(after, receipt), learn: (answer) => (after.receipts[action] = receiptIn(answer)) }];
}
