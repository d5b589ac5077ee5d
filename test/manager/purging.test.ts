// Retention: what is purged, what is kept, and what still counts afterwards.

import { expect, it } from "vitest";
import { NotSupportedError } from "../../src/core/errors.ts";
import { yearsBefore } from "../../src/core/cleanup.ts";
import { collect, DAY, HOUR, onEveryStore, type World } from "./worlds.ts";

const YEAR = 365.25 * DAY;

/** A conversation that was archived, moved out of the hot store, and so left alone. */
async function old({ manager }: World, created: string, name: string): Promise<string> {
  return (await manager.importConversation({ created, ref: name, source: "old", messages: [{ content: name }], archivedAt: created })).id;
}

onEveryStore("purging", (open) => {
  it("removes what is over and last active longer ago than the retention, counted per month", async () => {
    const world = await open();
    const { manager, stores, told } = world;
    const gone = [
      await old(world, "2017-12-31T23:59:59Z", "a"),
      await old(world, "2018-01-01", "b"),
      await old(world, "2018-01-25T14:30:51Z", "c"),
    ];
    const stays = [await old(world, "2018-01-25T14:30:52Z", "d"), (await manager.createConversation()).id];
    await world.pass(0);
    const expected = { before: "2018-01-25T14:30:52.000Z", rows: 3, held: 0, months: { "2017-12": 1, "2018-01": 2 } };
    const before = await manager.analytics({ from: "2017-12-01", to: "2018-02-01" });
    expect(before.totals.total).toBe(4);
    expect(await manager.purge({ dryRun: true })).toEqual({ dryRun: true, ...expected });
    for (const id of gone) expect(await manager.peekConversation(id)).not.toBeNull();
    expect(await manager.purge()).toEqual({ dryRun: false, ...expected });
    for (const id of gone) {
      expect(await manager.peekConversation(id)).toBeNull();
      expect(await stores.archive.read(id, 0)).toBeNull();
    }
    for (const id of stays) expect(await manager.peekConversation(id)).not.toBeNull();
    expect((await manager.listConversations()).data.map(({ id }) => id)).toEqual(stays.toReversed());
    expect((await manager.listConversations({ q: "b" })).data).toEqual([]);
    expect(await manager.analytics({ from: "2017-12-01", to: "2018-02-01" })).toEqual(before);
    expect(told().filter((type) => type === "purged")).toHaveLength(2);
    expect(await manager.purge()).toMatchObject({ rows: 0, months: {} });
    expect(await manager.analytics({ from: "2017-12-01", to: "2018-02-01" })).toEqual(before);
  });

  it("keeps what is on hold, counts it, and takes it when it is released", async () => {
    const world = await open();
    const { manager } = world;
    const held = await old(world, "2010-01-01", "held");
    await old(world, "2010-01-02", "free");
    await manager.hold(held, "court");
    for (const dryRun of [true, false]) expect(await manager.purge({ dryRun })).toMatchObject({ rows: 1, held: 1 });
    expect(await manager.peekConversation(held)).toMatchObject({ messages: [{ content: "held" }] });
    expect((await manager.listConversations()).data).toMatchObject([{ id: held }]);
    await manager.release(held, "settled");
    for (const dryRun of [true, false]) expect(await manager.purge({ dryRun })).toMatchObject({ rows: 1, held: 0 });
    expect(await manager.peekConversation(held)).toBeNull();
    await world.pass(30 * HOUR);
    expect(await manager.peekConversation(held)).toBeNull();
    expect((await manager.listConversations()).data).toEqual([]);
  });

  it("keeps what is on hold, though the archive has not heard of it yet", async () => {
    const world = await open();
    const { manager, stores } = world;
    const id = await old(world, "2010-01-01", "held");
    await stores.hot.commit(id, { now: manager.settings.clock(), hold: true });
    for (const dryRun of [true, false]) expect(await manager.purge({ dryRun })).toMatchObject({ rows: 0, held: 1, months: {} });
    expect(await manager.peekConversation(id)).not.toBeNull();
  });

  it("keeps a chat that was reopened yesterday, and takes it when it has been over long enough", async () => {
    const world = await open();
    const { manager } = world;
    const id = await old(world, "2010-01-01", "a");
    await world.pass(0);
    await manager.reopenConversation(id);
    await world.pass(DAY);
    for (const dryRun of [true, false]) expect(await manager.purge({ dryRun })).toMatchObject({ rows: 0, months: {} });
    expect(await manager.peekConversation(id)).toMatchObject({ status: "active", messages: [{ content: "a" }] });
    await world.pass(2 * DAY);
    await world.pass(2 * DAY);
    expect(await manager.peekConversation(id)).toMatchObject({ status: "archived" });
    for (const dryRun of [true, false]) expect(await manager.purge({ dryRun })).toMatchObject({ rows: 0, months: {} });
    expect(await manager.analytics({ from: "2010-01-01", to: "2010-01-01" })).toMatchObject({ totals: { total: 1 } });
    await world.pass(7 * YEAR);
    expect(await manager.purge()).toMatchObject({ rows: 1, months: { "2010-01": 1 } });
    expect(await manager.peekConversation(id)).toBeNull();
    expect(await manager.analytics({ from: "2010-01-01", to: "2010-01-01" })).toMatchObject({ totals: { total: 1 } });
  });

  it("takes what has not been moved yet from the hot store too, and nothing brings it back", async () => {
    const world = await open();
    const { manager, stores } = world;
    const id = await old(world, "2010-01-01", "a");
    expect(await stores.hot.read(id, 0)).not.toBeNull();
    for (const dryRun of [true, false]) expect(await manager.purge({ dryRun })).toMatchObject({ rows: 1 });
    expect(await manager.peekConversation(id)).toBeNull();
    await world.pass(30 * HOUR);
    expect(await manager.peekConversation(id)).toBeNull();
    expect(await collect(manager.exportConversations())).toEqual([]);
    expect((await manager.listConversations()).data).toEqual([]);
  });

  it("takes what was wiped, keeps what is active, and leaves tombstones", async () => {
    const world = await open({ retentionYears: 1 });
    const { manager, stores } = world;
    const wiped = await old(world, "2020-01-01", "wiped");
    const erased = await old(world, "2020-01-02", "erased");
    await manager.archiveConversation(wiped, "x", { preserveData: false });
    await manager.eraseConversation(erased);
    await world.pass(30 * HOUR);
    expect(await manager.purge()).toMatchObject({ rows: 1, months: { "2020-01": 1 } });
    expect(await manager.peekConversation(wiped)).toBeNull();
    await expect(manager.peekConversation(erased)).rejects.toMatchObject({ code: "gone" });
    expect(await stores.archive.erased(erased)).toBe(true);
    expect(await manager.analytics({ from: "2020-01-01", to: "2020-01-03" })).toMatchObject({ totals: { total: 2 } });
  });

  it("goes through many, on several servers at once", async () => {
    const world = await open();
    const { manager, over } = world;
    for (let i = 0; i < 520; i++) await old(world, "2010-01-01", `n${i}`);
    await world.pass(0);
    const reports = await Promise.all([manager.purge(), over().purge()]);
    expect(reports.reduce((rows, report) => rows + report.rows, 0)).toBe(520);
    expect(await collect(manager.exportConversations())).toEqual([]);
    expect(await manager.analytics({ from: "2010-01-01", to: "2010-01-01" })).toMatchObject({ totals: { total: 520 } });
  });

  it("is part of the cleanup, and needs an archive", async () => {
    const world = await open();
    await old(world, "2010-01-01", "a");
    expect(await world.manager.cleanup()).toMatchObject({ purge: { rows: 1 } });
    const manager = world.over({ ...world.stores, archive: null });
    await expect(manager.purge()).rejects.toThrow(NotSupportedError);
    expect(await manager.cleanup()).toMatchObject({ purge: null });
  });

  it("a sweep or purge that is only tried changes nothing", async () => {
    const world = await open();
    const { manager, clock, stores } = world;
    const ids = [(await manager.createConversation()).id, (await manager.createConversation()).id];
    await manager.archiveConversation(ids[0]!);
    const dump = async () => [await stores.hot.scan(null, 10), await stores.archive.scan(null, 10)];
    const before = await dump();
    clock.pass(23.5 * HOUR);
    expect(await manager.sweep({ dryRun: true })).toEqual({ archived: 0, warned: 1, moved: 0, delivered: 0 });
    await manager.purge({ dryRun: true });
    expect(await dump()).toEqual(before);
    expect(await manager.sweep()).toMatchObject({ archived: 0, warned: 1, moved: 0 });
    const warned = await dump();
    expect(await manager.sweep({ dryRun: true })).toMatchObject({ warned: 0 });
    clock.pass(HOUR);
    expect(await manager.sweep({ dryRun: true })).toEqual({ archived: 1, warned: 0, moved: 1, delivered: 0 });
    expect(await dump()).toEqual(warned);
    expect(await manager.sweep()).toMatchObject({ archived: 1, moved: 1 });
  });
});

it("the retention ends on the same day of the year; the 29th of February counts as the 28th", () => {
  const at = (text: string, years: number) => new Date(yearsBefore(Date.parse(text), years)).toISOString();
  expect(at("2025-01-25T14:30:52.123Z", 7)).toBe("2018-01-25T14:30:52.123Z");
  expect(at("2024-02-29T10:00:00.000Z", 7)).toBe("2017-02-28T10:00:00.000Z");
  expect(at("2024-02-29T10:00:00.000Z", 4)).toBe("2020-02-29T10:00:00.000Z");
  expect(at("2025-01-25T00:00:00.000Z", 0.5)).toBe("2024-07-26T09:00:00.000Z");
});
