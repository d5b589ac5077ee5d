// Random runs.

import fc from "fast-check";
import {
  advance,
  EMAILS,
  expected,
  fault,
  firstMetadata,
  key,
  line,
  message,
  mostlyDry,
  patch,
  PHONES,
  reason,
  show,
  SOURCES,
  state,
  target,
  transcript,
  usualPatch,
  WORDS,
} from "./arbitrary-values.ts";
import { perhaps, seldom, weighted } from "./choices.ts";
import type { Command, Rules, Run } from "./command.ts";

/** Commands of one run. */
export const RUN_LENGTH = 60;

const on = { on: target, fault };

const create = fc.record({
  do: fc.constant("create" as const),
  metadata: firstMetadata,
  messages: fc.array(message, { maxLength: 3 }),
  key: perhaps(key),
  fault,
});

const command: fc.Arbitrary<Command> = weighted<Command>(
  [8, create],
  [
    24,
    fc.record({
      do: fc.constant("append" as const),
      ...on,
      messages: fc.array(message, { minLength: 1, maxLength: 5 }),
      asTranscript: weighted([6, fc.constant(false)], [1, fc.constant(true)]),
      state: perhaps(state),
      window: perhaps(fc.nat(8)),
      expected,
      key: perhaps(key),
    }),
  ],
  [
    1,
    fc.record({
      do: fc.constant("append" as const),
      ...on,
      messages: fc.constant([]),
      asTranscript: fc.constant(false),
      state,
      expected,
      key: perhaps(key),
    }),
  ],
  [
    14,
    fc.record({
      do: fc.constant("update" as const),
      ...on,
      patch: perhaps(weighted([6, usualPatch], [1, patch])),
      transcript: perhaps(transcript),
      status: seldom(fc.constantFrom("active", "completed", "completed", "archived", "deleted")),
      count: seldom(weighted<"right" | "wrong">([6, fc.constant("right" as const)], [1, fc.constant("wrong" as const)])),
      other: weighted<"equal" | "changed" | "unknown" | "ignored" | undefined>(
        [12, fc.constant(undefined)],
        [2, fc.constantFrom("equal" as const, "ignored" as const)],
        [1, fc.constantFrom("changed" as const, "unknown" as const)],
      ),
      expected,
      show,
    }),
  ],
  [
    5,
    fc.record({
      do: fc.constant("write-back" as const),
      ...on,
      read: fc.constantFrom("get" as const, "peek" as const),
      change: fc.constantFrom("nothing" as const, "message" as const, "metadata" as const),
      show,
      versioned: fc.boolean(),
    }),
  ],
  [9, fc.record({ do: fc.constant("read" as const), ...on, touch: fc.boolean(), show })],
  [7, fc.record({ do: fc.constantFrom("complete" as const, "complete" as const, "reopen" as const), ...on, expected, show })],
  [
    3,
    fc.record({
      do: fc.constant("extend" as const),
      ...on,
      hours: fc.constantFrom(1, 1.5, 24, 72, 168, 10_000, 0, -1),
      reason: perhaps(reason),
      expected,
      show,
    }),
  ],
  [
    5,
    fc.record({
      do: fc.constant("archive" as const),
      ...on,
      reason: perhaps(weighted([9, reason], [1, fc.constantFrom("", "x".repeat(51))])),
      preserve: fc.constantFrom(true, true, true, false),
      expected,
    }),
  ],
  [1, fc.record({ do: fc.constant("erase" as const), ...on, reason: perhaps(reason), expected })],
  [3, fc.record({ do: fc.constantFrom("hold" as const, "release" as const), ...on, reason, expected })],
  [
    4,
    fc.record({
      do: fc.constant("list" as const),
      status: perhaps(fc.subarray(["active", "completed", "archived", "deleted"])),
      source: seldom(fc.constantFrom(...SOURCES, "unknown")),
      environment: seldom(fc.constantFrom("P", "production", "D")),
      from: seldom(fc.record({ on: fc.nat(5), seconds: fc.constantFrom(-1, 0, 1) })),
      to: seldom(fc.record({ on: fc.nat(5), seconds: fc.constantFrom(-1, 0, 1) })),
      words: perhaps(
        fc.array(fc.constantFrom(...WORDS, "PERCHE", "niente", "m3"), { minLength: 1, maxLength: 2 }).map((words) => words.join("-")),
      ),
      limit: perhaps(fc.integer({ min: 1, max: 4 })),
      deliverFirst: fc.boolean(),
    }),
  ],
  [
    2,
    fc.record({
      do: fc.constant("messages" as const),
      on: target,
      after: perhaps(fc.nat(8)),
      before: perhaps(fc.nat(12)),
      limit: perhaps(fc.integer({ min: 1, max: 4 })),
      order: perhaps(fc.constantFrom("asc" as const, "desc" as const)),
    }),
  ],
  [2, fc.record({ do: fc.constant("events" as const), on: target, limit: perhaps(fc.integer({ min: 1, max: 3 })) })],
  [
    1,
    fc.record({
      do: fc.constant("analytics" as const),
      around: perhaps(fc.record({ on: fc.nat(5), before: fc.nat(3), after: fc.nat(300) })),
    }),
  ],
  [
    2,
    weighted<Command>(
      [
        3,
        fc.record({
          do: fc.constant("erase-subject" as const),
          key: fc.constant("email"),
          value: fc.constantFrom(...EMAILS),
          dryRun: mostlyDry,
          fault,
        }),
      ],
      [
        1,
        fc.record({
          do: fc.constant("erase-subject" as const),
          key: fc.constant("phone"),
          value: fc.constantFrom(...PHONES),
          dryRun: mostlyDry,
          fault,
        }),
      ],
      [
        1,
        fc.record({
          do: fc.constant("erase-subject" as const),
          key: fc.constant("name"),
          value: fc.constant("Anna"),
          dryRun: mostlyDry,
          fault,
        }),
      ],
    ),
  ],
  [4, fc.record({ do: fc.constant("import" as const), line, active: fc.boolean(), fault })],
  [7, fc.record({ do: fc.constant("sweep" as const), dryRun: fc.constantFrom(false, false, false, true), fault })],
  [3, fc.record({ do: fc.constant("deliver" as const), limit: perhaps(fc.integer({ min: 1, max: 3 })), fault })],
  [1, fc.record({ do: fc.constant("purge" as const), dryRun: fc.boolean(), fault })],
  [2, fc.record({ do: fc.constant("cleanup" as const), fault })],
  // To restart takes longer than all other commands of a run together.
  [14, weighted<Command>([40, advance], [1, fc.constant({ do: "restart" as const })])],
  [8, fc.record({ do: fc.constant("retry" as const), ago: fc.nat(3), fault })],
);

