// Alerts: one for all servers, when something begins, each hour while it lasts, and when it is over.

import { describe, expect, it } from "vitest";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { StoreUnavailableError } from "../../src/core/errors.ts";
import type { Records } from "../../src/core/records.ts";
import { ALERTS, createAlerts, type AlertFacts, type AlertKind } from "../../src/operations/alerts.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

interface Told {
  readonly id: string;
  readonly type: string;
  readonly data: Record<string, unknown>;
}

/** Servers over the same records, each with what it sees. */
function world() {
  const time = { now: Date.UTC(2026, 0, 15, 12) };
  const { records } = memoryStores({ clock: () => time.now });
  const broken = { records: false, keep: false };
  const flaky = Object.fromEntries(
    Object.entries(records).map(([name, method]) => [
      name,
      (...args: never[]) =>
        broken.records ? Promise.reject(new StoreUnavailableError("away")) : (method as (...all: never[]) => unknown)(...args),
    ]),
  ) as unknown as Records;
  const kept: Told[] = [];
  const told: Told[] = [];
  const parse = (id: string, body: string): Told => ({ id, ...(JSON.parse(body) as Omit<Told, "id">) });
  function server(name: string, kind: AlertKind = "disk_low", shared: Records | null = flaky) {
    const sees: { facts: AlertFacts | null | "unknown" } = { facts: null };
    const alerts = createAlerts({
      records: shared,
      server: name,
      environment: "staging",
      clock: () => time.now,
      checks: {
        [kind]: () => (sees.facts === "unknown" ? Promise.reject(new Error("cannot tell")) : sees.facts),
      },
      async keep(id, body) {
        if (broken.keep) throw new StoreUnavailableError("away");
        kept.push(parse(id, body));
      },
      tell: async (id, body) => void told.push(parse(id, body)),
    });
    return { sees, look: () => alerts.look(), seen: () => alerts.seen() };
  }
  const types = (): string[] => kept.map(({ type }) => type);
  return { time, records, broken, kept, told, types, server };
}

/** Looks so often, half a minute apart. */
async function looks(time: { now: number }, times: number, ...servers: { look(): Promise<void> }[]): Promise<void> {
  for (let i = 0; i < times; i++) {
    await Promise.all(servers.map((server) => server.look()));
    time.now += MINUTE / 2;
  }
}

describe("an alert", () => {
  it("is told when it begins and when it is over, with numbers and names of ours alone", async () => {
    const { time, kept, server } = world();
    const one = server("a", "sweep_stalled");
    await looks(time, 4, one);
    expect(kept).toEqual([]);
    one.sees.facts = { minutes: 16 };
    const since = new Date(time.now).toISOString();
    await looks(time, 4, one);
    one.sees.facts = null;
    await looks(time, 4, one);
    const { severity, summary } = ALERTS.sweep_stalled;
    const data = { alert: "sweep_stalled", severity, summary, since, environment: "staging" };
    expect(kept).toMatchObject([
      { type: "alert.fired", data: { ...data, servers: 1, facts: { minutes: 16 } } },
      { type: "alert.resolved", data: { ...data, servers: 0 } },
    ]);
    expect(new Set(kept.map(({ id }) => id)).size).toBe(2);
    expect(kept[1]!.data).not.toHaveProperty("facts");
  });

  it("that must last for a minute is not told of a moment", async () => {
    const { time, server, types } = world();
    const one = server("a", "store_down");
    for (let i = 0; i < 5; i++) {
      one.sees.facts = i % 2 === 0 ? { stores: "hot" } : null;
      await looks(time, 1, one);
    }
    expect(types()).toEqual([]);
    one.sees.facts = { stores: "hot" };
    await looks(time, 4, one);
    expect([types(), one.seen()]).toEqual([["alert.fired"], ["store_down"]]);
  });

  it("is told again each hour while it lasts, not more often", async () => {
    const { time, server, types } = world();
    const one = server("a", "sweep_stalled");
    one.sees.facts = { minutes: 16 };
    await looks(time, 5 * 120, one);
    expect(types()).toEqual(Array(5).fill("alert.fired"));
  });

  it("that comes and goes is told once in an hour, and of what was not told no end is told", async () => {
    const { time, server, types } = world();
    const one = server("a", "sweep_stalled");
    for (let i = 0; i < 20; i++) {
      one.sees.facts = i % 2 === 0 ? { minutes: 16 } : null;
      await looks(time, 2, one);
    }
    expect(types()).toEqual(["alert.fired", "alert.resolved"]);
    one.sees.facts = { minutes: 20 };
    await looks(time, 120, one);
    expect(types()).toEqual(["alert.fired", "alert.resolved", "alert.fired"]);
  });

  it("of which nothing can be found out stays as it is", async () => {
    const { time, server, types } = world();
    const one = server("a", "sweep_stalled");
    one.sees.facts = { minutes: 16 };
    await looks(time, 2, one);
    one.sees.facts = "unknown";
    await looks(time, 3, one);
    expect(types()).toEqual(["alert.fired"]);
  });

  it("is told though the clock went back", async () => {
    const { time, server, types } = world();
    const one = server("a", "sweep_stalled");
    one.sees.facts = { minutes: 16 };
    await looks(time, 2, one);
    time.now -= 10 * 24 * HOUR;
    await looks(time, 2, one);
    expect(types()).toEqual(["alert.fired", "alert.fired"]);
  });
});

