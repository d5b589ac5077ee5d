/** The life of a conversation (section 3 of the specification) as pure functions: what a verb does from where it stands. */
import { ConflictError, GoneError } from "./errors.ts";
import type { Head, LifecycleEvent, Status } from "./head.ts";
import type { Change } from "./hot-store.ts";
import type { Json } from "./json.ts";

const HOUR = 3_600_000;

/** Where a conversation stands: its status, and what the clock or a wiping has made of it. */
export type Phase = "active" | "completed" | "expired" | "archived" | "wiped" | "erased";

/** What can be done with it. `append` is also a session save, `update` is one of metadata alone. */
export type Verb = "append" | "update" | "complete" | "extend" | "archive" | "expire" | "reopen" | "wipe" | "erase" | "hold" | "release";

/** What a verb is given, and how long things last. `hours` and `reason` as the verb takes them. */
export interface VerbInput {
  now: number;
  ttlMs: number;
  maxExtensionMs: number;
  hours?: number;
  reason?: string;
}

/** Where a conversation stands at a time. One whose time is over is `expired` until somebody archives it. */
export function phaseOf(head: Head, now: number): Phase {
  if (head.status === "deleted") return "erased";
  if (head.wiped) return "wiped";
  if (head.status === "archived") return "archived";
  return head.expiresAt !== null && head.expiresAt <= now ? "expired" : head.status;
}

/** What access or change does to the expiry: at least twice the TTL from now; never back, never beyond the maximum. */
export function accessTouch(input: VerbInput): NonNullable<Change["touch"]> {
  return { lastAccess: input.now, expiresAt: input.now + 2 * input.ttlMs, capMs: input.maxExtensionMs };
}

const OPEN: readonly Status[] = ["active", "completed"];

/** Refuses what is closed for good, with the sentence for it. */
export function refuseClosed(phase: Phase): void {
  if (phase === "erased") throw new GoneError();
  if (phase === "wiped") throw new ConflictError("Conversation was wiped");
}

/**
 * The change that a verb makes from a phase, without the content that it carries; `"as stored"`: there is nothing to do.
 * From `expired` only `archive`, `expire`, `wipe`, `erase`, `hold` and `release` go; for the others the caller archives it
 * first. Throws `GoneError` and `ConflictError`.
 */
export function planVerb(verb: Verb, phase: Phase, input: VerbInput): Change | "as stored" {
  if (verb === "erase") return planErase(phase, input);
  if (phase === "erased") throw new GoneError();
  if (verb === "wipe") return planWipe(phase, input);
  refuseClosed(phase);
  const { now } = input;
  const event = (type: string, details: LifecycleEvent["details"] = {}): LifecycleEvent => ({ type, at: now, details });
  const open: Change = { now, require: { openAt: now }, touch: accessTouch(input) };
  // Coming back counts as activity: what was reopened yesterday is not old, and not purged as soon as it is over again.
  const back: Change = {
    now,
    step: { from: ["archived"], to: "active" },
    activity: true,
    touch: accessTouch(input),
    events: [event("reactivated")],
  };
  const archived = phase === "archived";

  switch (verb) {
    case "append":
      return archived ? back : { ...open, step: { from: OPEN, to: "active" }, activity: true };
    case "update":
      return archived ? back : { ...open, activity: true };
    case "complete":
      if (archived) throw new ConflictError("An archived conversation cannot be completed; reopen it first");
      return phase === "completed" ? "as stored" : { ...open, step: { from: ["active"], to: "completed" }, events: [event("completed")] };
    case "reopen":
      if (phase === "active") return "as stored";
      return archived ? back : { ...open, step: { from: ["completed"], to: "active" }, activity: true };
    case "extend": {
      const hours = input.hours ?? 24;
      const touch = { ...accessTouch(input), expiresAt: now + Math.max(2 * input.ttlMs, hours * HOUR) };
      const extended = event("extended", { hours, reason: input.reason ?? null });
      return archived ? { ...back, touch, events: [event("reactivated"), extended] } : { ...open, touch, events: [extended] };
    }
    case "archive":
    case "expire": {
      if (archived) return "as stored";
      const reason = verb === "expire" ? "expired" : (input.reason ?? "completed");
      return {
        now,
        require: verb === "expire" ? { expiredAt: now } : {},
        step: { from: OPEN, to: "archived", reason },
        events: [event("archived", { reason })],
      };
    }
    case "hold":
    case "release":
      return { now, hold: verb === "hold", events: [event(verb === "hold" ? "held" : "released", { reason: input.reason ?? null })] };
  }
}

function planWipe(phase: Phase, { now, reason = "manual" }: VerbInput): Change | "as stored" {
  if (phase === "wiped") return "as stored";
  const events: LifecycleEvent[] = [{ type: "wiped", at: now, details: { reason } }];
  if (phase === "archived")
    return { now, require: { holdFree: true }, step: { from: ["archived"], to: "archived", reason }, wipe: true, events };
  return {
    now,
    require: { holdFree: true },
    step: { from: OPEN, to: "archived", reason },
    wipe: true,
    events: [{ type: "archived", at: now, details: { reason } }, ...events],
  };
}

function planErase(phase: Phase, { now, reason }: VerbInput): Change | "as stored" {
  if (phase === "erased") return "as stored";
  return {
    now,
    require: { holdFree: true },
    step: { from: ["active", "completed", "archived"], to: "deleted" },
    wipe: true,
    events: [{ type: "erased", at: now, details: { reason: (reason ?? null) as Json } }],
  };
}
