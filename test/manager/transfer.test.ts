// Import and export: whole conversations, each once, the same again skipped, never half.

import { expect, it } from "vitest";
import { ConflictError, InvalidInputError, NotSupportedError, StoreUnavailableError } from "../../src/core/errors.ts";
import type { ExportLine, ImportLine } from "../../src/core/transfer.ts";
import { faultyStores } from "../faulty-stores.ts";
import { collect, DAY, HOUR, onEveryStore, type World } from "./worlds.ts";

const METADATA = {
  source: "widget",
  clientIP: "203.0.113.9",
  context: { a: [null] },
  step: "end",
  leadData: { email: "ada@example.org" },
  more: 1,
};

/** What of a line another store must have too; version, access and expiry are its own. */
function content(line: ExportLine): object {
  return JSON.parse(JSON.stringify({ ...line, version: undefined, lastAccess: undefined, expiresAt: undefined })) as object;
}

/** Conversations of every kind, some in the hot store, some in the archive alone. */
async function fill(world: World): Promise<string[]> {
  const { manager, clock } = world;
  const ids: string[] = [];
  for (let i = 0; i < 6; i++) {
    const { id } = await manager.createConversation({ metadata: { ...METADATA, i }, messages: [{ n: 1, id: "m1" }, { n: 2 }] });
    ids.push(id);
    clock.pass(HOUR);
    await manager.appendMessages(id, [
      { id: "m1", again: true },
      { role: "user", content: "ciao" },
    ]);
    if (i === 1) await manager.completeConversation(id);
    if (i >= 2) await manager.archiveConversation(id, "resolved");
    if (i === 3) await world.pass(26 * HOUR);
  }
  return ids;
}

onEveryStore("exports", (open) => {
  it("give all conversations whole, in ID order, each once, wherever they are, without what was wiped or erased", async () => {
    const world = await open();
    const { manager } = world;
    const ids = await fill(world);
    await manager.archiveConversation(ids[0]!, "x", { preserveData: false });
    await manager.eraseConversation(ids[4]!);
    await manager.reopenConversation(ids[2]!);
    const left = [1, 2, 3, 5].map((i) => ids[i]!);
    const lines = await collect(manager.exportConversations());
    expect(lines.map(({ id }) => id)).toEqual(left);
    for (const line of lines) {
      const read = (await manager.peekConversation(line.id))!;
      expect(line).toMatchObject({
        messages: read.messages,
        metadata: read.metadata,
        version: read.version,
        source: "widget",
        environment: "D",
      });
      expect(line.times).toHaveLength(4);
      expect(Date.parse(line.times[3]!) - Date.parse(line.times[0]!)).toBe(HOUR);
    }
    expect((await collect(manager.exportConversations({ after: left[1]! }))).map(({ id }) => id)).toEqual(left.slice(2));
  });

  it("go through many pages of both stores", async () => {
    const world = await open({ ttlHours: 100 });
    const ids: string[] = [];
    for (let i = 0; i < 450; i++) {
      ids.push((await world.manager.createConversation()).id);
      if (i % 3 === 0) await world.manager.archiveConversation(ids.at(-1)!);
    }
    await world.pass(DAY);
    for (let i = 0; i < 450; i += 7) await world.manager.reopenConversation(ids[i]!);
    expect((await collect(world.manager.exportConversations())).map(({ id }) => id)).toEqual(ids.toSorted());
  });
});

