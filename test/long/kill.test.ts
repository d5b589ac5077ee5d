import { expect, it } from "vitest";
import { crashUnderLoad, describeReport } from "../faults/crash-under-load.ts";
import { startKillable } from "../faults/crashing-server.ts";
import { ALL_WELL } from "../faults/ledger.ts";

const KILLS = 500;

it(`a server that is killed ${KILLS} times under twenty clients loses nothing that it acknowledged, and doubles nothing`, async () => {
  const report = await crashUnderLoad(await startKillable({ LOG_LEVEL: "error" }), KILLS);
  console.log(`killed ${describeReport(report)}`);
  expect(report).toMatchObject({ integrity: "ok", verdict: ALL_WELL, unacknowledged: [], missing: [], forgotten: [] });
});
