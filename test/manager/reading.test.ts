// Reading: what counts as access, what a read may write, and how much of the transcript it gives.

import { expect, it } from "vitest";
import { InvalidInputError, StoreUnavailableError } from "../../src/core/errors.ts";
import { faultyStores, isWrite } from "../faulty-stores.ts";
import { HOUR, onEveryStore } from "./worlds.ts";

onEveryStore("access", (open) => {
  it("a read writes at most a touch, when the last one is over a minute old or was never", async () => {
    const { manager, clock, stores, over } = await open();
    const { id, version } = await manager.createConversation({ messages: [{ n: 1 }] });
    const watched = faultyStores(stores);
    const reader = over(watched.stores);
    const counts: number[] = [];
    for (const wait of [0, 1, 59_999, 1, 30_000, 30_001, 0]) {
      clock.pass(wait);
      await reader.getConversation(id);
      counts.push(watched.writes().length);
    }
    expect(counts).toEqual([1, 1, 1, 2, 2, 3, 3]);
    expect(watched.writes().every((name) => name === "hot.commit")).toBe(true);
    expect((await manager.peekConversation(id))?.version).toBe(version);
  });

  it("a peek of anything writes nothing", async () => {
    const { manager, stores, over, clock, moveToArchive } = await open();
    const moved = await manager.createConversation({ messages: [{ i: 0 }] });
    await moveToArchive(moved.id);
    const ids = [moved.id];
    for (let i = 1; i < 5; i++) ids.push((await manager.createConversation({ messages: [{ i }] })).id);
    await manager.completeConversation(ids[1]!);
    await manager.archiveConversation(ids[2]!, "wiped", { preserveData: false });
    const fresh = await manager.createConversation();
    const watched = faultyStores(stores, (call) => (isWrite(call) ? "fails" : null));
    const reader = over(watched.stores);
    for (const wait of [0, 30 * HOUR]) {
      clock.pass(wait);
      for (const id of [...ids, fresh.id]) {
        expect(await reader.peekConversation(id), id).not.toBeNull();
        expect(await reader.peekConversation(id, { messages: "none" })).toMatchObject({ messages: [] });
      }
      expect(await reader.listMessages(ids[3]!)).toMatchObject({ data: [{ seq: 1 }] });
    }
    expect(watched.writes()).toEqual([]);
  });

  it("reading what is archived writes nothing and keeps it archived", async () => {
    const { manager, stores, over, clock } = await open();
    const { id } = await manager.createConversation();
    const archived = await manager.archiveConversation(id, "manual");
    const watched = faultyStores(stores);
    clock.pass(HOUR);
    expect(await over(watched.stores).getConversation(id)).toEqual(archived);
    expect(watched.writes()).toEqual([]);
  });

  it("a store that cannot be written to can be read, expired conversations as archived", async () => {
    const { manager, readOnly, clock, failures } = await open();
    const { id, expiresAt } = await manager.createConversation({ messages: [{ n: 1 }] });
    const reader = readOnly();
    expect(await reader.getConversation(id)).toMatchObject({ status: "active", messages: [{ n: 1 }] });
    clock.pass(25 * HOUR);
    expect(await reader.getConversation(id)).toMatchObject({ status: "archived", archivedAt: expiresAt, messages: [{ n: 1 }] });
    expect(failures.every((error) => error instanceof StoreUnavailableError)).toBe(true);
    expect(failures).toHaveLength(2);
    await expect(reader.appendMessages(id, [{ n: 2 }])).rejects.toThrow(StoreUnavailableError);
  });

  it("of the transcript: all of it, none, or the newest N, oldest first", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation({ messages: [{ n: 1 }, { n: 2 }, { n: 3 }] });
    for (const read of [manager.getConversation.bind(manager), manager.peekConversation.bind(manager)]) {
      expect((await read(id))?.messages).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
      expect((await read(id, { messages: "all" }))?.messages).toHaveLength(3);
      expect(await read(id, { messages: "none" })).toMatchObject({ messages: [], messageCount: 3 });
      expect((await read(id, { messages: 0 }))?.messages).toEqual([]);
      expect((await read(id, { messages: 2 }))?.messages).toEqual([{ n: 2 }, { n: 3 }]);
      expect((await read(id, { messages: 9 }))?.messages).toHaveLength(3);
      for (const messages of [-1, 1.5, Number.NaN, "some" as "all"]) {
        await expect(read(id, { messages })).rejects.toThrow(InvalidInputError);
      }
    }
  });
});