onEveryStore("imports", (open) => {
  it("of what was exported are equal in another store, and skipped when repeated", async () => {
    const [from, to] = [await open(), await open()];
    await fill(from);
    to.clock.pass(100 * HOUR);
    const lines = (await collect(from.manager.exportConversations())).map((line) => JSON.parse(JSON.stringify(line)) as ExportLine);
    for (const line of lines) expect(await to.manager.importConversation(line)).toEqual({ id: line.id, outcome: "imported" });
    for (const line of lines) expect(await to.manager.importConversation(line)).toEqual({ id: line.id, outcome: "skipped" });
    const imported = await collect(to.manager.exportConversations());
    expect(imported).toHaveLength(6);
    for (const [i, line] of lines.entries()) {
      const archived = line.status === "archived" ? {} : { status: "archived", archivedAt: to.clock.iso(), archiveReason: "imported" };
      expect(content(imported[i]!)).toEqual({ ...content(line), ...archived });
    }
    await to.pass(30 * HOUR);
    for (const line of lines) expect((await to.manager.importConversation(line)).outcome).toBe("skipped");
    expect(await collect(to.manager.exportConversations())).toEqual(imported);
  });

  it("are in archive, lists, search and analytics, with the days on which they were", async () => {
    const { manager, stores, kept } = await open();
    const id = "ITERA_20240102_030405_A7B9X2M8P4Q1_P";
    const times = ["2024-01-02T03:04:05.000Z", "2024-01-02T03:14:05.000Z"];
    const messages = [{ content: "vetrata" }, { content: "rotta" }];
    await manager.importConversation({ id, source: "old site", messages, times });
    const archived = { status: "archived", archiveReason: "imported", messageCount: 2, metadata: { source: "old site" } };
    const dates = { created: times[0], lastActivity: times[1] };
    expect(await manager.peekConversation(id)).toMatchObject({ id, messages, ...archived, ...dates });
    expect((await stores.archive.read(id, Infinity))?.messages).toHaveLength(2);
    expect(await kept(id)).toEqual(["created", "archived"]);
    expect((await manager.listConversations({ q: "vetrata" })).data).toMatchObject([{ id, source: "old site", environment: "P" }]);
    const { days } = await manager.analytics({ from: "2024-01-02", to: "2024-01-02" });
    expect(days).toMatchObject([{ total: 1, archived: 1, averageMessages: 2, averageDurationSeconds: 600 }]);
    expect(await manager.eraseSubject({ key: "email", value: "x@example.org", dryRun: true })).toEqual([]);
  });

  it("are active if wanted, and go on like any other", async () => {
    const { manager, clock } = await open();
    const { id } = await manager.importConversation({ messages: [{ n: 1 }], metadata: METADATA }, { active: true });
    expect(await manager.peekConversation(id)).toMatchObject({ status: "active", expiresAt: clock.iso(48 * HOUR), metadata: METADATA });
    expect(await manager.appendMessages(id, [{ n: 2 }])).toMatchObject({ messageCount: 2 });
  });

  it("with an ID and other content are a conflict that names it, and change nothing", async () => {
    const { manager, moveToArchive } = await open();
    const { id } = await manager.createConversation({ metadata: METADATA, messages: [{ n: 1 }] });
    for (const place of ["hot", "archive"]) {
      if (place === "archive") await moveToArchive(id);
      const before = await manager.peekConversation(id);
      const line = { id, metadata: METADATA, messages: [{ n: 1 }] };
      expect((await manager.importConversation(line)).outcome).toBe("skipped");
      for (const other of [
        { messages: [] },
        { messages: [{ n: 1 }, { n: 2 }] },
        { metadata: { ...METADATA, more: 2 } },
        { metadata: { ...METADATA, step: "x" } },
      ]) {
        const call = manager.importConversation({ ...line, ...other });
        await expect(call).rejects.toThrow(ConflictError);
        await expect(call).rejects.toThrow(id);
      }
      expect(await manager.peekConversation(id)).toEqual(before);
    }
  });

  it("without an ID get one of their creation, and repeats are known by source and ref", async () => {
    const { manager, clock } = await open();
    const line = { source: "old", ref: "7", created: "2020-02-29T23:59:59.500Z", messages: [{ n: 1 }] };
    const { id } = await manager.importConversation(line);
    expect(id).toMatch(/^ITERA_20200229_235959_/);
    expect((await manager.peekConversation(id))?.created).toBe("2020-02-29T23:59:59.500Z");
    clock.pass(300 * DAY);
    await manager.cleanup();
    expect(await manager.importConversation(line)).toEqual({ id, outcome: "skipped" });
    await expect(manager.importConversation({ ...line, messages: [{ n: 2 }] })).rejects.toThrow(ConflictError);
    const others = [
      { ...line, ref: "8" },
      { ...line, source: "other" },
    ];
    for (const other of others) expect(await manager.importConversation(other)).toMatchObject({ outcome: "imported" });
    const now = await manager.importConversation({ ref: "now", messages: [] });
    expect((await manager.peekConversation(now.id))?.created).toBe(clock.iso());
  });

  it("without an ID and a ref are known by their content", async () => {
    const { manager } = await open();
    const line = { messages: [{ a: 1, b: 2 }] };
    const { id } = await manager.importConversation(line);
    expect(await manager.importConversation({ messages: [{ b: 2, a: 1 }] })).toEqual({ id, outcome: "skipped" });
    expect((await manager.importConversation({ messages: [{ a: 1, b: 3 }] })).outcome).toBe("imported");
    expect((await manager.importConversation({ ...line, source: "x" })).outcome).toBe("imported");
  });

  it("of the same line at once make one conversation", async () => {
    const { manager, over } = await open();
    const others = [manager, over(), over()];
    const lines = Array.from({ length: 12 }, (_, i) => others[i % 3]!.importConversation({ ref: "1", messages: [{ n: 1 }] }));
    const results = await Promise.all(lines);
    expect(
      results
        .map(({ outcome }) => outcome)
        .toSorted()
        .slice(0, 2),
    ).toEqual(["imported", "skipped"]);
    expect(new Set(results.map(({ id }) => id)).size).toBe(1);
    expect(await collect(manager.exportConversations())).toHaveLength(1);
  });

  it("are never half there: what fails is taken whole by the next try", async () => {
    const { manager, stores, over } = await open();
    const line = { ref: "1", source: "s", messages: Array.from({ length: 250 }, (_, n) => ({ n })) };
    for (let step = 0, done = false; !done; step++) {
      const faulty = over(faultyStores(stores, ({ index }) => (index === step ? "fails" : null)).stores);
      const result = await faulty.importConversation({ ...line, ref: `${step}` }).catch((error: unknown) => error);
      done = !(result instanceof StoreUnavailableError);
      for (const { messageCount, messages } of await collect(manager.exportConversations()))
        expect([messageCount, messages.length]).toEqual([250, 250]);
      const again = await manager.importConversation({ ...line, ref: `${step}` });
      expect(await manager.peekConversation(again.id)).toMatchObject({ messageCount: 250, status: "archived" });
      expect((await collect(manager.exportConversations())).length).toBe(step + 1);
    }
  });

  it("refuse what is no conversation, naming what is wrong", async () => {
    const { manager } = await open();
    const good = { messages: [] };
    const bad: [object, RegExp][] = [
      [[], /object/],
      [{}, /messages/],
      [{ messages: [1] }, /messages\[0\]/],
      [{ ...good, id: "x" }, /id/],
      [{ ...good, status: "open" }, /status/],
      [{ ...good, status: "deleted" }, /erased/],
      [{ ...good, metadata: [] }, /metadata/],
      [{ ...good, source: 5 }, /source/],
      [{ ...good, ref: "".padEnd(257, "r") }, /ref/],
      [{ ...good, created: "yesterday" }, /created/],
      [{ ...good, created: "2025-02-30" }, /created/],
      [{ ...good, created: "1" }, /created/],
      [{ ...good, lastActivity: {} }, /lastActivity/],
      [{ ...good, archivedAt: "x" }, /archivedAt/],
      [{ ...good, archiveReason: "r".repeat(51) }, /archiveReason/],
      [{ messages: [{ n: 1 }], times: [] }, /times/],
      [{ messages: [{ n: 1 }], times: ["x"] }, /times\[0\]/],
      [{ messages: [{ n: 1 }], times: "x" }, /times/],
    ];
    for (const [line, named] of bad) {
      const call = manager.importConversation(line as ImportLine);
      await expect(call, JSON.stringify(line).slice(0, 60)).rejects.toThrow(InvalidInputError);
      await expect(call, JSON.stringify(line).slice(0, 60)).rejects.toThrow(named);
    }
    expect(await collect(manager.exportConversations())).toEqual([]);
  });

  it("without an ID need records", async () => {
    const { stores, over } = await open();
    const manager = over({ ...stores, records: null });
    await expect(manager.importConversation({ messages: [] })).rejects.toThrow(NotSupportedError);
    const id = "ITERA_20240102_030405_A7B9X2M8P4Q1_P";
    expect((await manager.importConversation({ id, messages: [] })).outcome).toBe("imported");
  });
});
