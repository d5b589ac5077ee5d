// Runs the same random commands over a store until they disagree with the model, and then looks for the shortest that do.

import fc from "fast-check";
import { runs } from "./arbitrary-runs.ts";
import { runCommands } from "./run-commands.ts";
import type { StoreUnderTest } from "./stores-under-test.ts";

/** The seed of the normal run; `MODEL_SEED` is another one, and `MODEL_PATH` goes straight to a run that failed with it. */
const SEED = 20_250_125;

function wholeNumber(name: string): number | undefined {
  const text = process.env[name];
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new Error(`${name} must be a whole number`);
  return value;
}

/** `count` runs, or `MODEL_RUNS`. Rejects with seed, path, the shortest run that was found, and what led to the disagreement. */
export async function checkRuns(under: StoreUnderTest, count: number, seed = SEED): Promise<void> {
  const used = wholeNumber("MODEL_SEED") ?? seed;
  const path = process.env["MODEL_PATH"];
  try {
    await fc.assert(
      fc.asyncProperty(runs, (run) => runCommands(run, under)),
      { seed: used, numRuns: wholeNumber("MODEL_RUNS") ?? count, ...(path ? { path } : {}) },
    );
  } finally {
    await under.end();
  }
}
