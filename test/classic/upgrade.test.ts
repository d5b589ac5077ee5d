// What older code has left in KV is served, resumed, continued and archived, and nothing of it is lost; and older code can still read ours.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ConversationStorageManager } from "../../src/classic/conversation-storage-manager.ts";
import { getOrCreateSession, saveSession } from "../../src/classic/sessions.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { DatabaseDouble } from "./database-double.ts";
import { KvDouble } from "./kv-double.ts";
import { CONTEXT, FILLERS, LEAD, SAID, type OlderRecords } from "./older-records.ts";

const HOUR = 3_600_000;

beforeEach(() => {
  vi.spyOn(console, "log").mockImplementation(() => {});
  vi.spyOn(console, "error").mockImplementation(() => {});
});

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(FILLERS)("a KV that was filled %s", (_how, fill) => {
  let kv: KvDouble;
  let db: DatabaseDouble;
  let ids: OlderRecords;
  let manager: ConversationStorageManager;
  let env: { CHAT_SESSIONS: KvDouble };

  beforeEach(async () => {
    kv = new KvDouble({ writeLimit: false });
    db = new DatabaseDouble();
    ids = await fill(kv, temporaryFolder());
    manager = new ConversationStorageManager(kv, db);
    env = { CHAT_SESSIONS: kv };
  });

  it("is served: each record as it is, alive, with an expiry and without a TTL from the first access on", async () => {
    for (const id of [ids.plain, ids.chat, ids.extended]) {
      const before = kv.peek(`conv:${id}`)!;
      expect(await manager.peekConversation(id)).toMatchObject({
        id,
        status: "active",
        created: before["created"],
        lastActivity: before["lastActivity"],
        messages: before["messages"],
        messageCount: (before["messages"] as unknown[]).length,
        metadata: before["metadata"],
        expiresAt: null,
        version: 0,
      });
      expect(kv.ttlOf(`conv:${id}`)).not.toBeNull();
      const { expiresAt } = (await manager.getConversation(id))!;
      expect(Date.parse(expiresAt!) - Date.now()).toBeGreaterThan(47 * HOUR);
      expect(kv.ttlOf(`conv:${id}`)).toBeNull();
    }
  });

  it("is resumed by the chatbot, with transcript, context, step and lead", async () => {
    const session = await getOrCreateSession(ids.chat, kv, env);
    expect(session).toMatchObject({ id: ids.chat, messages: SAID, context: CONTEXT, step: "contact", leadData: LEAD });
    session.messages.push({ role: "assistant", content: "Grazie" });
    session.context = { ...session.context, urgent: false };
    await saveSession(session, kv, env);
    expect(await getOrCreateSession(ids.chat, kv, env)).toMatchObject({
      messages: [...SAID, { role: "assistant", content: "Grazie" }],
      context: { topic: "printer", urgent: false },
      leadData: LEAD,
    });
  });

  it("a bare session is adopted once, with everything in it", async () => {
    const session = await getOrCreateSession(ids.bare, kv, env);
    expect(session).toMatchObject({ messages: SAID, context: CONTEXT, step: "contact", leadData: LEAD });
    expect(session.id).toMatch(/^ITERA_/);
    expect((await getOrCreateSession(ids.bare, kv, env)).id).toBe(session.id);
    expect(await manager.peekConversation(session.id)).toMatchObject({
      metadata: { source: "chatbot_widget_recovery", originalSessionId: ids.bare },
    });
  });

  it("is archived with nothing lost, and comes back from there", async () => {
    const before = kv.peek(`conv:${ids.chat}`)!;
    await manager.archiveConversation(ids.chat, "resolved");
    expect(kv.peek(`conv:${ids.chat}`)).toBeUndefined();
    expect(db.rows.get(ids.chat)).toMatchObject({
      created: new Date(before["created"] as string),
      last_activity: new Date(before["lastActivity"] as string),
      status: "archived",
      message_count: 3,
      metadata: before["metadata"],
      messages: SAID,
      archive_reason: "resolved",
    });
    expect((await manager.appendMessages(ids.chat, [{ role: "user", content: "ancora io" }])).messageCount).toBe(4);
    expect(await manager.peekConversation(ids.chat)).toMatchObject({ status: "active", metadata: before["metadata"] });
  });
});

describe("records of all sorts", () => {
  const ID = "ITERA_20250125_143052_A7B9X2M8P4Q1_P";
  const read = async (record: unknown) => {
    const kv = new KvDouble();
    kv.fill(`conv:${ID}`, record);
    return new ConversationStorageManager(kv).peekConversation(ID);
  };

  it("what is missing is the ID's time, or nothing", async () => {
    expect(await read({})).toEqual({
      id: ID,
      created: "2025-01-25T14:30:52.000Z",
      lastActivity: "2025-01-25T14:30:52.000Z",
      lastAccess: null,
      expiresAt: null,
      status: "active",
      messageCount: 0,
      metadata: {},
      messages: [],
      version: 0,
    });
    expect(await read({ created: "2025-01-26T00:00:00.000Z" })).toMatchObject({ lastActivity: "2025-01-26T00:00:00.000Z" });
  });

  it("what cannot be is as if it were missing, and the key says whose record it is", async () => {
    const odd = {
      id: "forged",
      created: "yesterday",
      lastActivity: {},
      status: "odd",
      messages: "none",
      metadata: [],
      version: "x",
      messageCount: 7,
      more: 1,
    };
    expect(await read(odd)).toMatchObject({
      id: ID,
      created: "2025-01-25T14:30:52.000Z",
      status: "active",
      messageCount: 0,
      messages: [],
      metadata: {},
      version: 0,
    });
    expect(await read({ lastActivity: 1737900000000 })).toMatchObject({ lastActivity: "2025-01-26T14:00:00.000Z" });
  });

  it("fields that callers had set stay in the record until it is wiped", async () => {
    const kv = new KvDouble({ writeLimit: false });
    kv.fill(`conv:${ID}`, { id: ID, ticket: "T-42", __proto__x: 1 });
    const manager = new ConversationStorageManager(kv);
    await manager.appendMessages(ID, [{ role: "user", content: "one" }]);
    expect(kv.peek(`conv:${ID}`)).toMatchObject({ ticket: "T-42", messageCount: 1 });
    await manager.archiveConversation(ID, "manual", { preserveData: false });
    expect(kv.peek(`conv:${ID}`)).not.toHaveProperty("ticket");
  });

  it("older code that writes a record of ours back, with messages of its own, loses and breaks nothing", async () => {
    const kv = new KvDouble({ writeLimit: false });
    const manager = new ConversationStorageManager(kv);
    const { id } = await manager.createConversation({ metadata: { source: "shop" } });
    await manager.appendMessages(id, [{ id: "m1", content: "one" }], { state: { step: "b", context: { a: 1 }, leadData: {} } });
    const record = kv.peek(`conv:${id}`)!;
    expect(record).toMatchObject({
      status: "active",
      messageCount: 1,
      messages: [{ id: "m1", content: "one" }],
      metadata: { source: "shop", context: { a: 1 } },
    });
    kv.fill(`conv:${id}`, {
      ...record,
      messages: [{ id: "m0", content: "zero" }, ...(record["messages"] as object[])],
      messageCount: 2,
      lastActivity: new Date().toISOString(),
    });
    expect((await manager.peekConversation(id))?.messages.map(({ content }) => content)).toEqual(["zero", "one"]);
    await manager.appendMessages(id, [{ content: "two" }]);
    expect((await manager.peekConversation(id))?.messages.map(({ content }) => content)).toEqual(["zero", "one", "two"]);
  });
});
