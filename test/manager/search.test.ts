// Search for what was said, and pages of a transcript.

import { expect, it } from "vitest";
import type { ListQuery } from "../../src/core/conversations.ts";
import { GoneError, InvalidInputError, NotSupportedError } from "../../src/core/errors.ts";
import { onEveryStore, type World } from "./worlds.ts";

async function idsOf({ manager }: World, query: ListQuery): Promise<string[]> {
  await manager.deliver();
  return (await manager.listConversations(query)).data.map(({ id }) => id);
}

onEveryStore("search", (open) => {
  it("finds what was said, in messages of every form, with a snippet", async () => {
    const world = await open();
    const { manager } = world;
    const forms = [
      { role: "user", content: "Vorrei un preventivo per una VETRATA" },
      { role: "user", content: [{ type: "text", text: "la vetrata è rotta" }, { type: "image" }] },
      { role: "user", parts: [{ type: "text", text: "vetrata nuova" }] },
      { text: "vetrata" },
    ];
    const ids: string[] = [];
    for (const form of forms) {
      world.clock.pass(1000);
      ids.unshift((await manager.createConversation({ messages: [{ content: "ciao" }, form] })).id);
    }
    await manager.createConversation({ messages: [{ content: "altro", hidden: "vetrata" }], metadata: { note: "vetrata" } });
    await manager.deliver();
    const { data } = await manager.listConversations({ q: "vetrata" });
    expect(data.map(({ id }) => id)).toEqual(ids);
    for (const { snippet } of data) expect(snippet?.toLowerCase()).toContain("vetrata");
    expect(await idsOf(world, { q: "Preventivo vetrata" })).toEqual([ids[3]]);
    expect(await idsOf(world, { q: "rotta", status: ["completed"] })).toEqual([]);
    expect((await manager.listConversations()).data[0]).not.toHaveProperty("snippet");
  });

  it("follows appends and replacements, through archiving and back", async () => {
    const world = await open();
    const { manager } = world;
    const { id } = await manager.createConversation({ messages: [{ content: "primo" }, { content: "secondo" }] });
    expect(await idsOf(world, { q: "secondo" })).toEqual([id]);
    await manager.updateConversation(id, { messages: [{ content: "primo" }, { content: "terzo" }] }, { expectedVersion: 1 });
    expect(await idsOf(world, { q: "secondo" })).toEqual([]);
    expect(await idsOf(world, { q: "terzo" })).toEqual([id]);
    await world.moveToArchive(id);
    expect(await idsOf(world, { q: "primo terzo" })).toEqual([id]);
    await manager.appendMessages(id, [{ content: "quarto" }]);
    expect(await idsOf(world, { q: "quarto" })).toEqual([id]);
    expect(await idsOf(world, { q: "primo quarto" })).toEqual([id]);
    await manager.updateConversation(id, { messages: [] }, { expectedVersion: (await manager.peekConversation(id))!.version });
    for (const q of ["primo", "terzo", "quarto"]) expect(await idsOf(world, { q })).toEqual([]);
  });

  it("finds what was said in the last of many messages", async () => {
    const world = await open();
    const messages = Array.from({ length: 1201 }, (_, n) => ({ content: `messaggio numero${n}` }));
    const { id } = await world.manager.createConversation({ messages });
    expect(await idsOf(world, { q: "numero1200" })).toEqual([id]);
    await world.manager.appendMessages(id, [{ content: "ultimo" }]);
    expect(await idsOf(world, { q: "numero0 numero600 ultimo" })).toEqual([id]);
  });

  it("is not supported where the directory cannot", async () => {
    const { stores, over } = await open();
    const capabilities = { search: false, searchBytes: 0 };
    const manager = over({ ...stores, directory: { ...stores.directory, capabilities } });
    await expect(manager.listConversations({ q: "x" })).rejects.toThrow(NotSupportedError);
    expect((await manager.listConversations()).data).toEqual([]);
  });
});

onEveryStore("pages of messages", (open) => {
  it("are stretches with their places, in both directions", async () => {
    const { manager, clock, moveToArchive } = await open();
    const { id } = await manager.createConversation();
    await manager.appendMessages(
      id,
      Array.from({ length: 10 }, (_, i) => ({ n: i + 1 })),
    );
    const seqs = async (query: object) => {
      const { data, nextCursor } = await manager.listMessages(id, query);
      expect(data.every(({ seq, message }) => message["n"] === seq)).toBe(true);
      return [data.map(({ seq }) => seq), nextCursor];
    };
    const storedAt = clock.iso();
    for (const place of ["hot", "archive"]) {
      if (place === "archive") await moveToArchive(id);
      expect(await seqs({})).toEqual([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], null]);
      expect(await seqs({ limit: 4 })).toEqual([[1, 2, 3, 4], 4]);
      expect(await seqs({ limit: 4, after: 8 })).toEqual([[9, 10], null]);
      expect(await seqs({ limit: 10 })).toEqual([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], null]);
      expect(await seqs({ after: 2, before: 5 })).toEqual([[3, 4], null]);
      expect(await seqs({ limit: 3, order: "desc" })).toEqual([[10, 9, 8], 8]);
      expect(await seqs({ limit: 3, order: "desc", before: 3 })).toEqual([[2, 1], null]);
      expect(await seqs({ after: 10 })).toEqual([[], null]);
      expect((await manager.listMessages(id, { limit: 1 })).data).toEqual([{ seq: 1, storedAt, message: { n: 1 } }]);
    }
  });

  it("have 1 to 1,000 messages, 100 unless told otherwise", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation({ messages: Array.from({ length: 1001 }, (_, n) => ({ n })) });
    expect((await manager.listMessages(id)).data).toHaveLength(100);
    expect((await manager.listMessages(id, { limit: 1000 })).nextCursor).toBe(1000);
    for (const query of [
      { limit: 0 },
      { limit: 1001 },
      { after: -1 },
      { before: 1.5 },
      { order: "up" as "asc" },
      { after: "1" as unknown as number },
    ]) {
      await expect(manager.listMessages(id, query)).rejects.toThrow(InvalidInputError);
    }
  });

  it("of what was erased are gone, also beyond the end", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation({ messages: [{ n: 1 }] });
    await manager.eraseConversation(id);
    await expect(manager.listMessages(id, { after: 5 })).rejects.toThrow(GoneError);
  });
});
