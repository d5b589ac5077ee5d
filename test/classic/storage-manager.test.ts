// The manager over a plain KV: what it writes, how often, and what it leaves alone.

import { beforeEach, describe, expect, it, vi } from "vitest";
import ConversationStorageManager from "../../src/classic/conversation-storage-manager.ts";
import {
  ConflictError,
  GoneError,
  InvalidInputError,
  NotSupportedError,
  StoredDataError,
  StoreUnavailableError,
} from "../../src/core/errors.ts";
import { DatabaseDouble } from "./database-double.ts";
import { KvDouble } from "./kv-double.ts";

const START = Date.parse("2025-01-25T14:30:52.000Z");
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let now = START;
const clock = (): number => now;
const sleep = async (ms: number): Promise<void> => {
  now += ms;
};

/** Remembers its events instead of printing them. */
class Recording extends ConversationStorageManager {
  readonly log: string[] = [];
  override logConversationEvent(_id: string, event: string): void {
    this.log.push(event);
  }
}

function over(kv: KvDouble, db: DatabaseDouble | null = null): Recording {
  return new Recording(kv, db, "production", { clock, sleep });
}

let kv: KvDouble;
let db: DatabaseDouble;

beforeEach(() => {
  now = START;
  kv = new KvDouble({ clock });
  db = new DatabaseDouble();
});

const said = (content: string) => ({ role: "user", content });

