import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runs } from "./arbitrary-runs.ts";
import { PLANTED_FAULTS } from "./planted-faults.ts";
import { runCommands } from "./run-commands.ts";
import { memoryUnderTest } from "./stores-under-test.ts";

/** Within so many runs each planted fault must be found; the normal test does more. */
const RUNS = 100;
const SEED = 20_250_125;

describe(`within ${RUNS} runs the model finds that`, () => {
  it.each(PLANTED_FAULTS)("$name", async ({ plant }) => {
    const under = memoryUnderTest(RUNS);
    const found = await fc.check(
      fc.asyncProperty(runs, (run) => runCommands(run, under, plant())),
      { seed: SEED, numRuns: RUNS, endOnFailure: true },
    );
    expect(found.failed, "no run noticed it").toBe(true);
    // It is found by comparing, not by a crash of what was broken.
    expect(String(found.errorInstance)).toMatch(/^Error: memory: /);
    expect((found.errorInstance as Error).cause).toHaveProperty("name", "Disagreement");
  });
});
