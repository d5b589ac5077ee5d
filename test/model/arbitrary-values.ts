// What random commands are made of: few conversations, message ids, keys and people, so that repeats, conflicts and late retries happen often.

import fc from "fast-check";
import type { JsonObject } from "../../src/core/json.ts";
import { perhaps, seldom, weighted } from "./choices.ts";
import type { Command, Expected, Fault, Line, Show, Target, Transcript } from "./command.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/** People as they appear in metadata; the first two are one and the same. */
export const EMAILS = ["anna@example.it", " Anna@Example.IT ", "bruno@example.it"] as const;
export const PHONES = ["+39 02 1234", "+39021234", "02-99"] as const;
export const WORDS = [
  "preventivo",
  "urgente",
  "Perché",
  "server",
  "rete",
  "fattura",
  "già",
  "stampante",
  "domani",
  "ufficio",
  "backup",
  "grazie",
] as const;
export const SOURCES = ["api", "chatbot_widget", "phone"] as const;

export const target: fc.Arbitrary<Target> = weighted<Target>(
  [60, fc.nat(2)],
  [30, fc.nat(9)],
  [2, fc.constant("unknown" as const)],
  [1, fc.constant("malformed" as const)],
);
export const show: fc.Arbitrary<Show> = weighted<Show>([4, fc.constant("all" as const)], [1, fc.constant("none" as const)], [2, fc.nat(6)]);
export const expected: fc.Arbitrary<Expected> = weighted<Expected>(
  [12, fc.constant("none" as const)],
  [3, fc.constant("right" as const)],
  [2, fc.constant("tag" as const)],
  [1, fc.constantFrom("older" as const, "newer" as const, "foreign" as const)],
);
export const fault: fc.Arbitrary<Fault | undefined> = weighted<Fault | undefined>(
  [6, fc.constant(undefined)],
  [1, fc.record({ call: fc.integer({ min: 1, max: 4 }), when: fc.constantFrom("before" as const, "after" as const) })],
  [1, fc.record({ call: fc.integer({ min: 1, max: 12 }), when: fc.constantFrom("before" as const, "after" as const) })],
);
export const key = fc.constantFrom("k1", "k2", "k3");

const content = fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 3 }).map((words) => words.join(" "));

/** Without an id, or with one of six; what is said under an id is mostly the same, in either order of keys, and sometimes not. */
export const message: fc.Arbitrary<JsonObject> = weighted<JsonObject>(
  [5, fc.record({ role: fc.constantFrom("user", "assistant"), content })],
  [
    4,
    fc.tuple(fc.constantFrom("m1", "m2", "m3", "m4", "m5", "m6"), fc.boolean()).map(([id, turned]) => {
      const said = `${WORDS[Number(id.slice(1)) % WORDS.length]} ${id}`;
      return turned ? { content: said, id } : { id, content: said };
    }),
  ],
  [1, fc.record({ id: fc.constantFrom("m1", "m2", "m3"), content })],
  [1, fc.record({ text: content, n: fc.constantFrom(0, 1.5, -3, 1e21), deep: fc.constantFrom([], {}, [null, { a: [true] }]) })],
);

const leadData: fc.Arbitrary<JsonObject> = fc.record(
  { email: fc.constantFrom(...EMAILS), phone: fc.constantFrom(...PHONES), name: fc.constantFrom("Anna", "Bruno") },
  { requiredKeys: [] },
);
const step = fc.constantFrom("greeting", "contact", "end");
const context = fc.constantFrom<JsonObject>({}, { topic: "rete" }, { topic: "server", seen: [1, 2] });

