import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyChange, takesEffect } from "./apply-change.ts";
import { STATUSES, type Head, type LifecycleEvent, type Status } from "./head.ts";
import type { Change } from "./hot-store.ts";

const NOW = Date.parse("2025-01-25T14:30:52.000Z");
const HOUR = 3_600_000;
const NONE = { count: 0, bytes: 0 };

function head(fields: Partial<Head> = {}): Head {
  return {
    id: "ITERA_20250125_133052_A7B9X2M8P4Q1_P",
    status: "active",
    source: "api",
    environment: "P",
    incarnation: "first",
    version: 5,
    revision: 2,
    lastSeq: 4,
    bytes: 400,
    created: NOW - HOUR,
    lastActivity: NOW - HOUR,
    lastAccess: null,
    expiresAt: NOW + HOUR,
    completedAt: null,
    archivedAt: null,
    archiveReason: null,
    wiped: false,
    warnedFor: null,
    hold: false,
    tokenEpoch: 0,
    keyring: "k1",
    subjects: ["s1"],
    metadata: { topic: "printer" },
    session: { step: "named" },
    ...fields,
  };
}

const archived: Partial<Head> = { status: "archived", archivedAt: NOW - HOUR, archiveReason: "expired", expiresAt: null };

function apply(before: Head, change: Partial<Change>, added = NONE, engineNow = NOW) {
  return applyChange(before, { now: NOW, ...change }, added, engineNow);
}

/** The head after a change that must be done. */
function after(before: Head, change: Partial<Change>, added = NONE, engineNow = NOW): Head {
  const applied = apply(before, change, added, engineNow);
  expect(applied.outcome).toBe("done");
  return applied.head;
}

const event: LifecycleEvent = { type: "extended", at: NOW, details: {} };
const message = { key: "i:m1", digest: "d", body: "{}", size: 10 };

describe("what a change requires", () => {
  it.each<[string, Partial<Head>, Change["require"], string]>([
    ["the version", {}, { version: 5 }, "done"],
    ["an older version", {}, { version: 4 }, "conflict"],
    ["a newer version", {}, { version: 6 }, "conflict"],
    ["the revision", {}, { revision: 2 }, "done"],
    ["another revision", {}, { revision: 1 }, "conflict"],
    ["the incarnation", {}, { incarnation: "first" }, "done"],
    ["another incarnation", {}, { incarnation: "second" }, "conflict"],
    ["open, before it expires", {}, { openAt: NOW + HOUR - 1 }, "done"],
    ["open, when it expires", {}, { openAt: NOW + HOUR }, "refused"],
    ["open, without expiry", { expiresAt: null }, { openAt: NOW + 1000 * HOUR }, "done"],
    ["open, when completed", { status: "completed" }, { openAt: NOW }, "done"],
    ["open, when archived", archived, { openAt: NOW - 1000 * HOUR }, "refused"],
    ["expired, when it expires", {}, { expiredAt: NOW + HOUR }, "done"],
    ["expired, before it expires", {}, { expiredAt: NOW + HOUR - 1 }, "refused"],
    ["expired, without expiry", { expiresAt: null }, { expiredAt: NOW + 1000 * HOUR }, "refused"],
    ["expired, when archived", archived, { expiredAt: NOW + 1000 * HOUR }, "refused"],
    ["no hold, without one", {}, { holdFree: true }, "done"],
    ["no hold, under one", { hold: true }, { holdFree: true }, "refused"],
    ["the version before anything else", { hold: true }, { version: 4, holdFree: true }, "conflict"],
  ])("%s", (_, fields, require, outcome) => {
    const before = head(fields);
    const applied = apply(before, { require: require!, activity: true });
    expect(applied.outcome).toBe(outcome);
    expect(applied.head === before).toBe(outcome !== "done");
  });

  it("goes only from the statuses that a step names", () => {
    for (const status of ["active", "completed", "archived"] as const) {
      for (const from of [[], ["active"], ["completed", "archived"]] as Status[][]) {
        const outcome = from.includes(status) ? "done" : "refused";
        expect(apply(head({ status }), { step: { from, to: "active" } }).outcome).toBe(outcome);
      }
    }
  });

  it("of what is deleted, or wiped, nothing can be changed; what is wiped can still be erased", () => {
    const changes: Partial<Change>[] = [{}, { touch: {} }, { session: {} }, { hold: true }, { step: { from: STATUSES, to: "active" } }];
    const wiping: Partial<Change> = { wipe: true, step: { from: STATUSES, to: "archived", reason: "x" } };
    const erasing: Partial<Change> = { wipe: true, step: { from: STATUSES, to: "deleted" } };
    for (const fields of [{ status: "deleted" }, { ...archived, wiped: true }] as const) {
      for (const change of [...changes, wiping]) expect(apply(head(fields), change).outcome).toBe("refused");
    }
    expect(apply(head({ status: "deleted" }), erasing).outcome).toBe("refused");
    expect(apply(head({ ...archived, wiped: true }), { ...erasing, require: { holdFree: true } }).outcome).toBe("done");
    expect(apply(head({ ...archived, wiped: true, hold: true }), { ...erasing, require: { holdFree: true } }).outcome).toBe("refused");
  });

  it("fits, or is full: only what adds messages can be", () => {
    const added = { count: 2, bytes: 20 };
    expect(apply(head(), { require: { maxMessages: 6, maxBytes: 420 } }, added).outcome).toBe("done");
    expect(apply(head(), { require: { maxMessages: 5 } }, added).outcome).toBe("full");
    expect(apply(head(), { require: { maxBytes: 419 } }, added).outcome).toBe("full");
    expect(apply(head(), { require: { maxMessages: 1, maxBytes: 1 }, session: {} }).outcome).toBe("done");
    const cut = { after: 1, bytes: 100 };
    expect(apply(head(), { require: { version: 5, maxMessages: 3, maxBytes: 120 }, cut }, added).outcome).toBe("done");
    expect(apply(head(), { require: { version: 5, maxMessages: 2 }, cut }, added).outcome).toBe("full");
  });
});

