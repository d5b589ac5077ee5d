import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { StoreUnavailableError, TooLargeError } from "../../src/core/errors.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import type { Change, HotStore } from "../../src/core/hot-store.ts";
import { behind } from "./behind.ts";
import { alarmOf, DAY, HOUR, inside, leftIn, live, MINUTE, namespace, openWorld, pass, ring, START } from "./object-world.ts";

beforeAll(() => void vi.useFakeTimers({ toFake: ["Date"], now: START }));
afterAll(() => void vi.useRealTimers());
beforeEach(() => void vi.setSystemTime(START));

const said = (content: string) => ({ role: "user", content });
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("the life of an object", () => {
  it("50 writers with 20 appends each on one object lose nothing and leave no gap", async () => {
    const { manager } = openWorld();
    const { id } = await manager.createConversation();
    const writers = Array.from({ length: 50 }, async (_, writer) => {
      const places: number[] = [];
      for (let turn = 0; turn < 20; turn++) {
        const { messages } = await manager.appendMessages(id, [said(`${writer}.${turn}`)], { window: 3 });
        places.push(messages[0]!.seq);
      }
      return places;
    });
    const answered = (await Promise.all(writers)).flat();
    expect(answered.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i + 1));
    const stored = await manager.peekConversation(id);
    expect(stored?.version).toBe(1001);
    expect(new Set(stored?.messages.map(({ content }) => content)).size).toBe(1000);
    for (const [i, seq] of answered.entries()) expect(stored?.messages[seq - 1]!["content"]).toBe(`${Math.floor(i / 20)}.${i % 20}`);
  });

  it("an object warns an hour before expiry, expires, brings what is over to the archive, and a day later is empty", async () => {
    const { manager, archive, told } = openWorld();
    const { id } = await manager.createConversation({ messages: [said("hello")] });
    await live(id, 23 * HOUR - 1);
    expect(told).toEqual(["created"]);
    await live(id, 1);
    expect(told).toEqual(["created", "expiring"]);
    await live(id, HOUR);
    expect(told).toEqual(["created", "expiring", "archived"]);
    expect((await archive.read(id, Infinity))?.messages).toHaveLength(1);
    await live(id, MINUTE);
    expect((await manager.events(id)).data.map(({ event }) => event)).toEqual(["created", "expiring", "archived"]);
    expect((await manager.listConversations()).data).toMatchObject([{ id, status: "archived", archiveReason: "expired" }]);

    await live(id, DAY - MINUTE - 1);
    expect(await leftIn(id)).not.toEqual([]);
    await live(id, 1000);
    expect(await leftIn(id)).toEqual([]);
    expect(await alarmOf(id)).toBe(null);
    expect(await manager.peekConversation(id)).toMatchObject({ id, status: "archived", messageCount: 1 });
  });

  it("what is over comes back into its object, and goes again", async () => {
    const { manager, archive, told } = openWorld();
    const { id } = await manager.createConversation({ messages: [said("hello")] });
    await live(id, 60 * HOUR);
    expect(await leftIn(id)).toEqual([]);
    await manager.appendMessages(id, [said("again")]);
    expect(await manager.peekConversation(id)).toMatchObject({ status: "active", messageCount: 2 });
    await live(id, 80 * HOUR);
    expect(await leftIn(id)).toEqual([]);
    expect((await archive.read(id, Infinity))?.messages).toHaveLength(2);
    expect(told.filter((type) => type !== "updated")).toEqual(["created", "expiring", "archived", "reactivated", "expiring", "archived"]);
    // The second stay of the object names its events anew, so that none is taken for one of the first.
    expect((await manager.events(id)).data.map(({ event }) => event)).toEqual([
      "created",
      "expiring",
      "archived",
      "reactivated",
      "expiring",
      "archived",
    ]);
  });

  it("an archive that is away for a day is asked again after growing gaps, until it takes what is over", async () => {
    const { manager, archive } = openWorld();
    let asked = 0;
    let down = true;
    behind.archive = {
      ...archive,
      async put(whole, options) {
        asked++;
        if (down) throw new StoreUnavailableError("away");
        return archive.put(whole, options);
      },
    };
    const { id } = await manager.createConversation({ messages: [said("hello")] });
    await live(id, 24 * HOUR);
    const gaps: number[] = [];
    for (let i = 0; i < 15; i++) {
      const at = (await alarmOf(id))!;
      gaps.push(at - Date.now());
      vi.setSystemTime(at);
      await ring(id);
    }
    expect(gaps.slice(-2)).toEqual([HOUR, HOUR]);
    expect(gaps.slice(1)).toEqual(gaps.slice(1).toSorted((a, b) => a - b));
    await live(id, DAY);
    expect(asked).toBeGreaterThan(20);
    expect(asked).toBeLessThan(60);
    expect(await archive.read(id, 0)).toBe(null);
    expect(await manager.peekConversation(id)).toMatchObject({ status: "archived", messageCount: 1 });
    down = false;
    await live(id, HOUR);
    expect(await archive.read(id, 0)).not.toBe(null);
    await live(id, HOUR);
    expect(await leftIn(id)).toEqual([]);
  });

  it("an alarm whose work dies half-way is set again before it began", async () => {
    const { manager, archive } = openWorld();
    const { id } = await manager.createConversation();
    await live(id, 23.5 * HOUR);
    behind.wrap = (hot) => ({ ...hot, commit: () => Promise.reject(new Error("a fault of ours")) });
    pass(HOUR);
    await ring(id);
    const next = (await alarmOf(id))!;
    expect(next).toBeGreaterThan(Date.now());
    expect(next - Date.now()).toBeLessThanOrEqual(HOUR);
    behind.wrap = (hot: HotStore) => hot;
    await live(id, HOUR);
    expect((await archive.read(id, 0))?.head.status).toBe("archived");
  });

  it("an eviction keeps everything, the alarm included", async () => {
    const { manager } = openWorld();
    const { id } = await manager.createConversation({ metadata: { topic: "printer" } });
    await manager.appendMessages(id, [said("one")], { idempotencyKey: "k", state: { step: "x" } });
    const [before, alarm] = [await manager.peekConversation(id), await alarmOf(id)];
    await evictDurableObject(namespace.getByName(id));
    expect(await manager.peekConversation(id)).toEqual(before);
    expect(await alarmOf(id)).toBe(alarm);
    const again = await manager.appendMessages(id, [said("one")], { idempotencyKey: "k", state: { step: "x" } });
    expect(again.messageCount).toBe(1);
    await evictDurableObject(namespace.getByName(id));
    expect((await manager.appendMessages(id, [said("two")])).messageCount).toBe(2);
  });

  it("an object that has lost its alarm sets it when it is next asked", async () => {
    const { manager } = openWorld();
    const { id } = await manager.createConversation();
    await inside(id, ({ storage }) => storage.deleteAlarm());
    await evictDurableObject(namespace.getByName(id));
    await manager.peekConversation(id);
    expect(await alarmOf(id)).toBe(Date.now() + 1000);
  });

  it("the alarm is set anew only when something is due earlier", async () => {
    const { manager } = openWorld();
    const { id } = await manager.createConversation();
    const soon = Date.now() + 1000;
    expect(await alarmOf(id)).toBe(soon);
    pass(900);
    await manager.appendMessages(id, [said("one")]);
    expect(await alarmOf(id), "a busy chat does not put it off").toBe(soon);
    pass(100);
    expect(await ring(id)).toBe(true);
    // The append has moved the expiry to two days; the warning is an hour before.
    expect(await alarmOf(id)).toBe(START + 900 + 47 * HOUR);
    pass(90_000);
    await manager.getConversation(id);
    expect(await alarmOf(id), "a touch moves the expiry on, and leaves the alarm alone").toBe(START + 900 + 47 * HOUR);
    await manager.appendMessages(id, [said("two")]);
    expect(await alarmOf(id)).toBe(Date.now() + 1000);
  });

  it("while the directory is away, a busy chat does not ask it every second", async () => {
    const { manager, directory } = openWorld();
    behind.directory = {
      ...directory,
      index: () => Promise.reject(new StoreUnavailableError("away")),
      record: () => Promise.reject(new StoreUnavailableError("away")),
    };
    const { id } = await manager.createConversation();
    await live(id, 1000);
    const next = await alarmOf(id);
    await manager.appendMessages(id, [said("one")]);
    expect(await alarmOf(id)).toBe(next);
    behind.directory = directory;
    await live(id, 2 * HOUR);
    expect((await manager.listConversations()).data).toMatchObject([{ id, messageCount: 1 }]);
  });

  it("what is said while the alarm is at work is no failure: with a life of under an hour its warning and the lists come a second later", async () => {
    const { manager, told } = openWorld();
    behind.options = { ...behind.options, ttlHours: 0.5 };
    const short = new ConversationManager(manager.stores, { ...behind.options });
    const { id } = await short.createConversation();
    await live(id, MINUTE);
    // A turn of the chat, between the alarm's warning and its end.
    const turn = (): Change => ({
      now: Date.now(),
      append: [{ key: "r:meanwhile", digest: null, body: JSON.stringify(said("meanwhile")), size: 40 }],
      activity: true,
      touch: { expiresAt: Date.now() + 60 * MINUTE },
    });
    let turns = 0;
    behind.wrap = (hot) => ({
      ...hot,
      async delivered(ns) {
        await hot.delivered(ns);
        if (turns++ === 0) await hot.commit(id, turn());
      },
    });
    await short.appendMessages(id, [said("one")]);
    pass(1000);
    await ring(id);
    expect(turns).toBeGreaterThan(0);
    expect((await alarmOf(id))! - Date.now()).toBeLessThanOrEqual(1000);
    await live(id, 1000);
    expect((await manager.listConversations()).data).toMatchObject([{ id, messageCount: 2 }]);
    await short.appendMessages(id, [said("two")]);
    await live(id, 1000);
    expect((await manager.listConversations()).data).toMatchObject([{ id, messageCount: 3 }]);
    expect(told.filter((type) => type === "expiring").length).toBeGreaterThan(1);
  });

  it("after a directory that was away for 25 seconds, lists have what was said meanwhile within 20", async () => {
    const { manager, directory } = openWorld();
    behind.directory = {
      ...directory,
      index: () => Promise.reject(new StoreUnavailableError("away")),
      record: () => Promise.reject(new StoreUnavailableError("away")),
    };
    const { id } = await manager.createConversation();
    await manager.appendMessages(id, [said("one")]);
    await live(id, 25_000);
    behind.directory = directory;
    await live(id, 20_000);
    expect((await manager.listConversations()).data).toMatchObject([{ id, messageCount: 1 }]);
  });

  it("idempotency entries end after a day, and leave their object", async () => {
    const { manager } = openWorld();
    const { id } = await manager.createConversation({}, { idempotencyKey: "create" });
    await manager.extendConversation(id, 100);
    const count = () => inside(id, ({ storage }) => [...storage.sql.exec("SELECT count(*) FROM once").raw()][0]![0]);
    await manager.appendMessages(id, [said("one")], { idempotencyKey: "k" });
    expect(await count()).toBe(2);
    await live(id, DAY);
    expect(await count()).toBe(0);
    expect((await manager.appendMessages(id, [said("one")], { idempotencyKey: "k" })).messageCount).toBe(2);
  });

  it("a request that is sent 20 times at once happens once, creation included", async () => {
    const { manager } = openWorld();
    const made = await Promise.all(
      Array.from({ length: 20 }, () => manager.createConversation({ messages: [said("hi")] }, { idempotencyKey: "one" })),
    );
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    const { id } = made[0]!;
    const sent = await Promise.all(Array.from({ length: 20 }, () => manager.appendMessages(id, [said("once")], { idempotencyKey: "two" })));
    expect(new Set(sent.map(({ messages }) => messages[0]!.seq))).toEqual(new Set([2]));
    expect((await manager.peekConversation(id))?.messageCount).toBe(2);
  });
});

