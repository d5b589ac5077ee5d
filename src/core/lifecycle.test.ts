// The table of section 3 of the specification, row by row, as pure functions of (verb, phase, now).
import { describe, expect, it } from "vitest";
import { applyChange } from "./apply-change.ts";
import { ConflictError, GoneError } from "./errors.ts";
import type { Head } from "./head.ts";
import type { Change } from "./hot-store.ts";
import { accessTouch, phaseOf, planVerb, refuseClosed, type Phase, type Verb, type VerbInput } from "./lifecycle.ts";

const HOUR = 3_600_000;
const NOW = Date.parse("2025-01-25T14:30:52.000Z");
const INPUT: VerbInput = { now: NOW, ttlMs: 24 * HOUR, maxExtensionMs: 168 * HOUR };

const ACTIVE: Head = {
  id: "ITERA_20250125_123052_A7B9X2M8P4Q1_P",
  status: "active",
  source: "test",
  environment: "P",
  incarnation: "ABCDEFGHIJKLMNOP",
  version: 3,
  revision: 1,
  lastSeq: 2,
  bytes: 40,
  created: NOW - 2 * HOUR,
  lastActivity: NOW - HOUR,
  lastAccess: NOW - HOUR,
  expiresAt: NOW + 22 * HOUR,
  completedAt: null,
  archivedAt: null,
  archiveReason: null,
  wiped: false,
  warnedFor: null,
  hold: false,
  tokenEpoch: 0,
  keyring: null,
  subjects: ["hash"],
  metadata: { email: "a@example.org" },
  session: { step: "greeting" },
};
const HEADS: Record<Phase, Head> = {
  active: ACTIVE,
  completed: { ...ACTIVE, status: "completed", completedAt: NOW - HOUR },
  expired: { ...ACTIVE, expiresAt: NOW },
  archived: { ...ACTIVE, status: "archived", archivedAt: NOW - HOUR, archiveReason: "manual", expiresAt: null },
  wiped: { ...ACTIVE, status: "archived", archivedAt: NOW - HOUR, archiveReason: "manual", expiresAt: null, wiped: true },
  erased: { ...ACTIVE, status: "deleted", archivedAt: NOW - HOUR, expiresAt: null, wiped: true },
};

/** What a verb makes of a conversation in this phase: the next head and the events. */
function after(verb: Verb, phase: Phase, input: Partial<VerbInput> = {}): { head: Head; events: string[]; change: Change } {
  const change = planVerb(verb, phase, { ...INPUT, ...input });
  if (change === "as stored") throw new Error(`${verb} on ${phase} does nothing`);
  const content: Change =
    verb === "append" ? { ...change, session: { step: "next" } } : verb === "update" ? { ...change, metadata: {} } : change;
  const applied = applyChange(HEADS[phase], content, { count: 0, bytes: 0 }, NOW);
  expect(applied.outcome).toBe("done");
  return { head: applied.head, events: (change.events ?? []).map(({ type }) => type), change };
}

describe("where a conversation stands", () => {
  it.each(Object.entries(HEADS))("is known from its head and the time: %s", (phase, head) => {
    expect(phaseOf(head, NOW)).toBe(phase);
  });
  it("is not expired a millisecond before its time, and never without one", () => {
    expect(phaseOf(HEADS.expired, NOW - 1)).toBe("active");
    expect(phaseOf({ ...ACTIVE, expiresAt: null }, NOW + 1e12)).toBe("active");
    expect(phaseOf({ ...HEADS.completed, expiresAt: NOW }, NOW)).toBe("expired");
  });
});