describe("in KV", () => {
  it("a new conversation is one put without a TTL under its own key, and nothing is read", async () => {
    const { id } = await over(kv).createConversation({ metadata: { source: "shop" } });
    expect(id).toMatch(/_P$/);
    expect(kv.reads).toEqual([]);
    expect(kv.writes).toEqual([{ what: "put", key: `conv:${id}`, ttl: null }]);
    expect(kv.peek(`conv:${id}`)).toMatchObject({
      id,
      created: "2025-01-25T14:30:52.000Z",
      lastActivity: "2025-01-25T14:30:52.000Z",
      status: "active",
      messageCount: 0,
      metadata: { source: "shop" },
      messages: [],
    });
  });

  it("a read is one get, and a touch at most once a minute", async () => {
    const manager = over(kv);
    const { id } = await manager.createConversation();
    now += MINUTE + 1;
    for (let i = 0; i < 5; i++) {
      now += 10_000;
      expect((await manager.getConversation(id))?.id).toBe(id);
    }
    expect(kv.reads).toHaveLength(5);
    expect(kv.writes).toHaveLength(2);
  });

  it("a touch within a second of a write is dropped", async () => {
    const manager = over(kv);
    const { id } = await manager.createConversation();
    now += 500;
    expect(await manager.getConversation(id)).toMatchObject({ lastAccess: null });
    expect(kv.writes).toHaveLength(1);
    now += 501;
    expect(await manager.getConversation(id)).toMatchObject({ lastAccess: new Date(now).toISOString() });
    expect(kv.writes).toHaveLength(2);
    expect(kv.refused).toBe(0);
  });

  it("appending, updating, completing and extending are one get and one put each", async () => {
    const manager = over(kv);
    const { id } = await manager.createConversation();
    const verbs = [
      () => manager.appendMessages(id, [said("one"), said("two")], { state: { step: "b", context: {}, leadData: {} }, window: 5 }),
      () => manager.appendMessages(id, [said("three")], { state: { step: "c" } }),
      () => manager.updateConversation(id, { metadata: { topic: "printer" } }),
      () => manager.updateConversation(id, { messages: ["one", "two", "three", "four"].map(said) }),
      () => manager.completeConversation(id),
      () => manager.reopenConversation(id),
      () => manager.extendConversation(id, 48, "complex_issue"),
    ];
    for (const verb of verbs) {
      now += 2000;
      const [reads, writes] = [kv.reads.length, kv.writes.length];
      await verb();
      expect(kv.reads.length - reads, verb.toString()).toBe(1);
      expect(kv.writes.length - writes, verb.toString()).toBe(1);
    }
    expect(await manager.peekConversation(id)).toMatchObject({
      messageCount: 4,
      status: "active",
      metadata: { topic: "printer", step: "c", context: {}, leadData: {} },
    });
    expect(kv.writes.every(({ ttl }) => ttl === null)).toBe(true);
  });

  it("a put that is refused for coming too soon is tried again after a second", async () => {
    const manager = over(kv);
    const { id } = await manager.createConversation();
    await manager.appendMessages(id, [said("at once")]);
    expect(kv.refused).toBe(1);
    expect(now - START).toBeGreaterThanOrEqual(1000);
    expect((await manager.peekConversation(id))?.messages).toEqual([said("at once")]);
  });

  it("a put that is refused for ever, or fails in another way, is a store that is unavailable", async () => {
    const manager = over(kv);
    const { id } = await manager.createConversation();
    const refusal = vi.spyOn(kv, "put").mockRejectedValue(new Error("KV PUT failed: 429 Too Many Requests"));
    await expect(manager.appendMessages(id, [said("never")])).rejects.toThrow(StoreUnavailableError);
    expect(refusal).toHaveBeenCalledTimes(5);
    refusal.mockReset().mockRejectedValue(new Error("KV PUT failed: 500 Internal Server Error"));
    await expect(manager.appendMessages(id, [said("never")])).rejects.toThrow(StoreUnavailableError);
    expect(refusal).toHaveBeenCalledTimes(1);
    refusal.mockRestore();
    expect((await manager.peekConversation(id))?.messages).toEqual([]);
  });

  it("a store that takes no touch keeps nobody from reading", async () => {
    const manager = over(kv);
    const { id } = await manager.createConversation();
    now += HOUR;
    vi.spyOn(kv, "put").mockRejectedValue(new Error("KV PUT failed: 500"));
    const errors = vi.spyOn(console, "error").mockImplementation(() => {});
    expect(await manager.getConversation(id)).toMatchObject({ id });
    expect(errors).toHaveBeenCalledOnce();
    errors.mockRestore();
  });

  it("50 appends at once in one process are all there, each once, in one order", async () => {
    const manager = over(kv);
    const other = over(kv);
    const { id } = await manager.createConversation();
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, i) => (i % 2 ? manager : other).appendMessages(id, [said(`by ${i}`)], { window: 1000 })),
    );
    const conversation = await manager.peekConversation(id);
    expect(conversation?.messageCount).toBe(50);
    expect(new Set(conversation?.messages.map(({ content }) => content)).size).toBe(50);
    for (const { window, messageCount } of results) expect(window).toEqual(conversation?.messages.slice(0, messageCount));
  });

  it("a process sees its own writes even where KV answers what was there before", async () => {
    const stale = kv.view({ ownToo: true });
    const manager = new Recording(stale, null, "production", { clock, sleep });
    const { id } = await manager.createConversation();
    for (const content of ["one", "two", "three"]) {
      now += 5000;
      await manager.appendMessages(id, [said(content)]);
    }
    expect((await manager.peekConversation(id))?.messages).toEqual(["one", "two", "three"].map(said));
    expect(kv.peek(`conv:${id}`)).toMatchObject({ messageCount: 3 });
  });

  it("between processes the last writer wins, as the capabilities say", async () => {
    const [here, there] = [new Recording(kv.view(), null, "P", { clock, sleep }), new Recording(kv.view(), null, "P", { clock, sleep })];
    const { id } = await here.createConversation();
    now += 2000;
    await there.appendMessages(id, [said("there")]);
    await here.appendMessages(id, [said("here")]);
    expect(here.stores.hot.capabilities.atomic).toBe(false);
    expect(kv.peek(`conv:${id}`)?.["messages"]).toEqual([said("here")]);
  });

  it("a message with the id of one that is there adds nothing; with other content it is a conflict", async () => {
    const manager = over(kv);
    const { id } = await manager.createConversation();
    await manager.appendMessages(id, [{ id: "m1", ...said("hello") }]);
    const writes = kv.writes.length;
    const again = await manager.appendMessages(id, [{ id: "m1", ...said("hello") }]);
    expect(again.messageCount).toBe(1);
    expect(kv.writes).toHaveLength(writes);
    await expect(manager.appendMessages(id, [{ id: "m1", ...said("other") }])).rejects.toThrow(ConflictError);
  });

  it("what has expired is archived by the read that finds it, and stays in KV where there is no database", async () => {
    const manager = over(kv);
    const { id } = await manager.createConversation();
    now += 25 * HOUR;
    expect(await manager.getConversation(id)).toMatchObject({ status: "archived", archiveReason: "expired" });
    expect(kv.peek(`conv:${id}`)).toMatchObject({ status: "archived", archiveReason: "expired" });
    expect(kv.ttlOf(`conv:${id}`)).toBeNull();
    now += 2000;
    expect(await manager.appendMessages(id, [said("back")])).toMatchObject({ messageCount: 1 });
    expect(await manager.peekConversation(id)).toMatchObject({ status: "active" });
    expect(manager.log).toEqual(["created", "archived", "reactivated", "updated"]);
  });

  it("a wiped one leaves its skeleton, and an erased one its tombstone", async () => {
    const manager = over(kv);
    const { id } = await manager.createConversation({
      metadata: { source: "shop", email: "canary@example.com" },
      messages: [said("canary")],
    });
    now += 2000;
    const wiped = await manager.archiveConversation(id, "manual", { preserveData: false });
    expect(wiped.receipt).toMatchObject({ action: "wiped", removed: { hot: 1, archive: 0 } });
    expect(await manager.getConversation(id)).toMatchObject({ status: "archived", messageCount: 1, metadata: {}, messages: [] });
    await expect(manager.appendMessages(id, [said("more")])).rejects.toThrow("Conversation was wiped");
    now += 2000;
    expect(await manager.eraseConversation(id)).toMatchObject({ action: "erased" });
    await expect(manager.getConversation(id)).rejects.toThrow(GoneError);
    expect(JSON.stringify(kv.peek(`conv:${id}`))).not.toContain("canary");
  });

  it("lists, search, analytics, sweeps and idempotency keys are not supported", async () => {
    const manager = over(kv, db);
    const { id } = await manager.createConversation();
    const cannot = [
      () => manager.listConversations(),
      () => manager.events(id),
      () => manager.analytics(),
      () => manager.sweep(),
      () => manager.sweep({ dryRun: true }),
      () => manager.purge(),
      () => manager.eraseSubject({ key: "email", value: "a@example.com" }),
      () => manager.createConversation({}, { idempotencyKey: "k" }),
      () => manager.appendMessages(id, [said("x")], { idempotencyKey: "k" }),
      () => manager.exportConversations().next(),
    ];
    for (const attempt of cannot) await expect(attempt()).rejects.toThrow(NotSupportedError);
    expect(await manager.deliver()).toBe(0);
  });

  it("a value that is no record is a clear error of that conversation alone", async () => {
    const manager = over(kv);
    const { id } = await manager.createConversation();
    const { id: other } = await manager.createConversation();
    kv.fill(`conv:${id}`, "{broken");
    await expect(manager.getConversation(id)).rejects.toThrow(StoredDataError);
    expect(await manager.peekConversation(other)).toMatchObject({ id: other });
  });

  it("a conversation larger than a value can be is refused, and what is there stays", async () => {
    const manager = new Recording(kv, null, "P", { clock, sleep, limits: { messageBytes: 2 ** 25, conversationBytes: 2 ** 26 } });
    const { id } = await manager.createConversation({ messages: [said("small")] });
    await expect(manager.appendMessages(id, [said("x".repeat(26 * 1024 * 1024))])).rejects.toMatchObject({ status: 413 });
    expect((await manager.peekConversation(id))?.messages).toEqual([said("small")]);
  });

  it("what is no KV or no database is refused at once, and so is a session's without one of their methods", () => {
    expect(() => new ConversationStorageManager(undefined as never)).toThrow(InvalidInputError);
    expect(() => new ConversationStorageManager({ get() {}, put() {} } as never)).toThrow("delete");
    expect(() => new ConversationStorageManager(kv, {} as never)).toThrow("query");
  });
});

