// A server whose disk takes nothing for a while, under clients that go on trying: what it answers meanwhile, and what is stored afterwards.

import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { startClients } from "./appending-clients.ts";
import { createLedger, ALL_WELL } from "./ledger.ts";
import { createRequests } from "./requests.ts";
import { integrityOf, transcripts } from "./stored.ts";
import { createWire, type Answer } from "./wire.ts";

const CLIENTS = 8;
/** So many refusals are waited for: by then nobody is served from room that was left over. */
const REFUSALS = 40;

/** A server and its disk. */
export interface FailingDisk {
  readonly url: () => string;
  /** The database file. */
  readonly path: string;
  /** From now on the disk fails. Nothing to do where it begins by itself. */
  readonly fail: () => void | Promise<void>;
  /** What ends it; the server is to be well again without more. */
  readonly heal: () => void | Promise<void>;
  /** How often it fails and is well again; 1 by default. */
  readonly times?: number;
}

/** Writes are refused so that the caller knows to come again, reads are answered, and afterwards all that was acknowledged is there, once. */
export async function expectItHeals({ url, path, fail, heal, times = 1 }: FailingDisk): Promise<void> {
  const wire = createWire();
  const ledger = createLedger();
  const { on } = createRequests(wire, url, ledger);
  const refusals: Answer[] = [];
  const clients = await startClients({ count: CLIENTS, wire, url, ledger, later: [503], onRefusal: (answer) => refusals.push(answer) });

  for (let time = 0; time < times; time++) {
    await clients.progress(CLIENTS * 5);
    await fail();
    const wanted = refusals.length + REFUSALS;
    while (refusals.length < wanted) await sleep(5);
    const some = ledger.conversations[0]!;
    const base = `${url()}/api/v1/conversations`;
    const reads = ["/livez", "/health", "/readyz"].map((path_) => wire.send("GET", url() + path_));
    reads.push(...["", "?touch=false", "/messages", "/events"].map((path_) => on(some, "GET", path_)));
    reads.push(wire.send("GET", base), wire.send("GET", `${url()}/api/v1/analytics`));
    expect((await Promise.all(reads)).map(({ status }) => status)).toEqual(reads.map(() => 200));
    await heal();
    await clients.progress(CLIENTS * 5);
  }
  await clients.stop();

  for (const { headers, text } of refusals) {
    expect(JSON.parse(text)).toEqual({
      success: false,
      code: "store_unavailable",
      error: expect.stringMatching(/^Failed to \w+ conversation$/) as string,
      requestId: headers["x-request-id"],
    });
    expect(headers["retry-after"]).toMatch(/^\d+$/);
  }
  const stored = await transcripts(wire, url());
  expect({ ...ledger.compare(stored), extra: ledger.unacknowledged(stored), missing: clients.missing }).toEqual({
    ...ALL_WELL,
    extra: [],
    missing: [],
  });
  expect(integrityOf(path)).toBe("ok");
  console.log(`a failing disk: ${ledger.appends} appends acknowledged, ${refusals.length} requests refused meanwhile`);
}