describe("what a change does", () => {
  it("counts added messages, and says where they go", () => {
    expect(apply(head(), { append: [message] }, { count: 1, bytes: 10 })).toEqual({
      outcome: "done",
      head: head({ version: 6, lastSeq: 5, bytes: 410 }),
      firstSeq: 5,
    });
  });

  it("cuts before it adds; a cut after the end cuts nothing", () => {
    const cut = { after: 1, bytes: 100 };
    expect(apply(head(), { cut }, { count: 2, bytes: 20 })).toMatchObject({ head: { lastSeq: 3, bytes: 120 }, firstSeq: 2 });
    expect(apply(head(), { cut })).toMatchObject({ head: { lastSeq: 1, bytes: 100, version: 6 }, firstSeq: 2 });
    expect(apply(head(), { cut: { after: 9, bytes: 400 } }, { count: 1, bytes: 10 })).toMatchObject({
      head: { lastSeq: 5, bytes: 410 },
      firstSeq: 5,
    });
  });

  it.each<[string, Partial<Change>, Partial<Head>]>([
    ["metadata", { metadata: { a: 1 } }, { metadata: { a: 1 }, revision: 3 }],
    ["the state", { session: { a: 1 } }, { session: { a: 1 } }],
    ["the state's end", { session: null }, { session: null }],
    ["subjects, added", { subjects: ["s2", "s1"] }, { subjects: ["s1", "s2"] }],
    ["a hold", { hold: true }, { hold: true }],
    ["the token epoch", { tokenEpoch: 3 }, { tokenEpoch: 3 }],
    ["the wrapped key", { keyring: "k2" }, { keyring: "k2" }],
    ["activity", { activity: true }, { lastActivity: NOW }],
    ["activity of a clock that is late", { activity: true, now: NOW - 9 * HOUR }, {}],
    ["an event", { events: [event] }, {}],
  ])("sets %s, and moves the version", (_, change, fields) => {
    expect(after(head(), change)).toEqual(head({ version: 6, ...fields }));
    expect(takesEffect({ now: NOW, ...change }, 0)).toBe(true);
  });

  it.each<[string, Partial<Change>, Partial<Head>]>([
    ["nothing", {}, {}],
    ["a touch", { touch: { lastAccess: NOW, expiresAt: NOW + 9 * HOUR } }, { lastAccess: NOW, expiresAt: NOW + 9 * HOUR }],
    ["a noted warning and its event", { warnedFor: NOW + HOUR, events: [event] }, { warnedFor: NOW + HOUR }],
    ["an empty list of messages, subjects or events", { append: [], subjects: [], events: [] }, {}],
    [
      "repeats alone, with all that goes with an append",
      { append: [message], activity: true, events: [event], step: { from: ["active"], to: "completed" }, touch: { lastAccess: NOW } },
      { lastAccess: NOW },
    ],
  ])("%s is no change of version", (_, change, fields) => {
    expect(after(head(), change)).toEqual(head(fields));
  });

  it("a warning takes effect though it moves no version, a touch and mere repeats do not", () => {
    expect(takesEffect({ now: NOW, warnedFor: NOW, events: [event] }, 0)).toBe(true);
    expect(takesEffect({ now: NOW, touch: {} }, 0)).toBe(false);
    expect(takesEffect({ now: NOW, append: [message], events: [event] }, 0)).toBe(false);
    expect(takesEffect({ now: NOW, append: [message], events: [event] }, 1)).toBe(true);
    expect(takesEffect({ now: NOW, append: [message], session: {} }, 0)).toBe(true);
  });

  it("a warning with a real change is a change", () => {
    expect(after(head(), { warnedFor: NOW, hold: true })).toEqual(head({ version: 6, warnedFor: NOW, hold: true }));
  });

  it("repeats with a state, metadata or a cut are a change", () => {
    for (const more of [{ session: { a: 1 } }, { metadata: { a: 1 } }, { cut: { after: 2, bytes: 200 } }]) {
      expect(
        after(head({ status: "completed" }), { append: [message], step: { from: ["completed"], to: "active" }, ...more }),
      ).toMatchObject({
        version: 6,
        status: "active",
      });
    }
  });

  it("completes, archives, erases and brings back", () => {
    const from = STATUSES;
    expect(after(head({ completedAt: 1 }), { step: { from, to: "completed" } })).toEqual(
      head({ version: 6, status: "completed", completedAt: NOW }),
    );
    const over = { status: "archived", archivedAt: NOW, archiveReason: "manual", expiresAt: null } as const;
    expect(after(head(), { step: { from, to: "archived", reason: "manual" } })).toEqual(head({ version: 6, ...over }));
    expect(after(head({ ...over, completedAt: 7 }), { step: { from, to: "active" }, touch: { expiresAt: NOW + HOUR } })).toEqual(
      head({ version: 6, completedAt: 7 }),
    );
    expect(after(head(), { step: { from, to: "deleted" }, wipe: true })).toMatchObject({
      status: "deleted",
      archivedAt: NOW,
      expiresAt: null,
    });
    expect(after(head(archived), { step: { from, to: "deleted" }, wipe: true })).toMatchObject({
      status: "deleted",
      archivedAt: NOW - HOUR,
      archiveReason: "expired",
    });
  });

  it("wiping leaves a skeleton: times, counts, source", () => {
    const nothing = { wiped: true, metadata: {}, session: null, subjects: [], keyring: null, bytes: 0, revision: 3 };
    const over = { status: "archived", archivedAt: NOW, archiveReason: "manual", expiresAt: null } as const;
    expect(after(head(), { wipe: true, step: { from: ["active"], to: "archived", reason: "manual" } })).toEqual(
      head({ version: 6, ...nothing, ...over }),
    );
    expect(after(head(archived), { wipe: true, step: { from: ["archived"], to: "archived", reason: "manual" } })).toEqual(
      head({ version: 6, ...archived, ...nothing }),
    );
  });
});

