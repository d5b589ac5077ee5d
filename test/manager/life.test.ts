// The table of a life, through the manager: what each verb makes of a conversation, and which events it leaves, in order and once.

import { expect, it } from "vitest";
import { InvalidInputError } from "../../src/core/errors.ts";
import { faultyStores } from "../faulty-stores.ts";
import { DAY, HOUR, onEveryStore, START } from "./worlds.ts";

onEveryStore("a life", (open) => {
  it("begins active, at version 1, with the environment's letter in its ID", async () => {
    const { manager, over } = await open();
    const made = await manager.createConversation();
    const at = new Date(START).toISOString();
    expect(made).toEqual({
      id: expect.stringMatching(/^ITERA_20250125_143052_[A-Z0-9]{12}_D$/),
      created: at,
      lastActivity: at,
      lastAccess: null,
      expiresAt: new Date(START + DAY).toISOString(),
      status: "active",
      messageCount: 0,
      metadata: {},
      messages: [],
      version: 1,
    });
    expect((await over(undefined, { environment: "P" }).createConversation()).id).toMatch(/_P$/);
  });

  it("version grows with every change; a touch is no change", async () => {
    const { manager, clock } = await open();
    const { id } = await manager.createConversation();
    const steps: [change: number, step: () => Promise<unknown>][] = [
      [1, () => manager.appendMessages(id, [{ a: 1 }, { a: 2 }])],
      [0, () => manager.getConversation(id)],
      [1, () => manager.updateConversation(id, { metadata: { a: 1 } })],
      [1, () => manager.completeConversation(id)],
      [0, () => manager.completeConversation(id)],
      [1, () => manager.reopenConversation(id)],
      [0, () => manager.reopenConversation(id)],
      [1, () => manager.hold(id, "court")],
      [0, () => manager.hold(id, "again")],
      [1, () => manager.release(id, "over")],
      [0, () => manager.release(id, "again")],
      [1, () => manager.archiveConversation(id)],
      [0, () => manager.archiveConversation(id)],
      [0, () => manager.getConversation(id)],
      [0, () => manager.updateConversation(id, {})],
      [1, () => manager.reopenConversation(id)],
    ];
    let version = 1;
    for (const [change, step] of steps) {
      clock.pass(HOUR);
      await step();
      version += change;
      expect((await manager.peekConversation(id))?.version).toBe(version);
    }
  });

  it("lastActivity moves with appends, updates and session saves, not with reads, extensions, completing and archiving", async () => {
    const { manager, clock } = await open();
    const { id, lastActivity } = await manager.createConversation();
    const still = [
      () => manager.getConversation(id),
      () => manager.extendConversation(id),
      () => manager.completeConversation(id),
      () => manager.archiveConversation(id),
    ];
    for (const step of still) {
      clock.pass(HOUR);
      await step();
      expect((await manager.peekConversation(id))?.lastActivity).toBe(lastActivity);
    }
    const moving = [
      () => manager.appendMessages(id, [{ a: 1 }]),
      () => manager.appendMessages(id, [], { state: { step: "a" } }),
      () => manager.updateConversation(id, { metadata: { a: 1 } }),
      () => manager.updateConversation(id, { status: "completed" }),
    ];
    for (const step of moving) {
      clock.pass(HOUR);
      await step();
      expect((await manager.peekConversation(id))?.lastActivity).toBe(clock.iso());
    }
  });

  it("goes from active to completed and back, keeping when it was completed", async () => {
    const { manager, clock, told, kept } = await open();
    const { id } = await manager.createConversation();
    clock.pass(HOUR);
    const completed = await manager.completeConversation(id);
    expect(completed).toMatchObject({ status: "completed", completedAt: clock.iso() });
    clock.pass(HOUR);
    expect(await manager.completeConversation(id)).toEqual(completed);
    expect(await manager.updateConversation(id, { metadata: { a: 1 } })).toMatchObject({ status: "completed" });
    await manager.appendMessages(id, [{ role: "user", content: "e poi?" }]);
    expect(await manager.peekConversation(id)).toMatchObject({ status: "active", completedAt: completed.completedAt });
    expect((await manager.completeConversation(id)).completedAt).toBe(clock.iso());
    await manager.appendMessages(id, [], { state: { step: "x", context: {}, leadData: {} } });
    expect((await manager.peekConversation(id))?.status).toBe("active");
    await manager.completeConversation(id);
    expect((await manager.reopenConversation(id)).status).toBe("active");
    expect(await kept(id)).toEqual(["created", "completed", "completed", "completed"]);
    expect(told(id)).toEqual(["created", "completed", "updated", "updated", "completed", "updated", "completed", "updated"]);
  });

  it("can be moved by an update of the status, with the same events", async () => {
    const { manager, kept } = await open();
    const { id } = await manager.createConversation();
    expect(await manager.updateConversation(id, { status: "completed" })).toMatchObject({ status: "completed" });
    expect(await manager.updateConversation(id, { status: "completed" })).toMatchObject({ version: 2 });
    expect(await manager.updateConversation(id, { status: "active" })).toMatchObject({ status: "active", version: 3 });
    for (const status of ["archived", "deleted", "open", 5, null] as unknown as "active"[]) {
      await expect(manager.updateConversation(id, { status })).rejects.toThrow(InvalidInputError);
    }
    expect(await kept(id)).toEqual(["created", "completed"]);
  });

  it("tells of every verb in order, each event once, whoever passes them on and however often", async () => {
    const { manager, over, clock, stores } = await open();
    const { id } = await manager.createConversation({ metadata: { source: "api" } });
    clock.pass(1000);
    await manager.extendConversation(id, 48, "complex");
    await manager.completeConversation(id);
    clock.pass(1000);
    await manager.archiveConversation(id, "resolved");
    await manager.extendConversation(id, 24);
    await manager.hold(id, "court");
    await manager.release(id, "settled");
    await manager.archiveConversation(id, "again");
    const items = await stores.hot.outbox(100, 1);
    await stores.directory.record(items.flatMap(({ n, event }) => (event ? [{ n, id, event }] : [])));
    clock.pass(1000);
    await Promise.all([manager.deliver(), over().deliver(), over().deliver()]);
    await manager.deliver();
    const { data } = await manager.events(id);
    const at = (seconds: number) => new Date(START + seconds * 1000).toISOString();
    expect(data).toEqual([
      { event: "created", at: at(0), details: { source: "api" } },
      { event: "extended", at: at(1), details: { hours: 48, reason: "complex" } },
      { event: "completed", at: at(1), details: {} },
      { event: "archived", at: at(2), details: { reason: "resolved" } },
      { event: "reactivated", at: at(2), details: {} },
      { event: "extended", at: at(2), details: { hours: 24, reason: null } },
      { event: "held", at: at(2), details: { reason: "court" } },
      { event: "released", at: at(2), details: { reason: "settled" } },
      { event: "archived", at: at(2), details: { reason: "again" } },
    ]);
    expect(await manager.deliver()).toBe(0);
  });

  it("gives its events page by page", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation();
    for (let hours = 1; hours <= 9; hours++) await manager.extendConversation(id, hours);
    await manager.deliver();
    const seen: unknown[] = [];
    let pages = 0;
    for (let cursor: string | null = null; pages === 0 || cursor !== null; pages++) {
      const page = await manager.events(id, { limit: 4, ...(cursor === null ? {} : { cursor }) });
      seen.push(...page.data.map(({ event, details }) => details["hours"] ?? event));
      cursor = page.nextCursor;
    }
    expect(seen).toEqual(["created", 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(pages).toBe(3);
    for (const limit of [0, 101, 1.5]) await expect(manager.events(id, { limit })).rejects.toThrow(InvalidInputError);
  });

  it("`updated` is told to listeners, after `reactivated` and before `completed`, and is not kept", async () => {
    const { manager, kept, told } = await open();
    const { id } = await manager.createConversation();
    await manager.updateConversation(id, { messages: [{ a: 1 }], status: "completed" });
    await manager.archiveConversation(id);
    await manager.updateConversation(id, { messages: [{ a: 1 }, { a: 2 }], metadata: { b: 1 } });
    expect(await kept(id)).toEqual(["created", "completed", "archived", "reactivated"]);
    expect(told(id)).toEqual(["created", "updated", "completed", "archived", "reactivated", "updated"]);
  });

  it("a repeat that adds nothing is no event at all", async () => {
    const { manager, told, kept, clock } = await open();
    const { id } = await manager.createConversation();
    await manager.appendMessages(id, [{ id: "m1" }]);
    clock.pass(1);
    await manager.appendMessages(id, [{ id: "m1" }]);
    await manager.completeConversation(id);
    await manager.appendMessages(id, [{ id: "m1" }]);
    expect((await manager.peekConversation(id))?.status).toBe("completed");
    await manager.reopenConversation(id);
    await manager.appendMessages(id, [{ id: "m2" }]);
    await manager.archiveConversation(id);
    await manager.appendMessages(id, [{ id: "m2" }]);
    expect(told(id)).toEqual(["created", "updated", "completed", "updated", "updated", "archived"]);
    expect(await kept(id)).toEqual(["created", "completed", "archived"]);
  });

  it("ends with its stores: closing the manager closes them, as often as one likes", async () => {
    const { stores, over } = await open();
    const watched = faultyStores(stores);
    const manager = over(watched.stores);
    await manager.close();
    await manager.close();
    expect(watched.calls.map(({ port, method }) => `${port}.${method}`)).toEqual([
      "hot.close",
      "archive.close",
      "hot.close",
      "archive.close",
    ]);
  });

  it("events older than their retention are forgotten by the cleanup, and no others", async () => {
    const { manager, pass, kept } = await open({ eventRetentionDays: 10 });
    const { id } = await manager.createConversation();
    await manager.archiveConversation(id);
    await pass(6 * DAY);
    await manager.reopenConversation(id);
    await manager.cleanup();
    expect(await kept(id)).toEqual(["created", "archived", "reactivated"]);
    await pass(5 * DAY);
    await manager.cleanup();
    expect((await kept(id)).slice(0, 1)).toEqual(["reactivated"]);
  });
});
