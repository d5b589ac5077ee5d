// Runs the conformance suite on an adapter as vitest tests: fresh stores for each case, closed and disposed of after it.

import { setTimeout as sleep } from "node:timers/promises";
import { describe, it } from "vitest";
import { conformanceCases, selectCases, type ConformanceClock, type Skips } from "../../src/conformance/index.ts";
import type { Stores } from "../../src/core/stores.ts";

/** How an adapter is tried. */
export interface ConformanceSubject {
  /** Opens stores that hold nothing. `clock` (epoch ms) moves only when a case says so; give it to the adapter. */
  open(clock: () => number): Stores | Promise<Stores>;
  /** Called when the stores of a case are closed, also if it failed: removes its files, checks that nothing leaked. */
  dispose?(stores: Stores): void | Promise<void>;
  /** What this adapter cannot do: the name of a case or a need, and why. An unknown name is an error. */
  skip?: Skips;
  /** The engine has a clock of its own, which cannot be set: time then passes by waiting. */
  ownClock?: true;
}

const START = Date.parse("2025-01-25T14:30:52.000Z");

/** A timer may fire a little early by another clock, so waiting takes a little longer. */
function startClock(ownClock: boolean): ConformanceClock {
  if (ownClock) return { now: () => Date.now(), pass: (ms) => sleep(ms + 20) };
  let now = START;
  return {
    now: () => now,
    pass: async (ms) => {
      now += ms;
    },
  };
}

/** Declares one vitest test for each conformance case; those that are skipped are printed with the reason. */
export function runConformance(name: string, subject: ConformanceSubject): void {
  const selected = selectCases(conformanceCases, subject.skip);
  for (const one of selected) if (one.skipped !== null) console.warn(`skipped: ${name}: ${one.name}: ${one.skipped}`);

  describe(`${name} keeps the promises of the ports`, () => {
    // The cases assert with node:assert.
    // oxlint-disable-next-line vitest/expect-expect
    it.for(selected)("$name", async (one, { skip }) => {
      if (one.skipped !== null) skip(one.skipped);
      const clock = startClock(subject.ownClock === true);
      const stores = await subject.open(() => clock.now());
      try {
        await one.run({ stores, clock });
      } finally {
        try {
          await stores.hot.close();
          await stores.archive?.close();
        } finally {
          await subject.dispose?.(stores);
        }
      }
    });
  });
}