describe("events", () => {
  it("each is one line, through a method that can be overridden", async () => {
    const lines: unknown[][] = [];
    const print = vi.spyOn(console, "log").mockImplementation((...args) => void lines.push(args));
    const manager = new ConversationStorageManager(kv, db, "staging", { clock, sleep });
    const { id } = await manager.createConversation({ metadata: { source: "shop" } });
    await manager.appendMessages(id, [said("one")]);
    await manager.extendConversation(id, 48, "line\nbreak");
    await manager.archiveConversation(id, "resolved");
    print.mockRestore();
    expect(id).toMatch(/_S$/);
    expect(lines).toEqual([
      [`[CONVERSATION] CREATED: ${id} {"source":"shop"}`],
      [`[CONVERSATION] UPDATED: ${id} {}`],
      [`[CONVERSATION] EXTENDED: ${id} {"hours":48,"reason":"line\\nbreak"}`],
      [`[CONVERSATION] ARCHIVED: ${id} {"reason":"resolved"}`],
    ]);
  });

  it("an override that throws does not undo what was stored", async () => {
    class Failing extends ConversationStorageManager {
      override logConversationEvent(): void {
        throw new Error("log is full");
      }
    }
    const errors = vi.spyOn(console, "error").mockImplementation(() => {});
    const { id } = await new Failing(kv, null, "P", { clock, sleep }).createConversation();
    expect(kv.keys()).toEqual([`conv:${id}`]);
    expect(errors).toHaveBeenCalledOnce();
    errors.mockRestore();
  });
});
