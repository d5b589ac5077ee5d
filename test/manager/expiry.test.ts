// Expiry: when a conversation ends by itself, and what moves that time.

import { expect, it } from "vitest";
import { InvalidInputError } from "../../src/core/errors.ts";
import { DAY, HOUR, MINUTE, onEveryStore } from "./worlds.ts";

onEveryStore("expiry", (open) => {
  it("a new conversation expires 24 hours after creation", async () => {
    const { manager, clock } = await open();
    const made = await manager.createConversation();
    expect(made.expiresAt).toBe(clock.iso(24 * HOUR));
    expect(made.lastAccess).toBeNull();
  });

  it("the TTL can be set; access moves the expiry to twice that", async () => {
    const { manager, clock } = await open({ ttlHours: 2 });
    const { id, expiresAt } = await manager.createConversation();
    expect(expiresAt).toBe(clock.iso(2 * HOUR));
    expect((await manager.getConversation(id))?.expiresAt).toBe(clock.iso(4 * HOUR));
  });

  it("a TTL above the maximum extension is refused", async () => {
    await expect(open({ ttlHours: 200 })).rejects.toThrow(InvalidInputError);
  });

  it("reading, appending, updating, completing and reopening move it to 48 hours from then", async () => {
    const { manager, clock } = await open();
    const { id } = await manager.createConversation();
    const steps: (() => Promise<unknown>)[] = [
      () => manager.getConversation(id),
      () => manager.appendMessages(id, [{ role: "user", content: "ciao" }]),
      () => manager.updateConversation(id, { metadata: { a: 1 } }),
      () => manager.completeConversation(id),
      () => manager.reopenConversation(id),
    ];
    for (const step of steps) {
      clock.pass(HOUR);
      await step();
      expect(await manager.peekConversation(id)).toMatchObject({ expiresAt: clock.iso(48 * HOUR), lastAccess: clock.iso() });
    }
  });

  it("never moves back: a read after a long extension does not shorten it", async () => {
    const { manager, clock } = await open();
    const { id } = await manager.createConversation();
    const { expiresAt } = await manager.extendConversation(id, 168);
    expect(expiresAt).toBe(clock.iso(168 * HOUR));
    clock.pass(HOUR);
    expect((await manager.getConversation(id))?.expiresAt).toBe(expiresAt);
    expect((await manager.extendConversation(id, 1)).expiresAt).toBe(expiresAt);
    await manager.updateConversation(id, { metadata: { a: 1 } });
    expect((await manager.peekConversation(id))?.expiresAt).toBe(expiresAt);
  });

  it("extend moves it to at least the hours asked for; more than the maximum is the maximum", async () => {
    const { manager, clock } = await open();
    const { id } = await manager.createConversation();
    expect((await manager.extendConversation(id, 1)).expiresAt).toBe(clock.iso(48 * HOUR));
    expect((await manager.extendConversation(id, 72.5)).expiresAt).toBe(clock.iso(72.5 * HOUR));
    expect((await manager.extendConversation(id, 1000)).expiresAt).toBe(clock.iso(168 * HOUR));
    expect((await manager.extendConversation(id, Infinity)).expiresAt).toBe(clock.iso(168 * HOUR));
  });

  it("extend is by 24 hours unless told otherwise, and keeps its reason", async () => {
    const { manager, clock } = await open({ ttlHours: 1 });
    const { id } = await manager.createConversation();
    expect((await manager.extendConversation(id)).expiresAt).toBe(clock.iso(24 * HOUR));
    await manager.extendConversation(id, 30, "complex_issue");
    await manager.extendConversation(id, 999);
    await manager.deliver();
    const { data } = await manager.events(id);
    expect(data.slice(1)).toEqual([
      { event: "extended", at: clock.iso(), details: { hours: 24, reason: null } },
      { event: "extended", at: clock.iso(), details: { hours: 30, reason: "complex_issue" } },
      { event: "extended", at: clock.iso(), details: { hours: 168, reason: null } },
    ]);
  });

  it("extend by less than 1, or by what is no number, throws and changes nothing", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation();
    const before = await manager.peekConversation(id);
    for (const hours of [0, 0.99, -5, Number.NaN, -Infinity, "24" as unknown as number, null as unknown as number]) {
      await expect(manager.extendConversation(id, hours), String(hours)).rejects.toThrow(InvalidInputError);
    }
    await expect(manager.extendConversation(id, 24, "r".repeat(201))).rejects.toThrow(InvalidInputError);
    expect(await manager.peekConversation(id)).toEqual(before);
  });

  it("an expiry further ahead than the maximum counts as the maximum", async () => {
    const { manager, clock, over } = await open();
    const { id } = await manager.createConversation();
    await manager.extendConversation(id, 168);
    const stricter = over(undefined, { maxExtensionHours: 72 });
    clock.pass(2 * MINUTE);
    expect((await stricter.getConversation(id))?.expiresAt).toBe(clock.iso(72 * HOUR));
  });
});