export const firstMetadata: fc.Arbitrary<JsonObject> = fc.record(
  {
    source: fc.constantFrom(...SOURCES, ""),
    userAgent: fc.constantFrom("Firefox", "curl"),
    email: fc.constantFrom(...EMAILS),
    visitorId: fc.constantFrom("v1", "v2"),
    a: fc.constantFrom(1, "x", null, [1, { b: 2 }]),
    nested: fc.constantFrom<JsonObject>({ x: { y: 1 }, z: 2 }, { x: 1 }, {}),
    step,
    context,
    leadData,
  },
  { requiredKeys: [] },
);
export const patch: fc.Arbitrary<JsonObject> = fc.record(
  {
    source: weighted([1, fc.constantFrom(...SOURCES)], [1, fc.constant(null)]),
    email: weighted([2, fc.constantFrom(...EMAILS)], [1, fc.constant(null)]),
    a: fc.constantFrom(null, 2, { b: null, c: 3 }, [null]),
    nested: fc.constantFrom<JsonObject | null>({ x: { y: null, w: 5 } }, { z: null }, { x: "flat" }, null),
    step: weighted([2, step], [1, fc.constant(null)]),
    context: weighted([2, context], [1, fc.constant(null)]),
    leadData: weighted([2, leadData], [1, fc.constant(null)]),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<JsonObject>;
/** Mostly without `source`, which can only be sent along unchanged. */
export const usualPatch = patch.map((whole) => Object.fromEntries(Object.entries(whole).filter(([name]) => name !== "source")));
export const state: fc.Arbitrary<JsonObject> = weighted(
  [2, fc.record({ step: weighted([4, step], [1, fc.constant(null)]), context, leadData }) as fc.Arbitrary<JsonObject>],
  [1, fc.record({ step, context, leadData }, { requiredKeys: [] }) as fc.Arbitrary<JsonObject>],
);

export const transcript: fc.Arbitrary<Transcript> = fc.record({
  kind: weighted<Transcript["kind"]>(
    [3, fc.constant("longer" as const)],
    [2, fc.constantFrom("same" as const, "shorter" as const, "other" as const)],
  ),
  keep: fc.nat(4),
  add: fc.array(message, { minLength: 1, maxLength: 3 }),
});

export const mostlyDry = fc.constantFrom(true, true, false);
export const reason = fc.constantFrom("manual", "asked by the visitor");
export const line: fc.Arbitrary<Line> = fc.record({
  id: weighted<Line["id"]>([3, fc.record({ fixed: fc.nat(4) })], [1, fc.record({ on: fc.nat(5) })], [2, fc.constant(null)]),
  same: fc.boolean(),
  source: perhaps(fc.constantFrom(...SOURCES)),
  ref: perhaps(fc.constantFrom("r1", "r2")),
  archiveReason: seldom(fc.constant("moved house")),
  age: perhaps(fc.constantFrom(HOUR, 3 * DAY, 8 * YEAR)),
  apart: perhaps(fc.constantFrom(0, MINUTE, 9 * DAY)),
  past: fc.boolean(),
  metadata: firstMetadata,
  messages: fc.array(message, { maxLength: 4 }),
});

const passing = weighted<number>(
  [6, fc.constantFrom(0, 1, SECOND, 20 * SECOND, 61 * SECOND)],
  [4, fc.constantFrom(5 * MINUTE, 59 * MINUTE, HOUR, 2 * HOUR + 1)],
  [4, fc.constantFrom(23 * HOUR, DAY, DAY + HOUR, 47 * HOUR, 2 * DAY)],
  [2, fc.constantFrom(7 * DAY, 8 * DAY, 75 * DAY, 91 * DAY)],
  [1, fc.constantFrom(YEAR, 7 * YEAR + 2 * DAY, 10 * YEAR)],
);

/** A while without a server, or one with a server that sweeps now and then: in three steps what is over gets as far as the archive. */
export const advance: fc.Arbitrary<Command> = weighted<Command>(
  [4, passing.map((ms) => ({ do: "advance" as const, ms, sweeps: 0 }))],
  [1, passing.map((ms) => ({ do: "advance" as const, ms, sweeps: 1 }))],
  [1, fc.constantFrom(4 * DAY, 9 * DAY, 30 * DAY, 8 * YEAR).map((ms) => ({ do: "advance" as const, ms, sweeps: 3 }))],
);
