// Bare sessions: under which keys they may lie, what counts as one, and how two savers share a key.

import { describe, expect, it } from "vitest";
import { ConversationIDGenerator } from "../core/id.ts";
import { isFallbackId, joinBare, mayLieBare, pointer, readBare, savesOf, type BareSession } from "./bare-sessions.ts";
import type { PendingSave } from "./pending-save.ts";

const CONVERSATION = "ITERA_20250125_143052_A7B9X2M8P4Q1_P";
const FALLBACK = "fallback_1737815452000_abc123xyz";

function bareSession(fields: Partial<BareSession> = {}): BareSession {
  return { id: FALLBACK, created: 1, messages: [], context: {}, step: "greeting", leadData: {}, ...fields };
}

function save(key: string, messages: PendingSave["messages"], whole = false): PendingSave {
  return { key, at: 1, messages, ...(whole ? { whole: true } : {}) };
}

describe("a key", () => {
  const may = (id: string, legacy: RegExp | null = null) => mayLieBare(id, ConversationIDGenerator.validate, legacy);

  it("is a fallback ID: milliseconds, then 9 of a-z0-9", () => {
    expect(isFallbackId(FALLBACK)).toBe(true);
    expect(may(FALLBACK)).toBe(true);
    for (const other of ["fallback_", "fallback_1_ABCDEFGHI", "fallback_1_abcdefgh", "fallback_1_abcdefghij", "fallback_x_abcdefghi"]) {
      expect(isFallbackId(other), other).toBe(false);
    }
    for (const other of [` ${FALLBACK}`, `${FALLBACK}\n`, `x${FALLBACK}`]) expect(isFallbackId(other), other).toBe(false);
  });

  it("or a valid conversation ID", () => {
    expect(may(CONVERSATION)).toBe(true);
    expect(may(CONVERSATION.replace("0125", "0230"))).toBe(false);
  });

  it("or what matches the pattern", () => {
    expect(may("sess-1", /^sess-\d+$/)).toBe(true);
    expect(may("sess-x", /^sess-\d+$/)).toBe(false);
    expect(may("sess-1")).toBe(false);
  });

  it("never empty, with a colon, or longer than a key can be", () => {
    for (const id of ["", ":", "a:b", `conv:${CONVERSATION}`, "x".repeat(513)]) expect(may(id, /.*/), id).toBe(false);
    expect(may("x".repeat(512), /.*/)).toBe(true);
  });
});

describe("what lies under a key", () => {
  it("counts if it is an object with that id", () => {
    const text = JSON.stringify(bareSession({ messages: [{ a: 1 }] }));
    expect(readBare(FALLBACK, text)).toEqual({ session: bareSession({ messages: [{ a: 1 }] }) });
    for (const other of [undefined, null, "", "{", "null", "7", "[]", '"x"', "{}", JSON.stringify(bareSession({ id: "other" }))]) {
      expect(readBare(FALLBACK, other), String(other)).toBeNull();
    }
    expect(readBare(FALLBACK, `{"__proto__":{"id":"${FALLBACK}"}}`)).toBeNull();
  });

  it("is a pointer if it says where the session went and holds none", () => {
    expect(readBare(FALLBACK, pointer(FALLBACK, CONVERSATION))).toEqual({ movedTo: CONVERSATION });
    expect(readBare(FALLBACK, JSON.stringify({ ...bareSession(), movedTo: 7 }))).toEqual({ session: bareSession() });
    expect(readBare(FALLBACK, JSON.stringify({ ...bareSession(), movedTo: CONVERSATION }))).toEqual({
      session: bareSession({ movedTo: CONVERSATION }),
    });
  });

  it("makes messages of what is none, and takes its list of saves only if all of it can be read", () => {
    const damaged = { ...bareSession(), messages: [{ a: 1 }, null, "x", [1]], unsaved: [save("k", []), null] };
    expect(readBare(FALLBACK, JSON.stringify(damaged))).toEqual({
      session: bareSession({ messages: [{ a: 1 }, ...[null, "x", [1]].map((content) => ({ role: "unknown", content }))] }),
    });
    const whole = { ...bareSession(), unsaved: [save("k", [{ a: 1 }], true), save("l", [])] };
    expect(readBare(FALLBACK, JSON.stringify(whole))).toEqual({ session: whole });
    expect(readBare(FALLBACK, JSON.stringify({ id: FALLBACK }))).toEqual({ session: { id: FALLBACK, messages: [] } });
  });

  it("without a list of saves is one save of all that it holds", () => {
    const messages = [{ a: 1 }];
    const all = { key: "k", at: 5, messages, whole: true };
    expect(savesOf(bareSession({ messages }), "k", 5)).toEqual([all]);
    expect(savesOf(bareSession({ messages, unsaved: [] }), "k", 5)).toEqual([all]);
    expect(savesOf(bareSession({ messages, unsaved: [save("l", messages)] }), "k", 5)).toEqual([save("l", messages)]);
  });
});

describe("a second saver under one key", () => {
  const [a, b, c] = [{ t: "a" }, { t: "b" }, { t: "c" }];
  const mine = (fields: Partial<BareSession>) => ({ ...bareSession(), unsaved: [], ...fields });

  it("adds to what lies there, and its state is the one that counts", () => {
    const lying = { session: bareSession({ messages: [a, b], step: "old", unsaved: [save("1", [b])], movedTo: CONVERSATION }) };
    const joined = joinBare(lying, mine({ messages: [a, c], step: "new", unsaved: [save("2", [c])] }), "k", 1);
    expect(joined).toEqual(
      bareSession({ messages: [a, b, c], step: "new", unsaved: [save("1", [b]), save("2", [c])], movedTo: CONVERSATION }),
    );
  });

  it("keeps each save once", () => {
    const lying = { session: bareSession({ messages: [a], unsaved: [save("1", [a])] }) };
    expect(joinBare(lying, mine({ messages: [a, b], unsaved: [save("1", [a]), save("2", [b])] }), "k", 1)).toMatchObject({
      messages: [a, b],
      unsaved: [save("1", [a]), save("2", [b])],
    });
  });

  it("replaces a whole one from which it goes on, and no other", () => {
    const lying = { session: bareSession({ messages: [a], unsaved: [save("1", [a], true)] }) };
    expect(joinBare(lying, mine({ messages: [a, b], unsaved: [save("2", [a, b], true)] }), "k", 1)).toMatchObject({
      unsaved: [save("2", [a, b], true)],
    });
    expect(joinBare(lying, mine({ messages: [b], unsaved: [save("2", [b], true)] }), "k", 1)).toMatchObject({
      messages: [a, b],
      unsaved: [save("1", [a], true), save("2", [b], true)],
    });
  });

  it("keeps a session without a list as a whole save, and where a session went", () => {
    expect(joinBare({ session: bareSession({ messages: [a] }) }, mine({ messages: [b], unsaved: [save("2", [b])] }), "k", 7)).toMatchObject(
      {
        unsaved: [{ key: "k", at: 7, messages: [a], whole: true }, save("2", [b])],
      },
    );
    expect(joinBare({ movedTo: CONVERSATION }, mine({ messages: [b] }), "k", 1)).toMatchObject({ movedTo: CONVERSATION, messages: [b] });
    expect(joinBare(null, mine({ messages: [b] }), "k", 1)).toEqual(mine({ messages: [b] }));
  });
});
