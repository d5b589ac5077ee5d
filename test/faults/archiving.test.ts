import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { itera, startMain } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { ALL_WELL, createLedger } from "./ledger.ts";
import { createRequests, ok, type Requests } from "./requests.ts";
import { listAll, transcripts } from "./stored.ts";
import { createWire } from "./wire.ts";

/** 1.08 seconds: that is what a new conversation lives, and twice that one that was written to. */
const SHORT_LIFE = { CONVERSATION_TTL_HOURS: "0.0003", LOG_LEVEL: "error" };
const LIFE_MS = 1080;

/** The events of a conversation, oldest first. */
async function events(on: Requests["on"], id: string): Promise<string[]> {
  const page = ok(await on(id, "GET", "/events?limit=100")).json<{ data: { event: string }[]; nextCursor: string | null }>();
  expect(page.nextCursor).toBeNull();
  return page.data.map(({ event }) => event);
}

/** The events without what happens beside archiving and coming back. */
function moves(all: readonly string[]): string[] {
  return all.filter((event) => event === "archived" || event === "reactivated");
}

/** Archived, come back, archived, come back, …; answers how often it was archived. */
function expectAlternating(all: readonly string[]): number {
  const seen = moves(all);
  expect(seen).toEqual(seen.map((_, index) => (index % 2 === 0 ? "archived" : "reactivated")));
  return Math.ceil(seen.length / 2);
}

/** Waits until the outbox has passed on what it had. */
async function passedOn(folder: string): Promise<void> {
  const { code, stderr } = await itera(["sweep"], { folder, env: SHORT_LIFE });
  expect([code, stderr]).toEqual([0, ""]);
}

describe("conversations that are written to while they are being archived", () => {
  it("have every message once, and end active", { timeout: 120_000 }, async () => {
    const folder = temporaryFolder();
    const { url } = await startMain({ folder, env: { LOG_LEVEL: "error" } });
    const wire = createWire();
    const ledger = createLedger();
    const { create, append, on } = createRequests(wire, () => url, ledger);
    const ids = await Promise.all(Array.from({ length: 3 }, create));
    let writing = true;
    const archiving = ids.map(async (id) => {
      for (let n = 0; writing && n < 45; n++) {
        ok(await on(id, "DELETE", `?reason=round-${n}`));
        await sleep(2);
      }
    });
    const writers = Array.from({ length: 15 }, async (_, number) => {
      for (let n = 0; n < 30; n++) await append(ids[number % ids.length]!, `${number}-${n}`);
    });
    await Promise.all(writers);
    writing = false;
    await Promise.all(archiving);
    await Promise.all(ids.map((id) => append(id, `the last of ${id}`)));

    const stored = await transcripts(wire, url);
    expect({ ...ledger.compare(stored), extra: ledger.unacknowledged(stored) }).toEqual({ ...ALL_WELL, extra: [] });
    // Counts follow with the outbox.
    const listed = async (): Promise<unknown> => (await listAll(wire, url)).map(({ status, messageCount }) => [status, messageCount]);
    await expect.poll(listed, { timeout: 30_000 }).toEqual(ids.map(() => ["active", 151]));
    await passedOn(folder);
    for (const id of ids) expect(expectAlternating(await events(on, id))).toBeGreaterThan(1);
  });

  it("are swept by two at once, and written to: nothing is lost, and each expiry archives once", { timeout: 120_000 }, async () => {
    const folder = temporaryFolder();
    const env = SHORT_LIFE;
    const { url } = await startMain({ folder, env });
    const wire = createWire(20);
    const ledger = createLedger();
    const { create, append, on } = createRequests(wire, () => url, ledger);
    const ids = await Promise.all(Array.from({ length: 120 }, create));
    await Promise.all(ids.map((id, n) => append(id, `the first of ${n}`)));
    const [quiet, busy] = [ids.slice(0, 80), ids.slice(80)];
    // They expire by themselves; nobody is to read them until then, as that would archive them.
    await sleep(2 * LIFE_MS + 200);

    const sweeps = Promise.all(Array.from({ length: 2 }, () => itera(["sweep", "--json"], { folder, env })));
    let sweeping = true;
    const writers = Array.from({ length: 10 }, async (_, number) => {
      for (let n = 0; sweeping || n < 20; n++) {
        await append(busy[(number + n) % busy.length]!, `${number}-${n}`);
        await sleep(5);
      }
    });
    const ended = await sweeps;
    sweeping = false;
    await Promise.all(writers);
    expect(ended.map(({ code, stderr }) => [code, stderr])).toEqual([
      [0, ""],
      [0, ""],
    ]);
    const swept = ended.reduce((sum, { stdout }) => sum + (JSON.parse(stdout) as { data: { archived: number } }).data.archived, 0);

    await passedOn(folder);
    const archivings = await Promise.all(ids.map(async (id) => expectAlternating(await events(on, id))));
    // On a slow machine the first append may come after the first expiry already; what alternates was archived once for each.
    for (const [index, id] of quiet.entries()) expect([id, archivings[index]! > 0]).toEqual([id, true]);
    // The server's own sweep, and appends that found one expired, are the others.
    expect(archivings.reduce((sum, each) => sum + each, 0)).toBeGreaterThanOrEqual(swept);
    const entries = await listAll(wire, url);
    expect(entries.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    const statuses = new Map(entries.map(({ id, status }) => [id, status]));
    for (const id of quiet) expect([id, statuses.get(id)]).toEqual([id, "archived"]);
    const stored = await transcripts(wire, url);
    expect({ ...ledger.compare(stored), extra: ledger.unacknowledged(stored) }).toEqual({ ...ALL_WELL, extra: [] });
    console.log(`two sweeps at once archived ${swept} of ${ids.length} conversations, each once`);
  });
});
