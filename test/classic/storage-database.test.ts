// The manager over a plain KV and a plain database: what goes where, in which order, and what comes back.

import { beforeEach, describe, expect, it, vi } from "vitest";
import ConversationStorageManager from "../../src/classic/conversation-storage-manager.ts";
import { ConflictError, GoneError, StoreUnavailableError } from "../../src/core/errors.ts";
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

describe("with a database", () => {
  async function archived(manager: Recording): Promise<string> {
    const { id } = await manager.createConversation({ metadata: { source: "shop", step: "done" }, messages: [said("one")] });
    now += 2000;
    await manager.archiveConversation(id, "resolved");
    return id;
  }

  it("archiving is one get, one upsert of nine columns, one delete, in this order", async () => {
    const manager = over(kv, db);
    const { id } = await manager.createConversation({ metadata: { source: "shop" }, messages: [said("one")] });
    now += 2000;
    const order: string[] = [];
    vi.spyOn(kv, "delete").mockImplementation(async () => void order.push("delete"));
    db.onQuery = (text) => void order.push(text.trim().slice(0, 6));
    const result = await manager.archiveConversation(id, "resolved");
    expect(result).toMatchObject({ status: "archived", archiveReason: "resolved", archivedAt: new Date(now).toISOString() });
    expect(order).toEqual(["INSERT", "delete"]);
    expect(kv.reads).toHaveLength(1);
    expect(db.queries[0]!.values).toEqual([
      id,
      "2025-01-25T14:30:52.000Z",
      "2025-01-25T14:30:52.000Z",
      "archived",
      1,
      '{"source":"shop"}',
      '[{"role":"user","content":"one"}]',
      new Date(now).toISOString(),
      "resolved",
    ]);
  });

  it("a database that fails leaves the conversation where it was", async () => {
    const manager = over(kv, db);
    const { id } = await manager.createConversation({ messages: [said("one")] });
    db.down = new Error("connection refused");
    await expect(manager.archiveConversation(id)).rejects.toThrow(StoreUnavailableError);
    expect(kv.peek(`conv:${id}`)).toMatchObject({ status: "active", messageCount: 1 });
    db.down = null;
    now += 2000;
    expect(await manager.archiveConversation(id)).toMatchObject({ status: "archived" });
    expect(manager.log).toEqual(["created", "archived"]);
  });

  it("a KV that does not let go after the upsert fails the call, and repeating it ends well with one row", async () => {
    const manager = over(kv, db);
    const { id } = await manager.createConversation({ messages: [said("one")] });
    now += 2000;
    const stuck = vi.spyOn(kv, "delete").mockRejectedValue(new Error("KV DELETE failed: 500"));
    await expect(manager.archiveConversation(id, "resolved")).rejects.toThrow(StoreUnavailableError);
    stuck.mockRestore();
    expect(await manager.archiveConversation(id, "resolved")).toMatchObject({ status: "archived", messages: [said("one")] });
    expect(kv.keys()).toEqual([]);
    expect(db.rows.size).toBe(1);
  });

  it("live conversations are never asked for in the database", async () => {
    const manager = over(kv, db);
    const { id } = await manager.createConversation();
    now += 2000;
    await manager.getConversation(id);
    now += 2000;
    await manager.appendMessages(id, [said("one")]);
    now += 2000;
    await manager.extendConversation(id, 48);
    await manager.listMessages(id);
    expect(db.queries).toEqual([]);
  });

  it("archived and read within two hours: one select, a copy in KV that ends with them, and the event", async () => {
    const manager = over(kv, db);
    const id = await archived(manager);
    now += HOUR;
    expect(await manager.getConversation(id)).toMatchObject({ status: "archived", messages: [said("one")] });
    expect(db.selects()).toBe(1);
    expect(kv.peek(`conv:${id}`)).toMatchObject({ status: "archived" });
    // Two hours from the last activity, of which one and two seconds have passed.
    expect(kv.ttlOf(`conv:${id}`)).toBe(3598);
    expect(manager.log).toEqual(["created", "archived", "reactivated"]);
    now += 10_000;
    await manager.getConversation(id);
    expect(db.selects()).toBe(1);
    now += HOUR;
    expect(await manager.getConversation(id)).toMatchObject({ status: "archived" });
    expect(kv.keys()).toEqual([]);
    expect(manager.log).toEqual(["created", "archived", "reactivated"]);
  });

  it("peeking at an archived one writes nothing", async () => {
    const manager = over(kv, db);
    const id = await archived(manager);
    const writes = kv.writes.length;
    expect(await manager.peekConversation(id, { messages: 1 })).toMatchObject({ status: "archived", messages: [said("one")] });
    expect(kv.writes).toHaveLength(writes);
    expect(manager.log).toEqual(["created", "archived"]);
  });

  it("a copy is never asked for less than a minute, and nothing keeps a reader from an archived one", async () => {
    const manager = over(kv, db);
    const id = await archived(manager);
    now = START + 2 * HOUR - 1000;
    await manager.getConversation(id);
    expect(kv.ttlOf(`conv:${id}`)).toBe(60);
    now += 61_000;
    const errors = vi.spyOn(console, "error").mockImplementation(() => {});
    kv.put = () => Promise.reject(new Error("KV PUT failed: 500"));
    expect(await manager.getConversation(id)).toMatchObject({ status: "archived" });
    errors.mockRestore();
  });

  it("coming back with a change is one get, one select and one put, without a TTL", async () => {
    for (const change of [
      (manager: Recording, id: string) => manager.appendMessages(id, [said("two")], { window: 10 }),
      (manager: Recording, id: string) => manager.updateConversation(id, { metadata: { topic: "x" } }),
      (manager: Recording, id: string) => manager.extendConversation(id, 48),
      (manager: Recording, id: string) => manager.reopenConversation(id),
    ]) {
      const manager = over(kv, db);
      const id = await archived(manager);
      now += 5 * 24 * HOUR;
      const [reads, writes, selects] = [kv.reads.length, kv.writes.length, db.selects()];
      await change(manager, id);
      expect([kv.reads.length - reads, kv.writes.length - writes, db.selects() - selects]).toEqual([1, 1, 1]);
      expect(kv.peek(`conv:${id}`)).toMatchObject({ status: "active", metadata: { source: "shop", step: "done" } });
      expect(kv.peek(`conv:${id}`)).not.toHaveProperty("archivedAt");
      expect(kv.ttlOf(`conv:${id}`)).toBeNull();
      expect(manager.log.slice(2, 3)).toEqual(["reactivated"]);
    }
  });

  it("a copy that is written to becomes a live conversation, without a TTL", async () => {
    const manager = over(kv, db);
    const id = await archived(manager);
    now += 10 * MINUTE;
    await manager.getConversation(id);
    now += 2000;
    await manager.appendMessages(id, [said("two")]);
    expect(kv.ttlOf(`conv:${id}`)).toBeNull();
    now += 3 * HOUR;
    expect(await manager.getConversation(id)).toMatchObject({ status: "active", messages: [said("one"), said("two")] });
  });

  it("a write on an expired one archives it first: one get, one upsert, one put, and no delete before it", async () => {
    const manager = over(kv, db);
    const { id } = await manager.createConversation({ messages: [said("one")] });
    now += 30 * HOUR;
    const writes = kv.writes.length;
    await manager.appendMessages(id, [said("two")]);
    expect(kv.writes.slice(writes)).toEqual([{ what: "put", key: `conv:${id}`, ttl: null }]);
    expect(db.queries).toHaveLength(1);
    expect(manager.log).toEqual(["created", "archived", "reactivated", "updated"]);
    expect(kv.peek(`conv:${id}`)).toMatchObject({ status: "active", messages: [said("one"), said("two")] });
  });

  it("a verb that is refused after it found an expired one leaves it archived in the database alone", async () => {
    const manager = over(kv, db);
    const { id } = await manager.createConversation({ messages: [said("one")] });
    now += 30 * HOUR;
    await expect(manager.completeConversation(id)).rejects.toThrow(ConflictError);
    expect(kv.keys()).toEqual([]);
    expect(db.rows.get(id)).toMatchObject({ status: "archived", archive_reason: "expired" });
  });

  it("20 appends at once on an archived one bring it back once, with all of them", async () => {
    const manager = over(kv, db);
    const id = await archived(manager);
    now += 5 * HOUR;
    await Promise.all(Array.from({ length: 20 }, (_, i) => manager.appendMessages(id, [said(`by ${i}`)])));
    expect(await manager.peekConversation(id)).toMatchObject({ messageCount: 21 });
    expect(manager.log.filter((event) => event === "reactivated")).toHaveLength(1);
    expect(db.selects()).toBe(1);
  });

  it("the same where KV goes on saying for a minute that it is not there", async () => {
    const manager = new Recording(kv.view({ ownToo: true }), db, "production", { clock, sleep });
    const id = await archived(manager);
    now += 5 * HOUR;
    for (let i = 0; i < 5; i++) await manager.appendMessages(id, [said(`by ${i}`)]);
    expect(await manager.peekConversation(id)).toMatchObject({ messageCount: 6, status: "active" });
  });

  it("the same where KV goes on showing what was archived", async () => {
    const manager = new Recording(kv.view({ ownToo: true }), db, "production", { clock, sleep });
    const { id } = await manager.createConversation({ messages: [said("one")] });
    now += 2000;
    await manager.peekConversation(id);
    await manager.archiveConversation(id, "resolved");
    expect(await manager.peekConversation(id)).toMatchObject({ status: "archived" });
    now += 2000;
    await manager.appendMessages(id, [said("two")]);
    now += 2000;
    expect(await manager.peekConversation(id)).toMatchObject({ status: "active", messages: [said("one"), said("two")] });
  });

  it("a late retry of a message with an id is known as one, also after the archive", async () => {
    const manager = over(kv, db);
    const { id } = await manager.createConversation();
    now += 2000;
    await manager.appendMessages(id, [{ id: "m1", ...said("hello") }, said("more")]);
    now += 2000;
    await manager.archiveConversation(id);
    now += 5 * HOUR;
    expect(await manager.appendMessages(id, [{ id: "m1", ...said("hello") }])).toMatchObject({ messageCount: 2 });
    // A repeat alone brings nothing back.
    expect(kv.keys()).toEqual([]);
    expect((await manager.appendMessages(id, [{ id: "m1", ...said("hello") }, said("new")])).messages.map(({ seq }) => seq)).toEqual([
      1, 3,
    ]);
  });

  it("what is on hold stays in KV, where the hold is known", async () => {
    const manager = over(kv, db);
    const { id } = await manager.createConversation();
    now += 2000;
    await manager.hold(id, "court order");
    now += 2000;
    await manager.archiveConversation(id);
    await expect(manager.archiveConversation(id, "manual", { preserveData: false })).rejects.toThrow(ConflictError);
    expect(kv.keys()).toEqual([`conv:${id}`]);
    now += 2000;
    await manager.release(id, "case closed");
    expect(kv.keys()).toEqual([]);
    expect(db.rows.get(id)).toMatchObject({ status: "archived" });
    now += 2000;
    await manager.hold(id, "another order");
    await expect(manager.eraseConversation(id)).rejects.toThrow(ConflictError);
  });

  it("wiping and erasing reach the row before the answer, whether it is live, archived, or both", async () => {
    const manager = over(kv, db);
    for (const place of ["live", "archived", "copied", "returned"]) {
      for (const verb of ["wipe", "erase"]) {
        const { id } = await manager.createConversation({ metadata: { note: "canary" }, messages: [said("canary")] });
        if (place !== "live") await manager.archiveConversation(id);
        if (place === "copied") await manager.getConversation(id);
        if (place === "returned") await manager.reopenConversation(id);
        const receipt =
          verb === "wipe"
            ? (await manager.archiveConversation(id, "manual", { preserveData: false })).receipt
            : await manager.eraseConversation(id);
        expect(receipt, `${verb} ${place}`).toMatchObject({
          removed: { hot: place === "archived" ? 0 : 1, archive: place === "live" ? 0 : 1 },
        });
        expect(JSON.stringify(db.rows.get(id)), `${verb} ${place}`).not.toContain("canary");
        expect(JSON.stringify(kv.peek(`conv:${id}`) ?? null), `${verb} ${place}`).not.toContain("canary");
        await expect(manager.appendMessages(id, [said("late")])).rejects.toThrow(verb === "wipe" ? ConflictError : GoneError);
      }
    }
  });

  it("an erased one is gone even when KV has forgotten it", async () => {
    const manager = over(kv, db);
    const id = await archived(manager);
    await manager.eraseConversation(id);
    const elsewhere = new Recording(new KvDouble({ clock }), db, "production", { clock, sleep });
    await expect(elsewhere.getConversation(id)).rejects.toThrow(GoneError);
  });

  it("rows are read with JSON as text or as objects, and times as text or as Date", async () => {
    const id = "ITERA_20250101_101112_A7B9X2M8P4Q1_P";
    const row = { id, status: "archived", message_count: 1, archive_reason: "manual" };
    const asText = {
      created: "2025-01-01 10:11:12.5+00",
      last_activity: "2025-01-01T11:11:12.000Z",
      archived_at: "2025-01-01 12:00:00+01",
    };
    const asDate = Object.fromEntries(Object.entries(asText).map(([name, text]) => [name, new Date(text)]));
    const content = { metadata: { source: "old", context: { a: 1 } }, messages: [said("one")] };
    const answers = [];
    for (const times of [asText, asDate]) {
      for (const json of [content, { metadata: JSON.stringify(content.metadata), messages: JSON.stringify(content.messages) }]) {
        db.rows.set(id, { ...row, ...times, ...json });
        answers.push(await over(kv, db).peekConversation(id));
      }
    }
    expect(answers[0]).toMatchObject({
      created: "2025-01-01T10:11:12.500Z",
      lastActivity: "2025-01-01T11:11:12.000Z",
      archivedAt: "2025-01-01T11:00:00.000Z",
      archiveReason: "manual",
      metadata: content.metadata,
      messages: content.messages,
      messageCount: 1,
      version: 0,
    });
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });

  it("a database that answers nothing at all has taken what it was given, and has nothing", async () => {
    const mute = { query: async () => undefined };
    const manager = new Recording(kv, mute, "production", { clock, sleep });
    const { id } = await manager.createConversation();
    now += 2000;
    expect(await manager.archiveConversation(id)).toMatchObject({ status: "archived" });
    expect(await manager.getConversation("ITERA_20250101_101112_A7B9X2M8P4Q1_P")).toBeNull();
  });
});