describe("what an object stores", () => {
  it("a message of more than a row holds is refused as too large, and nothing of its batch is stored", async () => {
    const { manager, stores } = openWorld();
    const { id } = await manager.createConversation();
    const message = (bytes: number) => ({ key: `r:${bytes}`, digest: null, body: JSON.stringify("à".repeat(bytes / 2)), size: bytes });
    const largest = message(stores.hot.capabilities.maxMessageBytes - 2);
    expect((await stores.hot.commit(id, { now: START, append: [largest] })).outcome).toBe("done");
    for (const change of [
      { append: [message(10), message(2_000_000)] },
      { session: { context: "x".repeat(2_000_001) } },
      { metadata: { text: "✓".repeat(700_000) }, require: { version: 2 } },
    ]) {
      await expect(stores.hot.commit(id, { now: START, ...change })).rejects.toThrow(TooLargeError);
    }
    expect((await stores.hot.read(id, 0))?.head).toMatchObject({ version: 2, lastSeq: 1 });
  });

  it("a transcript of 16 MiB outside Latin-1 goes through one call, to its object and back", async () => {
    const { manager, stores } = openWorld();
    const { id } = await manager.createConversation();
    const whole = (await stores.hot.read(id, 0))!;
    const body = JSON.stringify(`${"a".repeat(260_000)} ✓`);
    const messages = Array.from({ length: 64 }, (_, i) => ({
      seq: i + 1,
      storedAt: START,
      key: `r:${i}`,
      digest: null,
      body,
      size: body.length,
    }));
    const head = { ...whole.head, lastSeq: 64, id: `${id.slice(0, -1)}S` };
    expect((await stores.hot.create({ head, messages })).outcome).toBe("done");
    expect(await stores.hot.read(head.id, Infinity)).toEqual({ head, messages });
    expect(await stores.hot.messages(head.id, { limit: 1000, order: "desc" })).toEqual(messages.toReversed());
    const append = messages.map(({ key, digest, body: text, size }) => ({ key: `${key} again`, digest, body: text, size }));
    const committed = await stores.hot.commit(head.id, { now: START, append, window: 64 });
    expect(committed).toMatchObject({ outcome: "done", head: { lastSeq: 128 } });
    expect((await stores.hot.messages(head.id, { after: 64, limit: 64, order: "asc" }))?.map(({ seq, body: text }) => [seq, text])).toEqual(
      append.map(({ body: text }, i) => [65 + i, text]),
    );
  });

  it("asking for what does not exist stores nothing", async () => {
    const { manager, stores } = openWorld();
    const id = "ITERA_20990125_143052_00000000_D";
    expect(await stores.hot.read(id, 10)).toBe(null);
    expect((await stores.hot.commit(id, { now: START, activity: true })).outcome).toBe("absent");
    expect(await stores.hot.remove(id, 1)).toBe(false);
    expect(await manager.stores.hot.heads([id])).toEqual([null]);
    expect(await leftIn(id)).toEqual([]);
    expect(await alarmOf(id)).toBe(null);
  });

  it("what was wiped is in no row any more, and what was erased leaves its object", async () => {
    const { manager, archive } = openWorld();
    const rows = (id: string) =>
      inside(id, ({ storage }) =>
        JSON.stringify(["head", "messages", "once", "outbox"].map((table) => [...storage.sql.exec(`SELECT * FROM ${table}`).raw()])),
      );
    const { id } = await manager.createConversation({ metadata: { note: "canary" }, messages: [said("canary")] });
    await manager.appendMessages(id, [said("canary")], { idempotencyKey: "k", state: { context: "canary" } });
    await manager.extendConversation(id, 24, "canary");
    expect(await rows(id)).toContain("canary");
    const { overwrittenBy } = await manager.eraseConversation(id, { reason: "asked" });
    expect(await rows(id)).not.toContain("canary");
    expect(Date.parse(overwrittenBy!) - Date.now()).toBe(30 * DAY);
    await live(id, DAY + MINUTE);
    expect(await leftIn(id)).toEqual([]);
    expect(await archive.erased(id)).toBe(true);
  });

  it("with no archive bound, what is over stays in its object", async () => {
    const { manager } = openWorld();
    Object.assign(behind, { archive: null });
    const { id } = await manager.createConversation({ messages: [said("kept")] });
    expect(await live(id, 400 * DAY)).toBeLessThan(8);
    expect((await manager.stores.hot.read(id, 10))?.head).toMatchObject({ status: "archived", lastSeq: 1 });
    expect(await alarmOf(id)).toBe(null);
  });
});

it("alarms go off by themselves, and the directory knows of a change about a second later", async () => {
  vi.useRealTimers();
  const { manager, directory } = openWorld();
  const { id } = await manager.createConversation();
  for (let i = 0; i < 100 && (await directory.list({ limit: 1 })).heads.length === 0; i++) await wait(100);
  expect((await directory.list({ limit: 1 })).heads[0]?.id).toBe(id);
  expect(behind.alarms).toBe(1);
  await runDurableObjectAlarm(namespace.getByName(id));
  await manager.eraseConversation(id);
});
