import { describe, expect, it } from "vitest";
import { isoTime, joinMetadata, originOf, splitMetadata, toConversation, toDirectoryEntry, toMessage } from "./conversation.ts";
import type { Head, StoredMessage } from "./head.ts";
import type { JsonObject } from "./json.ts";

const CREATED = Date.parse("2025-01-25T14:30:52.000Z");

function head(fields: Partial<Head> = {}): Head {
  return {
    id: "ITERA_20250125_143052_A7B9X2M8P4Q1_P",
    status: "active",
    source: "api",
    environment: "P",
    incarnation: "x",
    version: 3,
    revision: 2,
    lastSeq: 4,
    bytes: 99,
    created: CREATED,
    lastActivity: CREATED + 1,
    lastAccess: CREATED + 2,
    expiresAt: CREATED + 3,
    completedAt: null,
    archivedAt: null,
    archiveReason: null,
    wiped: false,
    warnedFor: CREATED,
    hold: true,
    tokenEpoch: 7,
    keyring: "secret",
    subjects: ["hash"],
    metadata: { topic: "printer" },
    session: { step: "named" },
    ...fields,
  };
}

function stored(seq: number, message: JsonObject): StoredMessage {
  return { seq, storedAt: CREATED, key: `r:${seq}`, digest: null, body: JSON.stringify(message), size: 1 };
}

describe("splitMetadata and joinMetadata", () => {
  it("take the chatbot's state out of metadata, and put it back", () => {
    const metadata = { source: "api", context: { a: 1 }, step: null, leadData: [1], topic: "printer" };
    const split = splitMetadata(metadata);
    expect(split).toEqual({ metadata: { source: "api", topic: "printer" }, session: { context: { a: 1 }, step: null, leadData: [1] } });
    expect(joinMetadata(split.metadata, { ...split.session })).toEqual(metadata);
  });

  it("know metadata without any state", () => {
    expect(splitMetadata({ topic: "printer" })).toEqual({ metadata: { topic: "printer" }, session: null });
    expect(joinMetadata({ topic: "printer" }, null)).toEqual({ topic: "printer" });
    expect(joinMetadata(null, null)).toEqual({});
  });

  it("let the state win over keys of the same name in metadata, where it has them", () => {
    expect(joinMetadata({ step: "old", context: "old" }, { step: "new" })).toEqual({ step: "new", context: "old" });
  });

  it("show nothing of a state but its three keys", () => {
    expect(joinMetadata({}, { step: 1, other: 2 })).toEqual({ step: 1 });
  });

  it("count what is undefined as absent", () => {
    const metadata = { topic: undefined, step: undefined } as unknown as JsonObject;
    expect(splitMetadata(metadata)).toEqual({ metadata: {}, session: null });
  });

  it("treat __proto__ as the name of data", () => {
    const metadata = JSON.parse('{"__proto__":{"polluted":true},"step":{"__proto__":1}}') as JsonObject;
    const split = splitMetadata(metadata);
    expect(Object.keys(split.metadata)).toEqual(["__proto__"]);
    const whole = joinMetadata(split.metadata, { ...split.session });
    expect(JSON.stringify(whole)).toBe(JSON.stringify(metadata));
    expect(Object.getPrototypeOf(whole)).toBe(Object.prototype);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe("toConversation", () => {
  it("shows what callers see, and nothing else of the head", () => {
    const messages = [stored(3, { role: "user", content: "hello" }), stored(4, { role: "assistant", content: "hi" })];
    expect(toConversation(head(), messages)).toEqual({
      id: "ITERA_20250125_143052_A7B9X2M8P4Q1_P",
      created: "2025-01-25T14:30:52.000Z",
      lastActivity: "2025-01-25T14:30:52.001Z",
      lastAccess: "2025-01-25T14:30:52.002Z",
      expiresAt: "2025-01-25T14:30:52.003Z",
      status: "active",
      messageCount: 4,
      metadata: { topic: "printer", step: "named" },
      messages: [
        { role: "user", content: "hello" },
        { role: "assistant", content: "hi" },
      ],
      version: 3,
    });
  });

  it("has the times of completion and archiving only where they apply, and null for those that may be absent", () => {
    const over = {
      status: "archived",
      completedAt: CREATED,
      archivedAt: CREATED + 5,
      archiveReason: "expired",
      expiresAt: null,
      lastAccess: null,
    } as const;
    expect(toConversation(head(over), [])).toMatchObject({
      completedAt: "2025-01-25T14:30:52.000Z",
      archivedAt: "2025-01-25T14:30:52.005Z",
      archiveReason: "expired",
      expiresAt: null,
      lastAccess: null,
    });
    for (const field of ["completedAt", "archivedAt", "archiveReason"]) expect(toConversation(head(), [])).not.toHaveProperty(field);
  });

  it("keeps what it was made from for the doors, out of the answer itself", () => {
    const from = head();
    const conversation = toConversation(from, [], true);
    expect(originOf(conversation)).toEqual({ head: from, replayed: true });
    expect(originOf(toConversation(from, []))).toEqual({ head: from, replayed: false });
    expect(originOf({ ...conversation })).toBeUndefined();
  });
});

describe("toDirectoryEntry", () => {
  it("is the conversation without messages, with source, environment and a snippet if there is one", () => {
    const { messages, ...rest } = toConversation(head(), []);
    expect(messages).toEqual([]);
    expect(toDirectoryEntry(head())).toEqual({ ...rest, source: "api", environment: "P" });
    expect(toDirectoryEntry(head(), "the printer")).toEqual({ ...rest, source: "api", environment: "P", snippet: "the printer" });
  });
});

describe("toMessage", () => {
  it("is the message as it was given, whatever its fields are", () => {
    const message = JSON.parse('{"__proto__":1,"role":"user","n":[1,{"a":null}]}') as JsonObject;
    expect(JSON.stringify(toMessage("the ID", stored(1, message)))).toBe(JSON.stringify(message));
  });

  it("says which message of which conversation is damaged, and nothing of what it says", () => {
    const damaged = { ...stored(7, {}), body: "said in private" };
    const message = "The stored message 7 of conversation the ID cannot be read; restore this conversation from a backup";
    const isSilent = (error: Error): boolean => error.name === "StoredDataError" && error.message === message && !("cause" in error);
    expect(() => toMessage("the ID", damaged)).toThrow(expect.toSatisfy(isSilent) as Error);
  });
});

describe("isoTime", () => {
  it("is UTC with milliseconds", () => {
    expect(isoTime(0)).toBe("1970-01-01T00:00:00.000Z");
    expect(isoTime(CREATED + 7)).toBe("2025-01-25T14:30:52.007Z");
  });
});
