// A test file as older code has it, with jest's globals and the older module paths; `run-older-tests.ts` runs it.

import ConversationIDGenerator from "../src/utils/conversation-id-generator.js";
import ConversationStorageManager from "../src/storage/conversation-storage-manager.js";

const ANY_ID = /^ITERA_\d{8}_\d{6}_[A-Z0-9]{12}_[PSD]$/;
const KNOWN = "ITERA_20250125_143052_A7B9X2M8P4Q1_P";

describe("IDs", () => {
  test("a generated ID has the form and validates", () => {
    const id = ConversationIDGenerator.generate("P");
    expect(id).toHaveLength(36);
    expect(id).toMatch(/^ITERA_\d{8}_\d{6}_[A-Z0-9]{12}_P$/);
    expect(ConversationIDGenerator.validate(id)).toBe(true);
  });

  test("a thousand IDs are a thousand", () => {
    const ids = Array.from({ length: 1000 }, () => ConversationIDGenerator.generate("P"));
    expect(new Set(ids).size).toBe(1000);
  });

  test("an ID is taken apart", () => {
    const parts = ConversationIDGenerator.parse(KNOWN);
    expect(parts).toMatchObject({ prefix: "ITERA", date: "20250125", time: "143052", random: "A7B9X2M8P4Q1", environment: "P" });
    expect(parts.timestamp).toBeInstanceOf(Date);
  });

  test.each([
    "INVALID_FORMAT",
    "ITERA_20250125_143052_SHORT_P",
    "ITERA_20250125_143052_A7B9X2M8P4Q1_X",
    "ITERA_2025125_143052_A7B9X2M8P4Q1_P",
  ])("%s is refused", (id) => {
    expect(ConversationIDGenerator.validate(id)).toBe(false);
    expect(() => ConversationIDGenerator.parse(id)).toThrow("Invalid conversation ID format");
  });
});

describe("storage over mocks", () => {
  let kv;
  let db;
  let storage;

  beforeEach(() => {
    kv = { get: jest.fn(), put: jest.fn(), delete: jest.fn() };
    db = { query: jest.fn() };
    storage = new ConversationStorageManager(kv, db, "test");
  });

  test("creating puts into KV", async () => {
    kv.put.mockResolvedValue();
    const conversation = await storage.createConversation({ metadata: { source: "test" } });
    expect(conversation.id).toMatch(ANY_ID);
    expect(conversation.status).toBe("active");
    expect(conversation.metadata.source).toBe("test");
    expect(kv.put).toHaveBeenCalled();
  });

  test("reading for the first time puts once", async () => {
    kv.get.mockResolvedValue(JSON.stringify({ id: KNOWN, status: "active", created: new Date().toISOString() }));
    kv.put.mockResolvedValue();
    const conversation = await storage.getConversation(KNOWN);
    expect(conversation.id).toBe(KNOWN);
    expect(conversation.lastAccess).toBeDefined();
    expect(kv.put).toHaveBeenCalledTimes(1);
  });

  test("archiving asks the database and deletes from KV", async () => {
    kv.get.mockResolvedValue(JSON.stringify({ id: KNOWN, status: "active" }));
    kv.delete.mockResolvedValue();
    db.query.mockResolvedValue({ rows: [] });
    const archived = await storage.archiveConversation(KNOWN, "completed");
    expect(archived.status).toBe("archived");
    expect(archived.archivedAt).toBeDefined();
    expect(archived.archiveReason).toBe("completed");
    expect(kv.delete).toHaveBeenCalled();
    expect(db.query).toHaveBeenCalled();
  });
});
