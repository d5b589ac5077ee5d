// The conformance suite inside workerd. Time is that of the isolate, which the objects share, and lies years ahead of the platform's,
// so that no alarm goes off by itself.

import { afterAll, beforeAll, describe, it, vi } from "vitest";
import { conformanceCases, selectCases, type ConformanceCase, type ConformanceClock, type Skips } from "../../src/conformance/index.ts";
import type { Stores } from "../../src/core/stores.ts";

/** How stores are tried. */
export interface WorkersConformanceSubject {
  /** Opens stores that hold nothing. `clock`: epoch ms, moves only when a case says so; `Date.now` is the same. */
  open(clock: () => number): Stores | Promise<Stores>;
  /** Called after each case, also if it failed. */
  dispose?(stores: Stores): void | Promise<void>;
  /** What these stores cannot do: the name of a case or a need, and why. An unknown name is an error. */
  skip?: Skips;
  /** Which cases there are; all of them by default. */
  cases?: readonly ConformanceCase[];
}

const START = Date.parse("2099-01-25T14:30:52.000Z");

/** Declares one test for each conformance case; those that are skipped are printed with the reason. */
export function runConformance(name: string, subject: WorkersConformanceSubject): void {
  const selected = selectCases(subject.cases ?? conformanceCases, subject.skip);
  for (const one of selected) if (one.skipped !== null) console.warn(`skipped: ${name}: ${one.name}: ${one.skipped}`);

  describe(`${name} keeps the promises of the ports, in workerd`, () => {
    beforeAll(() => void vi.useFakeTimers({ toFake: ["Date"], now: START }));
    afterAll(() => void vi.useRealTimers());

    // The cases assert with node:assert.
    // oxlint-disable-next-line vitest/expect-expect
    it.for(selected)("$name", async (one, { skip }) => {
      if (one.skipped !== null) skip(one.skipped);
      const clock: ConformanceClock = {
        now: () => Date.now(),
        pass: async (ms) => void vi.setSystemTime(Date.now() + ms),
      };
      vi.setSystemTime(START);
      const stores = await subject.open(() => clock.now());
      try {
        await one.run({ stores, clock });
      } finally {
        await stores.hot.close();
        await stores.archive?.close();
        await subject.dispose?.(stores);
      }
    });
  });
}