onEveryStore("what has expired", (open) => {
  it("is archived with the reason expired by the sweep, never dropped", async () => {
    const { manager, pass, kept, told } = await open();
    const { id } = await manager.createConversation({ messages: [{ role: "user", content: "ciao" }] });
    await pass(24 * HOUR - 1);
    expect((await manager.peekConversation(id))?.status).toBe("active");
    await pass(1);
    const found = await manager.peekConversation(id);
    expect(found).toMatchObject({ status: "archived", archiveReason: "expired", expiresAt: null, messages: [{ content: "ciao" }] });
    expect(told(id).filter((type) => type === "archived")).toEqual(["archived"]);
    await pass(400 * DAY);
    expect((await manager.getConversation(id))?.messages).toEqual([{ role: "user", content: "ciao" }]);
    expect(await kept(id)).toEqual(["created", "expiring", "archived"]);
  });

  it("is archived by the read that finds it", async () => {
    const { manager, clock, kept } = await open();
    const { id, version } = await manager.createConversation({ messages: [{ n: 1 }] });
    clock.pass(25 * HOUR);
    const found = await manager.getConversation(id);
    expect(found).toMatchObject({ status: "archived", archiveReason: "expired", archivedAt: clock.iso(), messages: [{ n: 1 }] });
    expect(found?.version).toBe(version + 1);
    expect(await manager.getConversation(id)).toEqual(found);
    expect(await kept(id)).toEqual(["created", "archived"]);
  });

  it("is shown as archived by a peek, which writes nothing; lists show the stored status", async () => {
    const { manager, clock, stores } = await open();
    const { id, expiresAt } = await manager.createConversation();
    clock.pass(25 * HOUR);
    const before = await stores.hot.read(id, 0);
    expect(await manager.peekConversation(id)).toMatchObject({ status: "archived", archiveReason: "expired", archivedAt: expiresAt });
    expect(await stores.hot.read(id, 0)).toEqual(before);
    await manager.deliver();
    expect((await manager.listConversations()).data[0]?.status).toBe("active");
  });

  it("becomes active again by an append, after having been archived", async () => {
    const { manager, clock, kept, told } = await open();
    const { id } = await manager.createConversation();
    clock.pass(25 * HOUR);
    await manager.appendMessages(id, [{ role: "user", content: "back" }]);
    expect(await manager.peekConversation(id)).toMatchObject({ status: "active", expiresAt: clock.iso(48 * HOUR) });
    expect(await kept(id)).toEqual(["created", "archived", "reactivated"]);
    expect(told(id)).toEqual(["created", "archived", "reactivated", "updated"]);
  });

  it.each(["updateConversation", "extendConversation", "reopenConversation"] as const)("becomes active again by %s", async (verb) => {
    const { manager, clock } = await open();
    const { id } = await manager.createConversation();
    clock.pass(25 * HOUR);
    const answer = await (verb === "updateConversation" ? manager[verb](id, { metadata: { a: 1 } }) : manager[verb](id));
    expect(answer).toMatchObject({ status: "active", expiresAt: clock.iso(48 * HOUR) });
    expect(answer).not.toHaveProperty("archivedAt");
  });

  it("keeps the caller's reason when it is archived by a caller", async () => {
    const { manager, clock, kept } = await open();
    const { id } = await manager.createConversation();
    clock.pass(25 * HOUR);
    expect(await manager.archiveConversation(id, "resolved")).toMatchObject({ status: "archived", archiveReason: "resolved" });
    expect(await kept(id)).toEqual(["created", "archived"]);
  });
});

