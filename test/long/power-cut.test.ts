import { expect, it } from "vitest";
import { describeWith } from "../engines.ts";
import { crashUnderLoad, describeReport } from "../faults/crash-under-load.ts";
import { startPowered } from "../faults/crashing-server.ts";
import { ALL_WELL } from "../faults/ledger.ts";

const CUTS = 20;

describeWith("ext4", "a server whose machine loses its power under twenty clients", () => {
  it(`loses nothing that it acknowledged, and doubles nothing, ${CUTS} times one after the other`, async () => {
    const report = await crashUnderLoad(await startPowered({ LOG_LEVEL: "error" }), CUTS);
    console.log(`power cut ${describeReport(report)}`);
    expect(report).toMatchObject({ integrity: "ok", verdict: ALL_WELL, unacknowledged: [], missing: [], forgotten: [] });
  });
});
