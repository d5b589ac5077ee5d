import { randomInt } from "node:crypto";
import { describe, expect, it } from "vitest";
import { startMain } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { messageFor, startClients } from "./appending-clients.ts";
import { ALL_WELL, createLedger } from "./ledger.ts";
import { startLosingProxy } from "./losing-proxy.ts";
import { createRequests } from "./requests.ts";
import { transcript, transcripts } from "./stored.ts";
import { createWire } from "./wire.ts";

const QUIET = { LOG_LEVEL: "error" };

describe("an answer that is lost on its way to the client", () => {
  it("is given again to the repeated request, which adds nothing, whether it creates or appends", { timeout: 120_000 }, async () => {
    const { url } = await startMain({ folder: temporaryFolder(), env: QUIET });
    const proxy = await startLosingProxy(url, () => randomInt(3) === 0);
    const wire = createWire();
    const ledger = createLedger();
    const clients = await startClients({ count: 20, wire, url: () => proxy.url, ledger, createEvery: 10 });
    await clients.progress(1000);
    await clients.stop();
    const stored = await transcripts(wire, url);
    expect({ ...ledger.compare(stored), extra: ledger.unacknowledged(stored) }).toEqual({ ...ALL_WELL, extra: [] });
    // Each answer that was lost was to something that had been done.
    expect(proxy.lost).toBeGreaterThan(100);
    expect(clients.replays).toBeGreaterThan(100);
    console.log(`${ledger.appends} appends, ${proxy.lost} answers lost on the way, ${clients.replays} given again`);
  });

  it("(control) doubles the message of whoever repeats the request without a key", async () => {
    const { url } = await startMain({ folder: temporaryFolder(), env: QUIET });
    let loses = false;
    const proxy = await startLosingProxy(url, () => loses);
    const wire = createWire();
    const { create, on } = createRequests(wire, () => proxy.url, createLedger());
    const id = await create();
    const append = () => on(id, "POST", "/messages", messageFor("once"));
    loses = true;
    await expect(append()).rejects.toThrow("socket hang up");
    loses = false;
    expect((await append()).status).toBe(200);
    expect(await transcript(wire, url, id)).toEqual([
      { seq: 1, content: "once" },
      { seq: 2, content: "once" },
    ]);
  });
});
