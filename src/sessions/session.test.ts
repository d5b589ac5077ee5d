// The shape of a session: from a conversation, and back to the state that is stored.

import { describe, expect, it } from "vitest";
import type { Conversation } from "../core/conversation.ts";
import type { JsonObject } from "../core/json.ts";
import { emptySession, mergedState, sessionFrom, stateOf } from "./session.ts";

function conversation(metadata: JsonObject): Conversation {
  return {
    id: "ITERA_20250125_143052_A7B9X2M8P4Q1_P",
    created: "2025-01-25T14:30:52.000Z",
    lastActivity: "2025-01-25T14:30:52.000Z",
    lastAccess: null,
    expiresAt: null,
    status: "active",
    messageCount: 1,
    metadata,
    messages: [{ role: "user", content: "ciao" }],
    version: 1,
  };
}

/** A text without prototype surprises: own keys only. */
const parsed = (text: string) => JSON.parse(text) as JsonObject;

describe("a session from a conversation", () => {
  it("has exactly its six fields, created in milliseconds", () => {
    expect(sessionFrom(conversation({ source: "x", context: { a: 1 }, step: "contact", leadData: { b: 2 } }))).toEqual({
      id: "ITERA_20250125_143052_A7B9X2M8P4Q1_P",
      created: Date.UTC(2025, 0, 25, 14, 30, 52),
      messages: [{ role: "user", content: "ciao" }],
      context: { a: 1 },
      step: "contact",
      leadData: { b: 2 },
    });
  });

  it("of an older record has every other key as its context, __proto__ as plain data", () => {
    const metadata = parsed('{"source":"x","step":"s","__proto__":{"polluted":1},"page":"/"}');
    const { context } = sessionFrom(conversation(metadata));
    expect(JSON.stringify(context)).toBe('{"__proto__":{"polluted":1},"page":"/"}');
    expect(Object.getPrototypeOf(context)).toBe(Object.prototype);
  });

  it("takes nothing inherited for a value", () => {
    const metadata = Object.create({ context: { a: 1 }, step: "inherited", leadData: { b: 1 } }) as JsonObject;
    expect(sessionFrom(conversation(metadata))).toMatchObject({ context: {}, step: "greeting", leadData: {} });
  });

  it("keeps any step but null and none", () => {
    for (const step of [0, "", false, ["a"], { a: 1 }]) expect(sessionFrom(conversation({ step })).step).toEqual(step);
    for (const metadata of [{}, { step: null }]) expect(sessionFrom(conversation(metadata)).step).toBe("greeting");
  });
});

describe("the state of a session", () => {
  it("is whole: what it lacks, or is no object, is empty", () => {
    const empty = { context: {}, step: "greeting", leadData: {} };
    expect(stateOf({})).toEqual(empty);
    expect(stateOf({ context: null, leadData: [], step: null } as unknown as object)).toEqual(empty);
    expect(stateOf(emptySession("x", 0))).toEqual(empty);
    expect(stateOf({ context: { a: 1 }, step: 0, leadData: { b: 1 } })).toEqual({ context: { a: 1 }, step: 0, leadData: { b: 1 } });
  });

  it("joins that of another conversation: what is newer counts, what is missing stays, and a greeting is no step", () => {
    const stored = conversation({ context: { a: 1, b: 1 }, step: "summary", leadData: { email: "old", phone: "1" } });
    const session = { context: { b: 2 }, step: "contact", leadData: { email: "new" } };
    expect(mergedState(stored, session)).toEqual({
      context: { a: 1, b: 2 },
      step: "contact",
      leadData: { email: "new", phone: "1" },
    });
    expect(mergedState(stored, { step: "greeting" }).step).toBe("summary");
    const odd = mergedState(stored, { context: parsed('{"__proto__":{"polluted":1}}') });
    expect(Object.keys(odd.context)).toEqual(["a", "b", "__proto__"]);
  });
});