describe("a touch", () => {
  it.each<[string, Partial<Head>, NonNullable<Change["touch"]>, Partial<Head>]>([
    ["moves both forward", {}, { lastAccess: NOW, expiresAt: NOW + 2 * HOUR }, { lastAccess: NOW, expiresAt: NOW + 2 * HOUR }],
    ["moves neither back", { lastAccess: NOW }, { lastAccess: NOW - 1, expiresAt: NOW }, { lastAccess: NOW }],
    ["leaves what it does not name", { lastAccess: NOW }, {}, { lastAccess: NOW }],
    ["gives a first expiry", { expiresAt: null }, { expiresAt: NOW + 5 }, { expiresAt: NOW + 5 }],
    ["gives none that it does not name", { expiresAt: null }, { lastAccess: NOW, capMs: 5 }, { expiresAt: null, lastAccess: NOW }],
    ["reaches no further than the cap", {}, { expiresAt: NOW + 99 * HOUR, capMs: 7 * HOUR }, { expiresAt: NOW + 7 * HOUR }],
    ["brings an expiry beyond the cap back to it", { expiresAt: NOW + 99 * HOUR }, { capMs: 7 * HOUR }, { expiresAt: NOW + 7 * HOUR }],
    ["is ignored when archived", archived, { lastAccess: NOW, expiresAt: NOW + HOUR }, archived],
  ])("%s", (_, fields, touch, expected) => {
    expect(after(head(fields), { touch })).toEqual(head({ ...fields, ...expected }));
  });

  it("is capped by the engine's clock, not by the caller's", () => {
    const change = { now: NOW + 900 * HOUR, touch: { expiresAt: NOW + 900 * HOUR, capMs: HOUR } };
    expect(after(head(), change, NONE, NOW + 5)).toEqual(head({ expiresAt: NOW + 5 + HOUR }));
  });

  it("counts when it comes with coming back, and not when it comes with archiving", () => {
    const touch = { lastAccess: NOW, expiresAt: NOW + 2 * HOUR };
    expect(after(head(archived), { step: { from: ["archived"], to: "active" }, touch })).toMatchObject({
      expiresAt: NOW + 2 * HOUR,
      lastAccess: NOW,
    });
    expect(after(head(), { step: { from: ["active"], to: "archived" }, touch })).toMatchObject({ expiresAt: null, lastAccess: null });
  });
});

