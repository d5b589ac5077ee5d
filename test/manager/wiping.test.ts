// Wiping: metadata and transcript are removed for good, a skeleton stays, and nothing brings it back.

import { expect, it } from "vitest";
import { ConflictError, GoneError } from "../../src/core/errors.ts";
import type { ConversationManager } from "../../src/core/manager.ts";
import { DAY, HOUR, MINUTE, onEveryStore, overwrittenBy } from "./worlds.ts";
import { everythingIn } from "./everything-in.ts";

const CANARY = "canarino";
const CONTENT = {
  metadata: { source: "chatbot_widget", note: CANARY, email: `${CANARY}@example.org`, context: { c: CANARY }, leadData: { name: CANARY } },
  messages: [
    { role: "user", content: `sono ${CANARY}` },
    { role: "user", content: "secondo" },
  ],
};
const wiped = new ConflictError("Conversation was wiped");

onEveryStore("wiping", (open) => {
  it.each(["active", "completed", "expired", "archived", "in the archive alone"])("what is %s leaves a skeleton", async (where) => {
    const { manager, clock, stores, moveToArchive, kept } = await open({ backupRetentionDays: 30 });
    const made = await manager.createConversation(CONTENT);
    const { id } = made;
    if (where === "completed") await manager.completeConversation(id);
    if (where === "expired") clock.pass(30 * HOUR);
    if (where === "archived") await manager.archiveConversation(id, "earlier");
    if (where === "in the archive alone") await moveToArchive(id);
    const before = (await manager.peekConversation(id))!;
    clock.pass(MINUTE);
    const answer = await manager.archiveConversation(id, "gdpr", { preserveData: false });
    const inArchive = where.includes("archive");
    expect(answer).toEqual({
      id,
      created: made.created,
      lastActivity: before.lastActivity,
      lastAccess: before.lastAccess,
      expiresAt: null,
      status: "archived",
      messageCount: 2,
      metadata: {},
      messages: [],
      version: before.version + 1,
      ...(before.completedAt === undefined ? {} : { completedAt: before.completedAt }),
      archivedAt: inArchive ? before.archivedAt : clock.iso(),
      archiveReason: inArchive ? before.archiveReason : "gdpr",
      receipt: {
        id,
        action: "wiped",
        at: clock.iso(),
        removed: { hot: where === "in the archive alone" ? 0 : 2, archive: inArchive ? 2 : 0 },
        overwrittenBy: overwrittenBy(stores),
        backupsExpireAt: clock.iso(30 * DAY),
      },
    });
    expect({ ...(await manager.getConversation(id)), receipt: answer.receipt }).toEqual(answer);
    expect({ ...(await manager.peekConversation(id)), receipt: answer.receipt }).toEqual(answer);
    expect(await manager.listMessages(id)).toEqual({ data: [], nextCursor: null });
    // before anything was passed on
    expect(await everythingIn(stores)).not.toContain(CANARY);
    expect((await kept(id)).slice(-2)).toEqual(["archived", "wiped"]);
    expect(await everythingIn(stores)).not.toContain(CANARY);
  });

  const writes: [name: string, write: (manager: ConversationManager, id: string) => Promise<unknown>][] = [
    ["append", (manager, id) => manager.appendMessages(id, [{ content: "late" }])],
    ["save of the state", (manager, id) => manager.appendMessages(id, [], { state: { step: "x", context: {}, leadData: {} } })],
    ["save of a part of the state", (manager, id) => manager.appendMessages(id, [], { state: { step: "x" } })],
    ["update", (manager, id) => manager.updateConversation(id, { metadata: { a: 1 } })],
    ["update with nothing", (manager, id) => manager.updateConversation(id, {})],
    ["update of the status", (manager, id) => manager.updateConversation(id, { status: "active" })],
    ["completion", (manager, id) => manager.completeConversation(id)],
    ["extension", (manager, id) => manager.extendConversation(id)],
    ["archiving", (manager, id) => manager.archiveConversation(id)],
    ["reopening", (manager, id) => manager.reopenConversation(id)],
    ["hold", (manager, id) => manager.hold(id, "x")],
    ["release", (manager, id) => manager.release(id, "x")],
  ];
  it("refuses every later write, in the hot store and in the archive alone", async () => {
    const { manager, pass, stores } = await open();
    const { id } = await manager.createConversation(CONTENT);
    await manager.archiveConversation(id, "gdpr", { preserveData: false });
    for (const [name, write] of writes) await expect(write(manager, id), name).rejects.toThrow(wiped);
    for (const [name, write] of writes) {
      await pass(25 * HOUR);
      expect(await stores.hot.read(id, 0)).toBeNull();
      await expect(write(manager, id), name).rejects.toThrow(wiped);
    }
    expect(await manager.getConversation(id)).toMatchObject({ status: "archived", messages: [], metadata: {} });
  });

  it("again answers the first receipt, whatever the reason and the time", async () => {
    const { manager, pass, kept } = await open();
    const { id } = await manager.createConversation(CONTENT);
    const first = await manager.archiveConversation(id, "gdpr", { preserveData: false });
    await pass(HOUR);
    expect(await manager.archiveConversation(id, "other", { preserveData: false })).toEqual(first);
    await pass(30 * HOUR);
    expect(await manager.archiveConversation(id, "other", { preserveData: false })).toEqual(first);
    expect(await kept(id)).toEqual(["created", "archived", "wiped"]);
  });

  it("is refused under a hold, and goes on when it is released", async () => {
    const { manager, moveToArchive, kept } = await open();
    const over = await manager.createConversation(CONTENT);
    await moveToArchive(over.id);
    const held = await manager.createConversation(CONTENT);
    for (const { id } of [held, over]) {
      await manager.hold(id, "court");
      await manager.sweep();
      const before = await manager.peekConversation(id);
      await expect(manager.archiveConversation(id, "gdpr", { preserveData: false })).rejects.toThrow(/legal hold/);
      expect(await manager.peekConversation(id)).toEqual(before);
      await manager.release(id, "settled");
      expect(await manager.archiveConversation(id, "gdpr", { preserveData: false })).toMatchObject({ metadata: {}, messages: [] });
    }
    expect((await kept(held.id)).slice(-2)).toEqual(["archived", "wiped"]);
  });

  it("says by when the engines have overwritten it, and nothing where one cannot say", async () => {
    const { manager, stores, over, clock } = await open();
    const within = (port: "hot" | "archive", overwrittenWithinMs: number | null) => ({
      [port]: { ...stores[port], capabilities: { ...stores[port].capabilities, overwrittenWithinMs } },
    });
    const wipe = async (changed: object) => {
      const { id } = await manager.createConversation(CONTENT);
      return (await over({ ...stores, ...changed }).archiveConversation(id, "x", { preserveData: false })).receipt;
    };
    expect(await wipe({ ...within("hot", 5000), ...within("archive", HOUR) })).toMatchObject({ overwrittenBy: clock.iso(HOUR) });
    expect(await wipe({ ...within("hot", 5000), ...within("archive", null) })).toMatchObject({
      overwrittenBy: null,
      backupsExpireAt: null,
    });
    expect(await wipe({ ...within("hot", 5000), archive: null })).toMatchObject({ overwrittenBy: clock.iso(5000) });
  });

  it("removes idempotency entries: a late retry is refused, and creates nothing anew", async () => {
    const { manager } = await open();
    const made = await manager.createConversation(CONTENT, { idempotencyKey: "c1" });
    await manager.appendMessages(made.id, [{ content: CANARY }], { idempotencyKey: "a1" });
    await manager.archiveConversation(made.id, "gdpr", { preserveData: false });
    await expect(manager.appendMessages(made.id, [{ content: CANARY }], { idempotencyKey: "a1" })).rejects.toThrow(wiped);
    await expect(manager.createConversation(CONTENT, { idempotencyKey: "c1" })).rejects.toThrow(wiped);
    await manager.deliver();
    expect((await manager.listConversations()).data).toHaveLength(1);
  });

  it("keeps statistics: what was wiped still counts, and is listed without content", async () => {
    const { manager, pass } = await open();
    const { id } = await manager.createConversation(CONTENT);
    await pass(HOUR);
    await manager.archiveConversation(id, "gdpr", { preserveData: false });
    await manager.deliver();
    expect((await manager.listConversations()).data).toMatchObject([
      { id, status: "archived", source: "chatbot_widget", messageCount: 2, metadata: {} },
    ]);
    expect((await manager.listConversations({ q: "secondo" })).data).toEqual([]);
    expect(await manager.analytics()).toMatchObject({ totals: { total: 1, archived: 1, averageMessages: 2 }, live: 0 });
  });

  it("goes before anything else of one call: what a slow mover read before is not brought back", async () => {
    const { manager, stores, pass, clock } = await open();
    const { id } = await manager.createConversation(CONTENT);
    await manager.archiveConversation(id);
    const slow = (await stores.hot.read(id, Infinity))!;
    await manager.archiveConversation(id, "gdpr", { preserveData: false });
    expect(await stores.archive.put(slow)).toBe("older");
    await stores.directory.index(slow.head, { after: 0, messages: [{ seq: 1, text: CANARY }] });
    clock.pass(MINUTE);
    await pass(30 * HOUR);
    expect(await everythingIn(stores)).not.toContain(CANARY);
    await expect(manager.appendMessages(id, [{ a: 1 }])).rejects.toThrow(wiped);
  });

  it("can be followed by erasing", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation(CONTENT);
    await manager.archiveConversation(id, "gdpr", { preserveData: false });
    expect(await manager.eraseConversation(id)).toMatchObject({ action: "erased", removed: { hot: 0, archive: 0 } });
    await expect(manager.getConversation(id)).rejects.toThrow(GoneError);
  });
});
