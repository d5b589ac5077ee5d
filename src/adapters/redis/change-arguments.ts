// A change as the few texts that the commit script takes.

import type { Change } from "../../core/hot-store.ts";
import type { LifecycleEvent } from "../../core/head.ts";
import { subjectLine } from "./head-core.ts";
import { messageText } from "./message-texts.ts";

/** For what may be Infinity: more messages than any conversation has, and a number that scripts can count with. */
const ALL = 2 ** 31 - 1;

/** A window as text. */
export function windowText(window = 0): string {
  return String(Math.max(0, Math.min(window, ALL)));
}

/** Events, each as two lines: what it is, and its details, which scripts never look into. */
export function eventTexts(events: readonly LifecycleEvent[]): string[] {
  return events.map(({ type, at, details }) => `${JSON.stringify({ type, at })}\n${JSON.stringify(details)}`);
}

const finite = (value: number | undefined): number | undefined => (value === Infinity ? undefined : value);
const text = (value: number | undefined): string | undefined => (value === undefined ? undefined : String(value));
const json = (value: unknown): string => (value === undefined ? "" : JSON.stringify(value));

/** Clock, plan, metadata and session (empty: not set), the messages, the events, then other bodies as pairs of seq and body. */
export function changeArguments(change: Change, clock: string): string[] {
  const { now, require = {}, step, cut, append = [], subjects, touch, once, events = [], bodies = [] } = change;
  // What is stored as it stands here is a text, what is only counted with a number. What the change does not have is not in the JSON.
  const plan = {
    now: String(now),
    window: Number(windowText(change.window)),
    messages: append.length,
    events: events.length,
    version: require.version,
    revision: require.revision,
    incarnation: require.incarnation,
    openAt: require.openAt,
    expiredAt: require.expiredAt,
    holdFree: require.holdFree,
    maxMessages: finite(require.maxMessages),
    maxBytes: finite(require.maxBytes),
    from: step && ` ${step.from.join(" ")} `,
    to: step?.to,
    reason: step?.reason,
    cutAfter: cut?.after,
    cutBytes: cut?.bytes,
    subjects: subjects && subjects.length > 0 ? subjectLine(subjects) : undefined,
    hold: change.hold === undefined ? undefined : change.hold ? "on" : "off",
    tokenEpoch: text(change.tokenEpoch),
    keyring: change.keyring,
    warnedFor: text(change.warnedFor),
    activity: change.activity,
    wipe: change.wipe,
    touch: touch && true,
    lastAccess: touch?.lastAccess,
    expiresAt: touch?.expiresAt,
    capMs: finite(touch?.capMs),
    onceKey: once && JSON.stringify(once.key),
    fingerprint: once && JSON.stringify(once.fingerprint),
    onceUntil: text(once?.until),
  };
  const list = [clock, JSON.stringify(plan), json(change.metadata), json(change.session)];
  for (const message of append) list.push(messageText(message, now));
  list.push(...eventTexts(events));
  for (const { seq, body } of bodies) list.push(String(seq), body);
  return list;
}
