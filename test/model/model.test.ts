import { describe, expect, it } from "vitest";
import { checkRuns } from "./check-runs.ts";
import { STORES_UNDER_TEST } from "./stores-under-test.ts";

describe.each(STORES_UNDER_TEST)("whatever is done, restarts and faults included, over $name", (under) => {
  it("every answer and the state at the end are those of the model", { timeout: 600_000 }, async () => {
    await expect(checkRuns(under, under.runs)).resolves.toBeUndefined();
  });
});
