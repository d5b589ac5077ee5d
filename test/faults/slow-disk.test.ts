import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { describeWith } from "../engines.ts";
import { startMain } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { startClients } from "./appending-clients.ts";
import { ALL_WELL, createLedger } from "./ledger.ts";
import { transcripts } from "./stored.ts";
import { createWire } from "./wire.ts";

const DELAY_MS = 300;
const CLIENTS = 20;
const ASKED = 150;
/** 100 ms are promised; five times that catches only what waits for the disk. */
const HEALTH_P99_MS = 500;

describeWith("strace", `a server whose disk takes ${DELAY_MS} ms for every sync`, (strace) => {
  it("answers health at once while twenty clients append, who share the syncs", { timeout: 180_000 }, async () => {
    const folder = temporaryFolder();
    const trace = join(temporaryFolder(), "syncs");
    const inject = `inject=fsync,fdatasync:delay_exit=${DELAY_MS * 1000}`;
    const under = [strace, "-f", "-qq", "--seccomp-bpf", "-e", "trace=fsync,fdatasync", "-e", inject, "-o", trace];
    const { url } = await startMain({ folder, env: { LOG_LEVEL: "error" }, under });
    const syncs = (): number => readFileSync(trace, "utf8").match(/f(data)?sync\(/g)?.length ?? 0;
    const wire = createWire();
    const ledger = createLedger();
    const clients = await startClients({ count: CLIENTS, wire, url: () => url, ledger });

    const [syncsBefore, appendsBefore, started] = [syncs(), ledger.appends, performance.now()];
    const health: number[] = [];
    for (let n = 0; n < ASKED; n++) {
      const { status, ms } = await wire.send("GET", `${url}/health`);
      expect(status).toBe(200);
      health.push(ms);
      await sleep(20);
    }
    const seconds = (performance.now() - started) / 1000;
    const [synced, appended] = [syncs() - syncsBefore, ledger.appends - appendsBefore];
    await clients.stop();

    const p99 = health.toSorted((a, b) => a - b)[Math.ceil(health.length * 0.99) - 1]!;
    console.log(
      `every sync takes ${DELAY_MS} ms: ${health.length} answers of health, p99 ${p99.toFixed(0)} ms; ` +
        `${appended} appends in ${seconds.toFixed(1)} s shared ${synced} syncs`,
    );
    expect(p99).toBeLessThan(HEALTH_P99_MS);
    // The disk really was slow: one after the other, so many syncs fill the time.
    expect(synced).toBeGreaterThan(2);
    expect(synced).toBeLessThan((seconds * 1000) / DELAY_MS + CLIENTS);
    expect(appended).toBeGreaterThan(synced * 4);
    const stored = await transcripts(wire, url);
    expect({ ...ledger.compare(stored), extra: ledger.unacknowledged(stored) }).toEqual({ ...ALL_WELL, extra: [] });
  });
});