describe("the table, row by row", () => {
  const rows: [from: Phase, verb: Verb, to: Head["status"], events: string[]][] = [
    ["active", "append", "active", []],
    ["active", "update", "active", []],
    ["active", "complete", "completed", ["completed"]],
    ["completed", "append", "active", []],
    ["completed", "update", "completed", []],
    ["completed", "reopen", "active", []],
    ["active", "extend", "active", ["extended"]],
    ["completed", "extend", "completed", ["extended"]],
    ["active", "archive", "archived", ["archived"]],
    ["completed", "archive", "archived", ["archived"]],
    ["expired", "archive", "archived", ["archived"]],
    ["expired", "expire", "archived", ["archived"]],
    ["archived", "append", "active", ["reactivated"]],
    ["archived", "update", "active", ["reactivated"]],
    ["archived", "extend", "active", ["reactivated", "extended"]],
    ["archived", "reopen", "active", ["reactivated"]],
    ["active", "wipe", "archived", ["archived", "wiped"]],
    ["completed", "wipe", "archived", ["archived", "wiped"]],
    ["expired", "wipe", "archived", ["archived", "wiped"]],
    ["archived", "wipe", "archived", ["wiped"]],
    ["active", "erase", "deleted", ["erased"]],
    ["completed", "erase", "deleted", ["erased"]],
    ["expired", "erase", "deleted", ["erased"]],
    ["archived", "erase", "deleted", ["erased"]],
    ["wiped", "erase", "deleted", ["erased"]],
    ["active", "hold", "active", ["held"]],
    ["completed", "hold", "completed", ["held"]],
    ["archived", "hold", "archived", ["held"]],
    ["expired", "hold", "active", ["held"]],
    ["active", "release", "active", ["released"]],
    ["archived", "release", "archived", ["released"]],
  ];
  it.each(rows)("%s, %s → %s, saying %j", (from, verb, to, events) => {
    const result = after(verb, from);
    expect(result.head.status).toBe(to);
    expect(result.events).toEqual(events);
    expect(result.head.version).toBe(HEADS[from].version + 1);
  });

  it("completing notes the time, and becoming active again keeps it", () => {
    expect(after("complete", "active").head.completedAt).toBe(NOW);
    expect(after("append", "completed").head.completedAt).toBe(HEADS.completed.completedAt);
  });

  it("archiving notes time and reason, and ends the expiry; the reason of what expired is `expired`", () => {
    const { head } = after("archive", "active", { reason: "resolved" });
    expect(head).toMatchObject({ archivedAt: NOW, archiveReason: "resolved", expiresAt: null });
    expect(after("expire", "expired").head.archiveReason).toBe("expired");
    expect(after("archive", "expired", { reason: "mine" }).head.archiveReason).toBe("mine");
  });

  it.each(["append", "update", "extend", "reopen"] as const)(
    "%s on archived clears when and why it was archived, and it lives again",
    (verb) => {
      const { head } = after(verb, "archived");
      expect(head).toMatchObject({ archivedAt: null, archiveReason: null, expiresAt: NOW + 48 * HOUR, lastAccess: NOW });
    },
  );

  it.each(["wipe", "erase"] as const)("%s leaves no metadata, state or subject, and keeps times, counts and source", (verb) => {
    const { head } = after(verb, "completed");
    expect(head).toMatchObject({ metadata: {}, session: null, subjects: [], keyring: null, bytes: 0, wiped: true });
    expect(head).toMatchObject({ lastSeq: 2, source: "test", created: ACTIVE.created, lastActivity: ACTIVE.lastActivity });
  });

  it("wiping what is archived keeps when and why it was archived", () => {
    expect(after("wipe", "archived", { reason: "other" }).head).toMatchObject({ archivedAt: NOW - HOUR, archiveReason: "manual" });
  });

  it("appending, updating and reopening are activity; completing, extending, archiving and holding are not", () => {
    for (const verb of ["append", "update", "reopen", "extend"] as const) expect(after(verb, "archived").head.lastActivity).toBe(NOW);
    for (const verb of ["append", "update", "reopen"] as const) expect(after(verb, "completed").head.lastActivity).toBe(NOW);
    for (const verb of ["complete", "extend", "archive", "hold"] as const) {
      expect(after(verb, "active").head.lastActivity).toBe(ACTIVE.lastActivity);
    }
  });

  it("events carry what the table says", () => {
    expect(after("extend", "active", { hours: 30, reason: "complex" }).change.events?.[0]).toEqual({
      type: "extended",
      at: NOW,
      details: { hours: 30, reason: "complex" },
    });
    expect(after("archive", "active", { reason: "resolved" }).change.events?.[0]?.details).toEqual({ reason: "resolved" });
  });
});