describe("whatever the change", () => {
  const time = fc.integer({ min: NOW - 10 * HOUR, max: NOW + 10 * HOUR });
  const status = fc.constantFrom<Status>("active", "completed", "archived");
  const anyHead = fc
    .record({
      status,
      lastAccess: fc.option(time),
      expiresAt: fc.option(time),
      hold: fc.boolean(),
      wiped: fc.boolean(),
      lastActivity: time,
    })
    .map((fields) => head(fields.status === "archived" ? { ...fields, expiresAt: null, archivedAt: NOW } : { ...fields, wiped: false }));
  const anyChange = fc.record(
    {
      now: time,
      require: fc.record({ version: fc.constantFrom(5, 6), openAt: time, holdFree: fc.constant<true>(true) }, { requiredKeys: [] }),
      step: fc.record({ from: fc.uniqueArray(status), to: fc.constantFrom<Status>(...STATUSES) }),
      cut: fc.record({ after: fc.nat({ max: 6 }), bytes: fc.constant(100) }),
      metadata: fc.constant({ a: 1 }),
      session: fc.constant({ b: 1 }),
      subjects: fc.array(fc.constantFrom("s1", "s2")),
      hold: fc.boolean(),
      warnedFor: time,
      activity: fc.constant<true>(true),
      wipe: fc.constant<true>(true),
      touch: fc.record({ lastAccess: time, expiresAt: time, capMs: fc.nat({ max: 9 * HOUR }) }, { requiredKeys: [] }),
      events: fc.constant<LifecycleEvent[]>([event]),
    },
    { requiredKeys: ["now"] },
  );

  it("neither argument is altered, and what is not done leaves the head as it was", () => {
    fc.assert(
      fc.property(anyHead, anyChange, fc.nat({ max: 3 }), (before, change, count) => {
        const copies = structuredClone([before, change]);
        const applied = applyChange(before, change, { count, bytes: count * 10 }, NOW);
        expect([before, change]).toEqual(copies);
        expect(applied.outcome === "done" || applied.head === before).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it("counts have no gap, and times keep their rules", () => {
    fc.assert(
      fc.property(anyHead, anyChange, fc.nat({ max: 3 }), (before, change, count) => {
        const applied = applyChange(before, change, { count, bytes: count * 10 }, NOW);
        fc.pre(applied.outcome === "done");
        const next = applied.head;
        expect(next.version - before.version).toBeOneOf([0, 1]);
        expect(next.lastSeq).toBe(applied.firstSeq - 1 + count);
        expect(applied.firstSeq).toBeLessThanOrEqual(before.lastSeq + 1);
        expect(next.lastActivity).toBeGreaterThanOrEqual(before.lastActivity);
        expect(next.lastAccess ?? 0).toBeGreaterThanOrEqual(before.lastAccess ?? 0);
        expect(next.status === "archived" || next.status === "deleted" ? next.expiresAt : null).toBeNull();
        expect(next.expiresAt ?? 0).toBeLessThanOrEqual(NOW + (change.touch?.capMs ?? Infinity));
        const { lastAccess, expiresAt, warnedFor } = next;
        expect(next.version === before.version ? { ...before, lastAccess, expiresAt, warnedFor } : next).toEqual(next);
      }),
      { numRuns: 1000 },
    );
  });
});
