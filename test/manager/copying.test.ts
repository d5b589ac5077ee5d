import { expect, it } from "vitest";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { copyStores, type CopyReport } from "../../src/core/copy.ts";
import type { Stores } from "../../src/core/stores.ts";
import { allThatPortsAnswer } from "../all-that-ports-answer.ts";
import { faultyStores } from "../faulty-stores.ts";
import { varyConversations } from "../varied-conversations.ts";
import { HOUR, onEveryStore, type World } from "./worlds.ts";

onEveryStore("copying everything to other stores", (open) => {
  const copy = (from: Stores, to: Stores): Promise<CopyReport> => copyStores(from, to, { name: "test" });

  async function varied(): Promise<{
    world: World;
    target: ReturnType<typeof memoryStores>;
    ids: Awaited<ReturnType<typeof varyConversations>>;
  }> {
    const world = await open();
    return { world, target: memoryStores({ clock: world.clock.now }), ids: await varyConversations(world.manager) };
  }

  it("takes every conversation, entry, event, count, erasure and receipt along, and back again", async () => {
    const { world, target } = await varied();
    const original = await allThatPortsAnswer(world.stores);
    const report = await copy(world.stores, target);
    expect(report).toMatchObject({
      replaced: 0,
      unchanged: 0,
      newer: 0,
      differing: [],
      uncounted: 0,
      erasures: 1,
      added: report.conversations,
    });
    expect(report.added).toBeGreaterThan(7);
    expect(await allThatPortsAnswer(target)).toEqual(original);
    const back = await open();
    await copy(target, back.stores);
    expect(await allThatPortsAnswer(back.stores)).toEqual(original);
  });

  it("takes what has changed since when it is run again, and nothing else", async () => {
    const { world, target, ids } = await varied();
    const first = await copy(world.stores, target);
    expect(await copy(world.stores, target)).toMatchObject({ added: 0, replaced: 0, unchanged: first.added, erasures: 0, records: 0 });
    await world.manager.appendMessages(ids.active, [{ role: "user", content: "Ancora io" }]);
    await world.manager.archiveConversation(ids.completed);
    await world.manager.eraseConversation(ids.archived);
    await world.manager.release(ids.held, "settled");
    await world.manager.createConversation();
    await world.manager.deliver();
    expect(await copy(world.stores, target)).toMatchObject({ added: 1, replaced: 4, erasures: 1, differing: [] });
    expect(await allThatPortsAnswer(target)).toEqual(await allThatPortsAnswer(world.stores));
  });

  it("takes access along, which is no change", async () => {
    const { world, target, ids } = await varied();
    await copy(world.stores, target);
    world.clock.pass(HOUR);
    await world.manager.getConversation(ids.active);
    expect(await copy(world.stores, target)).toMatchObject({ replaced: 0 });
    expect((await target.hot.read(ids.active, 0))?.head).toEqual((await world.stores.hot.read(ids.active, 0))?.head);
  });

  it("follows what has left the hot store since", async () => {
    const { world, target, ids } = await varied();
    await copy(world.stores, target);
    await world.moveToArchive(ids.completed);
    await world.manager.deliver();
    await copy(world.stores, target);
    expect(await target.hot.read(ids.completed, 0)).toBeNull();
    expect(await allThatPortsAnswer(target)).toEqual(await allThatPortsAnswer(world.stores));
  });

  it("leaves alone what is newer at the target", async () => {
    const { world, target, ids } = await varied();
    await copy(world.stores, target);
    const served = world.over(target);
    await served.appendMessages(ids.active, [{ role: "user", content: "Qui" }]);
    expect(await copy(world.stores, target)).toMatchObject({ newer: 1, replaced: 0 });
    expect((await served.peekConversation(ids.active))?.messages.at(-1)).toEqual({ role: "user", content: "Qui" });
  });

  it("does not bring back what the target has erased", async () => {
    const { world, target, ids } = await varied();
    await copy(world.stores, target);
    await world.over(target).eraseConversation(ids.active);
    await world.manager.appendMessages(ids.active, [{ role: "user", content: "canarino" }]);
    await copy(world.stores, target);
    expect((await target.hot.read(ids.active, Infinity))?.messages ?? []).toEqual([]);
    expect((await target.archive.read(ids.active, Infinity))?.messages ?? []).toEqual([]);
  });

  it("counts without changing anything when it is only tried", async () => {
    const { world, target } = await varied();
    const empty = await allThatPortsAnswer(target);
    const tried = await copyStores(world.stores, target, { name: "test", dryRun: true });
    expect(await allThatPortsAnswer(target)).toEqual(empty);
    const done = await copy(world.stores, target);
    expect({ ...tried, dryRun: false }).toEqual(done);
  });

  it("goes on where it was stopped, whichever call that was", async () => {
    const { world } = await varied();
    const original = await allThatPortsAnswer(world.stores);
    const writes = faultyStores(memoryStores({ clock: world.clock.now }));
    await copy(world.stores, writes.stores);
    const last = writes.calls.length;
    for (let index = 3; index < last; index += Math.ceil(last / 25)) {
      const target = memoryStores({ clock: world.clock.now });
      const stopped = faultyStores(target, (call) => (call.index === index ? "fails" : null));
      await expect(copy(world.stores, stopped.stores)).rejects.toThrow("fails in this test");
      await copy(world.stores, target);
      expect(await allThatPortsAnswer(target)).toEqual(original);
    }
  });
});
