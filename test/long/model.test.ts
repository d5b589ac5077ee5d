import { describe, expect, it } from "vitest";
import { checkRuns } from "../model/check-runs.ts";
import { sqliteUnderTest } from "../model/sqlite-under-test.ts";
import { STORES_UNDER_TEST } from "../model/stores-under-test.ts";

const RUNS = 5000;
const HOURS = 3_600_000;

/** Other runs each time; a failure prints the seed, which `MODEL_SEED` takes. */
const seed = Math.trunc(Date.now() / 1000);

describe.each(STORES_UNDER_TEST)("whatever is done, restarts and faults included, over $name", (under) => {
  it(`every answer and the state at the end are those of the model, ${RUNS} times`, { timeout: 4 * HOURS }, async () => {
    await expect(checkRuns(under, RUNS, seed)).resolves.toBeUndefined();
  });
});

describe("over SQLite that overwrites what was wiped after each erasure and each sweep", () => {
  it("every answer and the state at the end are those of the model", { timeout: 2 * HOURS }, async () => {
    await expect(checkRuns(sqliteUnderTest(500, { scrubs: true }), 500, seed)).resolves.toBeUndefined();
  });
});