const rules: fc.Arbitrary<Rules> = weighted<Rules>(
  [5, fc.constant({ ttlHours: 24, maxExtensionHours: 168, conversationMessages: 50_000 })],
  [1, fc.constant({ ttlHours: 24, maxExtensionHours: 168, conversationMessages: 12 })],
  [1, fc.constant({ ttlHours: 1, maxExtensionHours: 1, conversationMessages: 50_000 })],
  [1, fc.constant({ ttlHours: 2, maxExtensionHours: 3, conversationMessages: 50_000 })],
);

/** Lists that are made of one length, and shrink to any shorter one. */
class LongList<T> extends fc.Arbitrary<T[]> {
  readonly #made: fc.Arbitrary<T[]>;
  readonly #shrunk: fc.Arbitrary<T[]>;
  constructor(item: fc.Arbitrary<T>, length: number) {
    super();
    this.#made = fc.array(item, { minLength: length, maxLength: length });
    this.#shrunk = fc.array(item, { maxLength: length });
  }
  override generate(random: fc.Random, bias: number | undefined): fc.Value<T[]> {
    return this.#made.generate(random, bias);
  }
  override canShrinkWithoutContext(_value: unknown): _value is T[] {
    return false;
  }
  override shrink(value: T[], context: unknown): fc.Stream<fc.Value<T[]>> {
    return this.#shrunk.shrink(value, context);
  }
}

function withoutFault(each: Command): Command {
  return "fault" in each ? { ...each, fault: undefined } : each;
}

/** Runs of `RUN_LENGTH` commands, of which the first creates a conversation. In half of them no store fails: there every answer is known exactly. */
export const runs: fc.Arbitrary<Run> = fc
  .tuple(rules, fc.boolean(), create, new LongList(command, RUN_LENGTH - 1))
  .map(([given, faults, first, rest]) => ({ rules: given, commands: faults ? [first, ...rest] : [first, ...rest].map(withoutFault) }));