onEveryStore("a clock that is wrong", (open) => {
  it("archives, purges and keeps nothing by itself: the earlier of our clock and the engine's counts", async () => {
    const { manager, over, clock, stores } = await open();
    const { id } = await manager.createConversation({ messages: [{ n: 1 }] });
    await manager.deliver();
    const ahead = over(undefined, { clock: () => clock.now() + 3650 * DAY });
    expect(await ahead.sweep()).toMatchObject({ archived: 0, warned: 0 });
    expect(await ahead.cleanup()).toMatchObject({ events: 0 });
    const old = await manager.importConversation({ created: "2020-01-01", messages: [] });
    expect(await ahead.purge()).toMatchObject({ rows: 0 });
    expect((await stores.hot.read(id, 0))?.head.status).toBe("active");
    expect(await manager.peekConversation(old.id)).not.toBeNull();
  });

  it("moves no expiry further than the maximum from the engine's own time", async () => {
    const { manager, over, clock } = await open();
    const { id } = await manager.createConversation();
    const ahead = over(undefined, { clock: () => clock.now() + 10 * HOUR });
    await ahead.extendConversation(id, 168);
    expect((await manager.peekConversation(id))?.expiresAt).toBe(clock.iso(168 * HOUR));
  });

  it("that is behind moves nothing back", async () => {
    const { manager, over, clock } = await open();
    const { id } = await manager.createConversation();
    await manager.appendMessages(id, [{ n: 1 }]);
    const before = (await manager.peekConversation(id))!;
    const behind = over(undefined, { clock: () => clock.now() - 10 * HOUR });
    await behind.appendMessages(id, [{ n: 2 }]);
    const { lastActivity, lastAccess, expiresAt } = before;
    expect(await manager.peekConversation(id)).toMatchObject({ lastActivity, lastAccess, expiresAt, messageCount: 2 });
  });
});

onEveryStore("expiring", (open) => {
  it("is said once, from one hour before the expiry", async () => {
    const { manager, pass, kept, clock } = await open();
    const { id, expiresAt, version } = await manager.createConversation();
    await pass(23 * HOUR - 1);
    expect(await kept(id)).toEqual(["created"]);
    await pass(1);
    await pass(MINUTE);
    await manager.sweep();
    expect(await kept(id)).toEqual(["created", "expiring"]);
    const { data } = await manager.events(id);
    expect(data[1]).toEqual({ event: "expiring", at: clock.iso(-MINUTE), details: { expiresAt } });
    expect((await manager.peekConversation(id))?.version).toBe(version);
  });

  it("is said again for each later expiry time", async () => {
    const { manager, pass, kept } = await open();
    const { id } = await manager.createConversation();
    await pass(23.5 * HOUR);
    await manager.getConversation(id);
    await pass(10 * MINUTE);
    await pass(37 * HOUR);
    expect(await kept(id)).toEqual(["created", "expiring"]);
    await pass(10.5 * HOUR);
    await pass(MINUTE);
    expect(await kept(id)).toEqual(["created", "expiring", "expiring"]);
  });

  it("is said of what is completed too, and not of what is archived", async () => {
    const { manager, pass, kept } = await open({ ttlHours: 12 });
    const [done, over] = [await manager.createConversation(), await manager.createConversation()];
    await manager.completeConversation(done.id);
    await manager.archiveConversation(over.id);
    await pass(23.5 * HOUR);
    expect(await kept(done.id)).toEqual(["created", "completed", "expiring"]);
    expect(await kept(over.id)).toEqual(["created", "archived"]);
  });
});