describe("expiry", () => {
  it("access and change move it to twice the TTL from now", () => {
    expect(accessTouch(INPUT)).toEqual({ lastAccess: NOW, expiresAt: NOW + 48 * HOUR, capMs: 168 * HOUR });
    for (const verb of ["append", "update", "complete", "reopen"] as const) {
      const phase = verb === "reopen" ? "completed" : "active";
      expect(after(verb, phase).head.expiresAt).toBe(NOW + 48 * HOUR);
    }
  });
  it("extending moves it to the hours asked for, or to what any access gives", () => {
    expect(after("extend", "active", { hours: 100 }).head.expiresAt).toBe(NOW + 100 * HOUR);
    expect(after("extend", "active", { hours: 1 }).head.expiresAt).toBe(NOW + 48 * HOUR);
  });
  it("never moves back", () => {
    const far: Head = { ...ACTIVE, expiresAt: NOW + 160 * HOUR };
    const change = planVerb("extend", "active", { ...INPUT, hours: 2 }) as Change;
    expect(applyChange(far, change, { count: 0, bytes: 0 }, NOW).head.expiresAt).toBe(NOW + 160 * HOUR);
  });
  it("counts as the maximum when it is further ahead", () => {
    const tooFar: Head = { ...ACTIVE, expiresAt: NOW + 1000 * HOUR };
    for (const change of [{ now: NOW, touch: accessTouch(INPUT) }, planVerb("extend", "active", { ...INPUT, hours: 500 }) as Change]) {
      expect(applyChange(tooFar, change, { count: 0, bytes: 0 }, NOW).head.expiresAt).toBe(NOW + 168 * HOUR);
    }
  });
  it("what is open and expired takes no verb but those that end it", () => {
    for (const verb of ["append", "update", "complete", "extend"] as const) {
      const change = planVerb(verb, "active", INPUT) as Change;
      expect(applyChange(HEADS.expired, change, { count: 1, bytes: 1 }, NOW).outcome, verb).toBe("refused");
    }
  });
  it("the sweep archives nothing that was accessed meanwhile", () => {
    const change = planVerb("expire", "active", INPUT) as Change;
    expect(applyChange(ACTIVE, change, { count: 0, bytes: 0 }, NOW).outcome).toBe("refused");
  });
});

describe("verbs that the table leaves open", () => {
  const nothing: [Verb, Phase][] = [
    ["complete", "completed"],
    ["reopen", "active"],
    ["archive", "archived"],
    ["wipe", "wiped"],
    ["erase", "erased"],
  ];
  it.each(nothing)("%s on %s: as stored", (verb, phase) => {
    expect(planVerb(verb, phase, INPUT)).toBe("as stored");
  });

  it("complete on archived is a conflict", () => {
    expect(() => planVerb("complete", "archived", INPUT)).toThrow(ConflictError);
  });

  it.each(["append", "update", "complete", "extend", "archive", "reopen", "hold", "release"] as const)(
    "%s on wiped is a conflict that says so, on erased it is gone",
    (verb) => {
      expect(() => planVerb(verb, "wiped", INPUT)).toThrow(new ConflictError("Conversation was wiped"));
      expect(() => planVerb(verb, "erased", INPUT)).toThrow(GoneError);
    },
  );

  it("wipe on erased is gone", () => {
    expect(() => planVerb("wipe", "erased", INPUT)).toThrow(new GoneError());
    expect(() => refuseClosed("erased")).toThrow("Conversation was erased");
  });

  it.each(["wipe", "erase"] as const)("a hold refuses %s inside the commit", (verb) => {
    for (const phase of ["active", "completed", "archived"] as const) {
      const change = planVerb(verb, phase, INPUT) as Change;
      expect(applyChange({ ...HEADS[phase], hold: true }, change, { count: 0, bytes: 0 }, NOW).outcome).toBe("refused");
    }
  });

  it("nothing changes what is deleted, and only erasing what was wiped", () => {
    for (const change of [{ now: NOW, hold: true }, { now: NOW, session: {} }, planVerb("append", "archived", INPUT) as Change]) {
      expect(applyChange(HEADS.erased, change, { count: 0, bytes: 0 }, NOW).outcome).toBe("refused");
      expect(applyChange(HEADS.wiped, change, { count: 0, bytes: 0 }, NOW).outcome).toBe("refused");
    }
  });
});
