import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { startClients } from "./appending-clients.ts";
import { startKillableRuntime } from "./killable-runtime.ts";
import { ALL_WELL, createLedger, type StoredLine } from "./ledger.ts";
import { transcript } from "./stored.ts";
import { createWire } from "./wire.ts";

const CLIENTS = 20;
/** While it starts, the runtime answers for the Worker. */
const STARTING = [500, 502, 503, 504];

/** Kills the runtime so many times under clients that append, and reads what is stored then. */
async function killUnderLoad(kills: number, script?: string) {
  const runtime = await startKillableRuntime(script);
  const wire = createWire();
  const ledger = createLedger();
  const clients = await startClients({ count: CLIENTS, wire, url: runtime.url, ledger, later: STARTING });
  for (let kill = 0; kill < kills; kill++) {
    await clients.progress(randomInt(60, 200));
    await sleep(randomInt(100));
    await runtime.kill();
    await runtime.start();
  }
  await clients.progress(20);
  await clients.stop();
  const stored = new Map<string, StoredLine[]>();
  for (const id of ledger.conversations) stored.set(id, await transcript(wire, runtime.url(), id));
  return { ledger, stored, clients };
}

describe("objects in a runtime that is killed under twenty clients who repeat what was not answered", () => {
  it("lose nothing that was acknowledged, and double nothing", { timeout: 300_000 }, async () => {
    const { ledger, stored, clients } = await killUnderLoad(3);
    console.log(
      `killed 3 times: ${ledger.appends} appends acknowledged, ${clients.repeats} repeated, ${clients.replays} of them had been done`,
    );
    expect(ledger.compare(stored)).toEqual(ALL_WELL);
    expect(ledger.unacknowledged(stored)).toEqual([]);
    expect(clients.missing).toEqual([]);
    expect(clients.repeats).toBeGreaterThan(3);
  });

  it("(control) lose what was acknowledged if it is answered before it is stored", { timeout: 300_000 }, async () => {
    const { ledger, stored } = await killUnderLoad(1, "test/workers/write-behind-worker.ts");
    await sleep(1000);
    const contents = new Set([...stored.values()].flat().map(({ content }) => content));
    const lost = ledger.newest(Infinity).filter(({ content }) => !contents.has(content));
    expect(lost.length).toBeGreaterThan(0);
  });
});
