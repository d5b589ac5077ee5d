import { describe, expect, it } from "vitest";
import { crashUnderLoad, describeReport } from "./crash-under-load.ts";
import { startKillable } from "./crashing-server.ts";
import { ALL_WELL } from "./ledger.ts";

const KILLS = 60;
const QUIET = { LOG_LEVEL: "error" };

describe("a server that is killed again and again under twenty clients who repeat what was not answered", () => {
  it(`loses nothing that it acknowledged, doubles nothing, and is there again, ${KILLS} times`, { timeout: 600_000 }, async () => {
    const report = await crashUnderLoad(await startKillable(QUIET), KILLS);
    console.log(`killed ${describeReport(report)}`);
    expect(report).toMatchObject({ integrity: "ok", verdict: ALL_WELL, unacknowledged: [], missing: [], forgotten: [] });
    // The clients were in the middle of something when it died, and something had been done of which they had not heard.
    expect(report.repeats).toBeGreaterThan(KILLS);
    expect(report.replays).toBeGreaterThan(0);
  });

  it("(control) loses what it acknowledged if it answers before it commits", { timeout: 300_000 }, async () => {
    const { verdict, missing } = await crashUnderLoad(await startKillable(QUIET, "test/faults/write-behind-server.ts"), 5);
    expect(verdict.lost.length + missing.length).toBeGreaterThan(0);
  });
});