describe("of several servers", () => {
  it("that see it at once, one tells; it is over when none sees it", async () => {
    const { time, server, types, kept } = world();
    const servers = [server("a", "sweep_stalled"), server("b", "sweep_stalled"), server("c", "sweep_stalled")];
    for (const { sees } of servers) sees.facts = { minutes: 16 };
    await looks(time, 4, ...servers);
    expect(types()).toEqual(["alert.fired"]);
    servers[0]!.sees.facts = null;
    servers[1]!.sees.facts = null;
    await looks(time, 4, ...servers);
    expect(types()).toEqual(["alert.fired"]);
    servers[2]!.sees.facts = null;
    await looks(time, 4, ...servers);
    expect(types()).toEqual(["alert.fired", "alert.resolved"]);
    expect(kept.at(-1)!.data["servers"]).toBe(0);
  });

  it("one that has stopped is forgotten after five minutes", async () => {
    const { time, server, types } = world();
    const [gone, stays] = [server("a", "sweep_stalled"), server("b", "sweep_stalled")];
    gone.sees.facts = { minutes: 16 };
    await looks(time, 2, gone, stays);
    await looks(time, 8, stays);
    expect(types()).toEqual(["alert.fired"]);
    await looks(time, 4, stays);
    expect(types()).toEqual(["alert.fired", "alert.resolved"]);
  });

  it("one that crashes before its webhook is in the outbox loses none: the next to look puts it there, the same one", async () => {
    const { time, server, types, broken, kept, records } = world();
    const [first, second] = [server("a", "sweep_stalled"), server("b", "sweep_stalled")];
    first.sees.facts = { minutes: 16 };
    broken.keep = true;
    await first.look();
    expect(types()).toEqual([]);
    const { owed } = (await records.get("alert", "sweep_stalled"))!.value as { owed: { id: string } };
    broken.keep = false;
    await second.look();
    expect(kept).toEqual([]);
    time.now += MINUTE;
    await second.look();
    expect(kept.map(({ id }) => id)).toEqual([owed.id]);
    time.now += MINUTE;
    await second.look();
    expect(kept).toHaveLength(1);
  });
});

describe("while the database is away", () => {
  it("an alert is told all the same, and its end once it is back", async () => {
    const { time, server, broken, told, kept } = world();
    const one = server("a", "store_down");
    await looks(time, 2, one);
    broken.records = true;
    one.sees.facts = { stores: "hot archive" };
    await looks(time, 10, one);
    expect(told.map(({ type }) => type)).toEqual(["alert.fired"]);
    broken.records = false;
    one.sees.facts = null;
    await looks(time, 4, one);
    expect([told.map(({ type }) => type), kept]).toEqual([["alert.fired", "alert.resolved"], []]);
    one.sees.facts = { stores: "hot" };
    await looks(time, 4, one);
    expect(kept.map(({ type }) => type)).toEqual(["alert.fired"]);
  });

  it("without records at all each server tells by itself, not more than once an hour", async () => {
    const { time, server, told } = world();
    const one = server("a", "sweep_stalled", null);
    for (let i = 0; i < 10; i++) {
      one.sees.facts = i % 2 === 0 ? { minutes: 16 } : null;
      await looks(time, 2, one);
    }
    expect(told.map(({ type }) => type)).toEqual(["alert.fired", "alert.resolved"]);
  });
});
