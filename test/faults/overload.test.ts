import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { startMain } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { ALL_WELL, createLedger } from "./ledger.ts";
import { createRequests, ok } from "./requests.ts";
import { transcripts } from "./stored.ts";
import { createWire, type Answer } from "./wire.ts";

/** The server works on 512 requests at a time. */
const AT_ONCE = 5 * 512;
const VOLLEYS = 3;
const BATCH = 20;
/** So many are refused before the file is free again, in the first volley. */
const SHED_FIRST = 1000;

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

describe("a server that is asked five times as much at once as it can take", () => {
  it("sheds what is too much, stores nothing of it, loses nothing else, and is as before afterwards", { timeout: 180_000 }, async () => {
    const folder = temporaryFolder();
    const server = await startMain({ folder, env: { LOG_LEVEL: "error" } });
    const file = new DatabaseSync(join(folder, "data/conversations.db"), { timeout: 10_000 });
    const wire = createWire();
    const ledger = createLedger();
    const { create, append, on } = createRequests(wire, () => server.url, ledger);
    const ids = await Promise.all(Array.from({ length: 8 }, create));
    const shed: Answer[] = [];
    const taken: Answer[] = [];

    for (let volley = 0; volley < VOLLEYS; volley++) {
      // The first time it can take nothing for a moment, on however fast a machine.
      if (volley === 0) file.exec("BEGIN IMMEDIATE");
      const requests = Array.from({ length: AT_ONCE }, async (_, n) => {
        const id = ids[n % ids.length]!;
        const contents = Array.from({ length: BATCH }, (__, m) => `${volley}-${n}-${m}`);
        const answer = await on(id, "POST", "/messages", { messages: contents.map((content) => ({ role: "user", content })) });
        if (answer.status === 200) {
          const placed = answer.json<{ data: { messages: { seq: number }[] } }>().data.messages;
          placed.forEach(({ seq }, m) => ledger.appended(id, seq, contents[m]!));
        }
        (answer.status === 200 ? taken : shed).push(answer);
      });
      while (file.isTransaction) {
        if (shed.length >= SHED_FIRST) file.exec("ROLLBACK");
        await sleep(5);
      }
      await Promise.all(requests);
      // Right after it.
      for (const id of ids) ok(await on(id, "GET", "?messages=10"));
    }

    for (const { status, headers, text } of shed) {
      expect([status, JSON.parse(text)]).toMatchObject([503, { success: false, code: "store_unavailable" }]);
      expect(headers["retry-after"]).toMatch(/^\d+$/);
    }
    expect(taken.length).toBeGreaterThan(0);
    expect(shed.length).toBeGreaterThanOrEqual(SHED_FIRST);
    file.close();
    const afterwards: number[] = [];
    for (let n = 0; n < 50; n++) {
      const started = performance.now();
      await append(ids[0]!, `afterwards-${n}`);
      afterwards.push(performance.now() - started);
    }
    const stored = await transcripts(wire, server.url);
    expect({ ...ledger.compare(stored), extra: ledger.unacknowledged(stored) }).toEqual({ ...ALL_WELL, extra: [] });
    expect(server.child.exitCode).toBeNull();
    console.log(
      `${VOLLEYS} × ${AT_ONCE} requests at once: ${taken.length} done (median ${median(taken.map(({ ms }) => ms)).toFixed(0)} ms), ` +
        `${shed.length} shed (median ${median(shed.map(({ ms }) => ms)).toFixed(0)} ms); an append afterwards takes ${median(afterwards).toFixed(1)} ms`,
    );
  });
});
