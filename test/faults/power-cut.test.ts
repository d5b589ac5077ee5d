import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { describeWith } from "../engines.ts";
import { crashUnderLoad, describeReport } from "./crash-under-load.ts";
import { startPowered } from "./crashing-server.ts";
import { ALL_WELL } from "./ledger.ts";
import { cuttableDisk } from "./power-cut.ts";

const CUTS = 3;

describeWith("ext4", "a server whose machine loses its power under twenty clients", () => {
  it(`loses nothing that it acknowledged, and doubles nothing, ${CUTS} times one after the other`, { timeout: 300_000 }, async () => {
    const report = await crashUnderLoad(await startPowered({ LOG_LEVEL: "error" }), CUTS);
    console.log(`power cut ${describeReport(report)}`);
    expect(report).toMatchObject({ integrity: "ok", verdict: ALL_WELL, unacknowledged: [], missing: [], forgotten: [] });
  });

  it("(control) would lose what it acknowledged without a sync for each commit", { timeout: 120_000 }, async () => {
    const disk = cuttableDisk();
    const script = fileURLToPath(new URL("careless-writer.ts", import.meta.url));
    const child = spawn(process.execPath, [script, disk.folder()], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(child, "close");
    onTestFinished(() => void child.kill("SIGKILL"));
    let acknowledged = 0;
    child.stdout.setEncoding("utf8").on("data", (lines: string) => (acknowledged = Number(lines.trimEnd().split("\n").at(-1))));
    while (!(acknowledged > 200)) await sleep(5);
    await disk.cut({ child, ended });
    const database = new DatabaseSync(join(disk.folder(), "rows.db"));
    const { stored } = database.prepare("SELECT count(*) AS stored FROM rows").get() as { stored: number };
    database.close();
    expect(acknowledged).toBeGreaterThan(stored);
    console.log(`(control) of ${acknowledged} rows that a commit without a sync acknowledged, ${stored} were there`);
  });
});
