// Two callers between each other's steps: each test puts one verb into the very gap of another.

import { expect, it } from "vitest";
import { ConflictError, GoneError, VersionMismatchError } from "../../src/core/errors.ts";
import { interruptedStores, type Call } from "../faulty-stores.ts";
import { DAY, HOUR, onEveryStore, type World } from "./worlds.ts";

/** A manager into whose first such call something else comes. */
function interrupted({ over, stores }: World, at: (call: Call) => boolean, meddle: () => Promise<unknown>) {
  let done = false;
  return over(
    interruptedStores(stores, async (call) => {
      if (done || !at(call)) return;
      done = true;
      await meddle();
    }),
  );
}

const is = (port: Call["port"], method: string) => (call: Call) => call.port === port && call.method === method;
/** The commit whose change has this in it. */
const commitWith = (field: string) => (call: Call) => is("hot", "commit")(call) && JSON.stringify(call.args[1]).includes(field);

onEveryStore("between the steps of", (open) => {
  it("bringing back: it came back, changed and went to the archive again; nothing of that is hidden", async () => {
    const world = await open();
    const { manager } = world;
    const { id } = await manager.createConversation({ messages: [{ n: 1 }] });
    await world.moveToArchive(id);
    const slow = interrupted(world, is("hot", "create"), async () => {
      await manager.appendMessages(id, [{ n: 2 }]);
      await world.moveToArchive(id);
    });
    expect(await slow.appendMessages(id, [{ n: 3 }])).toMatchObject({ messageCount: 3 });
    expect((await manager.peekConversation(id))?.messages).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  it.each(["erased", "wiped"])("bringing back: what was %s meanwhile stays so", async (how) => {
    const world = await open();
    const { manager, stores } = world;
    const { id } = await manager.createConversation({ messages: [{ n: 1 }] });
    await world.moveToArchive(id);
    const slow = interrupted(world, is("hot", "create"), async () => {
      await (how === "erased" ? manager.eraseConversation(id) : manager.archiveConversation(id, "x", { preserveData: false }));
      await world.pass(30 * HOUR);
      expect(await stores.hot.read(id, 0)).toBeNull();
    });
    await expect(slow.appendMessages(id, [{ n: 2 }])).rejects.toThrow(how === "erased" ? GoneError : ConflictError);
    await world.pass(HOUR);
    expect(await stores.hot.read(id, 0)).toBeNull();
    expect((await stores.archive.read(id, Infinity))?.messages).toEqual([]);
  });

  it("bringing back: what was purged meanwhile is unknown, and stays so", async () => {
    const world = await open();
    const { manager, stores } = world;
    const { id } = await manager.importConversation({ created: "2010-01-01", archivedAt: "2010-01-01", messages: [{ n: 1 }] });
    await world.pass(0);
    const slow = interrupted(world, is("hot", "create"), () => manager.purge());
    await expect(slow.appendMessages(id, [{ n: 2 }])).rejects.toMatchObject({ code: "not_found" });
    expect([await stores.hot.read(id, 0), await stores.archive.read(id, 0)]).toEqual([null, null]);
  });

  it("reading what has expired: wiped meanwhile, it shows nothing of what was read", async () => {
    const world = await open();
    const { id } = await world.manager.createConversation({ messages: [{ n: 1 }] });
    world.clock.pass(30 * HOUR);
    const reader = interrupted(world, commitWith("expiredAt"), () => world.manager.archiveConversation(id, "x", { preserveData: false }));
    expect(await reader.getConversation(id)).toMatchObject({ messages: [], metadata: {}, archiveReason: "x" });
  });

  it("reading what has expired: continued meanwhile, it is active", async () => {
    const world = await open();
    const { id } = await world.manager.createConversation({ messages: [{ n: 1 }] });
    world.clock.pass(30 * HOUR);
    const reader = interrupted(world, commitWith("expiredAt"), () => world.manager.appendMessages(id, [{ n: 2 }]));
    expect(await reader.getConversation(id)).toMatchObject({ status: "active", messages: [{ n: 1 }, { n: 2 }] });
  });

  it("warning: accessed meanwhile, it is not said; archived meanwhile, neither", async () => {
    const world = await open();
    const { manager } = world;
    for (const [at, meddle, events] of [
      [is("hot", "read"), (id: string) => manager.getConversation(id), ["created"]],
      [commitWith("warnedFor"), (id: string) => manager.archiveConversation(id), ["created", "archived"]],
    ] as const) {
      const { id } = await manager.createConversation();
      world.clock.pass(23.5 * HOUR);
      await interrupted(world, at, () => meddle(id)).sweep();
      expect(await world.kept(id)).toEqual(events);
    }
  });

  it("sweeping: accessed after it was taken, it lives on", async () => {
    const world = await open({ ttlHours: 1 });
    const { manager, clock } = world;
    const { id } = await manager.createConversation();
    clock.pass(HOUR - 1);
    const sweeper = interrupted(world, is("hot", "take"), () => manager.getConversation(id));
    clock.pass(0);
    expect(await sweeper.sweep()).toMatchObject({ archived: 0 });
    clock.pass(1);
    expect(await manager.peekConversation(id)).toMatchObject({ status: "active" });
  });

  it("moving: what the archive has not got is taken there first, whoever holds the outbox", async () => {
    const world = await open();
    const { manager, stores, pass } = world;
    const { id } = await manager.createConversation({ messages: [{ n: 1 }] });
    await stores.hot.commit(id, { now: manager.settings.clock(), step: { from: ["active"], to: "archived", reason: "x" } });
    await stores.hot.outbox(100, 100 * DAY);
    await pass(25 * HOUR);
    expect(await stores.hot.read(id, 0)).toBeNull();
    expect(await manager.peekConversation(id)).toMatchObject({ status: "archived", messages: [{ n: 1 }] });
  });

  it("moving: reopened at the last moment, it stays", async () => {
    const world = await open();
    const { manager, stores, clock } = world;
    const { id } = await manager.createConversation({ messages: [{ n: 1 }] });
    await manager.archiveConversation(id);
    clock.pass(25 * HOUR);
    await interrupted(world, is("hot", "remove"), () => manager.appendMessages(id, [{ n: 2 }])).sweep();
    expect((await stores.hot.read(id, Infinity))?.messages).toHaveLength(2);
    expect(await manager.peekConversation(id)).toMatchObject({ status: "active", messages: [{ n: 1 }, { n: 2 }] });
  });

  it("archiving: continued before it reaches the archive, it is active, and goes there later with everything", async () => {
    const world = await open();
    const { manager, stores } = world;
    const { id } = await manager.createConversation({ messages: [{ n: 1 }] });
    await interrupted(world, is("archive", "put"), () => manager.appendMessages(id, [{ n: 2 }])).archiveConversation(id);
    expect(await manager.peekConversation(id)).toMatchObject({ status: "active", messages: [{ n: 1 }, { n: 2 }] });
    await manager.archiveConversation(id);
    expect((await stores.archive.read(id, Infinity))?.messages).toHaveLength(2);
  });

  it("archiving: erased before it reaches the archive, it is gone", async () => {
    const world = await open();
    const { manager, stores } = world;
    const { id } = await manager.createConversation({ messages: [{ n: 1 }] });
    await interrupted(world, is("archive", "put"), () => manager.eraseConversation(id)).archiveConversation(id);
    await world.pass(30 * HOUR);
    await expect(manager.peekConversation(id)).rejects.toThrow(GoneError);
    expect(await stores.archive.read(id, Infinity)).toMatchObject({ head: { status: "deleted" }, messages: [] });
  });

  it.each(["hot", "archive"])("erasing what is in %s: a hold that comes first refuses it", async (place) => {
    const world = await open();
    const { manager } = world;
    const { id } = await manager.createConversation({ messages: [{ n: 1 }] });
    if (place === "archive") await world.moveToArchive(id);
    const at = place === "hot" ? is("hot", "commit") : is("hot", "create");
    for (const call of ["erase", "wipe"] as const) {
      const slow = interrupted(world, at, () => manager.hold(id, "court"));
      const removal = call === "erase" ? slow.eraseConversation(id) : slow.archiveConversation(id, "x", { preserveData: false });
      await expect(removal).rejects.toThrow(/legal hold/);
      expect((await manager.peekConversation(id))?.messages).toEqual([{ n: 1 }]);
      await manager.release(id, "over");
      await manager.sweep();
    }
  });

  it("erasing: of two at once both answer the receipt that was kept first", async () => {
    const world = await open();
    const { manager, clock } = world;
    const { id } = await manager.createConversation({ messages: [{ n: 1 }] });
    const receipts: object[] = [];
    const slow = interrupted(world, is("records", "put"), async () => {
      clock.pass(HOUR);
      receipts.push(await manager.eraseConversation(id));
    });
    receipts.push(await slow.eraseConversation(id));
    expect(receipts[1]).toEqual(receipts[0]);
    expect(await manager.eraseConversation(id)).toEqual(receipts[0]);
  });

  it("a change with an expected version of what has expired: a hold that comes first makes it stale", async () => {
    const world = await open();
    const { id, version } = await world.manager.createConversation();
    world.clock.pass(30 * HOUR);
    const slow = interrupted(world, commitWith("expiredAt"), () => world.manager.hold(id, "court"));
    await expect(slow.updateConversation(id, { metadata: { a: 1 } }, { expectedVersion: version })).rejects.toThrow(VersionMismatchError);
  });

  it("updating messages: what was appended meanwhile is compared, not lost", async () => {
    const world = await open();
    const { manager } = world;
    const { id } = await manager.createConversation({ messages: [{ n: 1 }] });
    const whole = (call: Call) => is("hot", "read")(call) && call.args[1] === Infinity;
    const slow = interrupted(world, whole, () => manager.appendMessages(id, [{ n: 2 }]));
    expect(await slow.updateConversation(id, { messages: [{ n: 1 }, { n: 2 }], messageCount: 2 })).toMatchObject({ messageCount: 2 });
    const late = interrupted(world, is("hot", "commit"), () => manager.appendMessages(id, [{ n: 3 }]));
    await expect(late.updateConversation(id, { messages: [{ n: 1 }, { n: 2 }, { n: 4 }] })).rejects.toThrow(ConflictError);
    expect((await manager.peekConversation(id))?.messages).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  it("writing back the whole with its version: what was reopened meanwhile is stale", async () => {
    const world = await open();
    const { manager } = world;
    const { id } = await manager.createConversation({ messages: [{ n: 1 }] });
    const archived = await manager.archiveConversation(id);
    const whole = (call: Call) => is("hot", "read")(call) && call.args[1] === Infinity;
    const slow = interrupted(world, whole, () => manager.reopenConversation(id));
    await expect(slow.updateConversation(id, { ...archived }, { expectedVersion: archived.version })).rejects.toThrow(VersionMismatchError);
  });

  it("merging metadata: what others merged meanwhile stays", async () => {
    const world = await open();
    const { manager } = world;
    const { id } = await manager.createConversation({ metadata: { a: { x: 1 }, context: { c: 1 } } });
    const slow = interrupted(world, is("hot", "commit"), () => manager.updateConversation(id, { metadata: { a: { y: 2 }, step: "s" } }));
    const { metadata } = await slow.updateConversation(id, { metadata: { a: { z: 3 }, leadData: "l" } });
    expect(metadata).toEqual({ a: { x: 1, y: 2, z: 3 }, context: { c: 1 }, step: "s", leadData: "l" });
  });

  it("passing on: a conversation that changes while it is indexed is indexed again", async () => {
    const world = await open();
    const { manager } = world;
    const { id } = await manager.createConversation({ messages: [{ content: "primo" }] });
    await interrupted(world, is("directory", "index"), () => manager.appendMessages(id, [{ content: "secondo" }])).deliver();
    await manager.deliver();
    expect((await manager.listConversations({ q: "primo secondo" })).data).toMatchObject([{ id, messageCount: 2 }]);
  });

  it("passing on: a conversation that moves to the archive while it is indexed is indexed all the same", async () => {
    const world = await open();
    const { manager } = world;
    const { id } = await manager.createConversation({ messages: [{ content: "primo" }] });
    await manager.archiveConversation(id);
    await manager.deliver();
    await manager.reopenConversation(id);
    await manager.updateConversation(id, { messages: [{ content: "primo" }, { content: "secondo" }] });
    await manager.archiveConversation(id);
    world.clock.pass(25 * HOUR);
    await interrupted(world, is("directory", "indexed"), () => manager.sweep()).deliver();
    world.clock.pass(HOUR);
    await manager.deliver();
    expect((await manager.listConversations({ q: "secondo" })).data).toMatchObject([{ id, messageCount: 2, status: "archived" }]);
  });
});
