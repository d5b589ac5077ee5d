import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { startMain } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { createLedger, ALL_WELL } from "./ledger.ts";
import { createRequests, ok } from "./requests.ts";
import { transcripts } from "./stored.ts";
import { createWire } from "./wire.ts";

const CLIENTS = 20;
const ROUNDS = 3;
/** It is killed from outside after 15 seconds at the latest by most who run servers. */
const STOP_MS = 15_000;

describe("a server that is told to stop while twenty clients write and read", () => {
  it("cuts no request, keeps what it acknowledged, and exits 0 in time, each time", { timeout: 180_000 }, async () => {
    const folder = temporaryFolder();
    const ledger = createLedger();
    const stopMs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const server = await startMain({ folder, env: { LOG_LEVEL: "error" } });
      const { create, append, on } = createRequests(createWire(), () => server.url, ledger);
      const cut: string[] = [];

      async function client(number: number): Promise<void> {
        try {
          const id = await create();
          for (let n = 0; ; n++) {
            await append(id, `${round}-${number}-${n}`);
            if (n % 3 === 0) ok(await on(id, "GET"));
          }
        } catch (error) {
          // Nobody listens any more, so nothing was sent. All else was cut.
          if ((error as NodeJS.ErrnoException).code !== "ECONNREFUSED") cut.push(String(error));
        }
      }

      const before = ledger.appends;
      const clients = Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)));
      while (ledger.appends < before + 200) await sleep(5);
      const told = performance.now();
      server.child.kill("SIGTERM");
      const { code, signal } = await server.ended;
      stopMs.push(performance.now() - told);
      await clients;
      expect({ code, signal, cut }).toEqual({ code: 0, signal: null, cut: [] });
    }
    expect(Math.max(...stopMs)).toBeLessThan(STOP_MS);
    console.log(`stopped under load in ${stopMs.map((ms) => `${ms.toFixed(0)} ms`).join(", ")}`);

    const { url } = await startMain({ folder });
    const stored = await transcripts(createWire(), url);
    expect({ ...ledger.compare(stored), extra: ledger.unacknowledged(stored) }).toEqual({ ...ALL_WELL, extra: [] });
  });
});
