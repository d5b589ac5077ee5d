// Exactness: what is stored comes back equal as JSON, and what JSON cannot carry is refused. And every limit: just fits, or one too many.

import { expect, it } from "vitest";
import { InvalidInputError, TooLargeError } from "../../src/core/errors.ts";
import type { ConversationManager } from "../../src/core/manager.ts";
import type { Message } from "../../src/core/conversation.ts";
import type { JsonObject } from "../../src/core/json.ts";
import { onEveryStore } from "./worlds.ts";

const EXACT = JSON.parse(`{
  "__proto__": {"polluted": true, "__proto__": 1}, "constructor": {"prototype": 1}, "toString": "x", "": "empty key", "a.b": {"$c": [null, [], {}]},
  "text": "\\u0001\\u001f\\u007f\\u2028 \\"quoted\\" \\\\ 👩‍👩‍👧 e\\u0301 è \\ufffe",
  "numbers": [0, -0, 1e21, 1.7976931348623157e308, 5e-324, 0.1, 9007199254740993, -1.5], "10": 1, "2": 2, "flags": [true, false, null]
}`) as JsonObject;

const HIGH = "\uD83D";
const REFUSED: [name: string, value: unknown][] = [
  ["NUL in a text", { a: "x\0" }],
  ["NUL in a key", { "x\0": 1 }],
  ["a lone high surrogate", { a: `x${HIGH}` }],
  ["a lone low surrogate", { a: ["\uDE00x"] }],
  ["a lone surrogate in a key", { [HIGH]: 1 }],
  ["NaN", { a: Number.NaN }],
  ["Infinity", { a: [{ b: Infinity }] }],
  ["a bigint", { a: 1n }],
  ["a function", { a: () => 1 }],
  ["a symbol", { a: Symbol("s") }],
  ["undefined in a list", { a: [1, undefined] }],
  ["a hole in a list", { a: Array(2) }],
  ["33 levels", nested(33)],
  ["30,000 levels", nested(30_000)],
];

function nested(levels: number): object {
  let value: object = {};
  for (let i = 1; i < levels; i++) value = { a: value };
  return value;
}

const WAYS: [name: string, write: (manager: ConversationManager, id: string, value: JsonObject) => Promise<unknown>][] = [
  ["a message", (manager, id, value) => manager.appendMessages(id, [value])],
  [
    "a message with an id",
    (manager, id, value) => manager.appendMessages(id, [Object.assign(Object.create(null) as Message, value, { id: "m1" })]),
  ],
  ["a transcript", (manager, id, value) => manager.updateConversation(id, { messages: [value] })],
  ["metadata", (manager, id, value) => manager.updateConversation(id, { metadata: value })],
  ["metadata at creation", (manager, _, value) => manager.createConversation({ metadata: value })],
  ["messages at creation", (manager, _, value) => manager.createConversation({ messages: [value] })],
  ["the context of a state", (manager, id, value) => manager.appendMessages(id, [], { state: { context: value } })],
  ["an import", (manager, _, value) => manager.importConversation({ messages: [value] })],
];

onEveryStore("exactness", (open) => {
  it("a message, metadata and state come back equal, in the hot store and from the archive, with nothing polluted", async () => {
    const { manager, moveToArchive } = await open();
    const created = await manager.createConversation({ metadata: { ...EXACT, flags: 1 }, messages: [EXACT] });
    const { id } = created;
    await manager.appendMessages(id, [EXACT, { ...EXACT, id: "m1" }], { state: { context: EXACT, step: EXACT, leadData: EXACT } });
    await manager.updateConversation(id, { metadata: { more: EXACT } });
    const expected = JSON.stringify([
      { ...EXACT, flags: 1, more: EXACT, context: EXACT, step: EXACT, leadData: EXACT },
      [EXACT, EXACT, { ...EXACT, id: "m1" }],
    ]);
    const check = async () => {
      const { metadata, messages } = (await manager.getConversation(id))!;
      expect([metadata, messages]).toEqual(JSON.parse(expected));
      expect(Object.hasOwn(metadata, "__proto__") && Object.hasOwn(messages[0]!, "__proto__")).toBe(true);
      expect((messages[0] as { polluted?: unknown }).polluted).toBeUndefined();
      // Keys that look like numbers come first whatever the order, so the text of a message is the same.
      expect(JSON.stringify(messages[1])).toBe(JSON.stringify(EXACT));
    };
    await check();
    await moveToArchive(id);
    await check();
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it("a patch can set and remove __proto__ like any other key", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation();
    await manager.updateConversation(id, { metadata: JSON.parse(`{"__proto__": {"a": 1, "b": 2}, "x": 1}`) as JsonObject });
    const { metadata } = await manager.updateConversation(id, { metadata: JSON.parse(`{"__proto__": {"a": null}}`) as JsonObject });
    expect(JSON.stringify(metadata)).toBe(`{"__proto__":{"b":2},"x":1}`);
    const removed = await manager.updateConversation(id, { metadata: JSON.parse(`{"__proto__": null}`) as JsonObject });
    expect(JSON.stringify(removed.metadata)).toBe(`{"x":1}`);
  });

  it("a message is stored as it was given: later changes of the object change nothing", async () => {
    const { manager } = await open();
    const message = { content: "ciao", list: [1] };
    const metadata = { list: [1] };
    const { id } = await manager.createConversation({ metadata, messages: [message] });
    message.list.push(2);
    metadata.list.push(2);
    const read = (await manager.peekConversation(id))!;
    (read.metadata["list"] as number[]).push(3);
    expect(await manager.peekConversation(id)).toMatchObject({ metadata: { list: [1] }, messages: [{ list: [1] }] });
  });

  it("what `JSON.stringify` would write is what is stored: dates as text, undefined as absent", async () => {
    const { manager } = await open();
    const message = { at: new Date(0), gone: undefined } as unknown as Message;
    const { id } = await manager.createConversation();
    await manager.appendMessages(id, [message]);
    expect((await manager.peekConversation(id))?.messages).toEqual([{ at: "1970-01-01T00:00:00.000Z" }]);
    const endless = { toJSON: () => endless } as unknown as Message;
    await expect(manager.appendMessages(id, [endless])).rejects.toThrow(InvalidInputError);
  });

  it.each(WAYS)("in %s what JSON cannot carry is refused, and nothing is stored", async (_, write) => {
    const { manager } = await open();
    const { id } = await manager.createConversation();
    const before = await manager.peekConversation(id);
    for (const [name, value] of REFUSED) {
      await expect(write(manager, id, value as JsonObject), name).rejects.toThrow(InvalidInputError);
    }
    expect(await manager.peekConversation(id)).toEqual(before);
    await manager.deliver();
    expect((await manager.listConversations()).data).toHaveLength(1);
  });

  it("32 levels are taken", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation({ metadata: nested(32) as JsonObject });
    await manager.appendMessages(id, [nested(32) as Message]);
    expect(await manager.peekConversation(id)).toMatchObject({ metadata: nested(32), messages: [nested(32)] });
  });
});

/** An object whose JSON text has exactly so many bytes of UTF-8; é counts two. */
function ofBytes(bytes: number, key = "a"): JsonObject {
  const room = bytes - `{"${key}":""}`.length;
  return { [key]: room % 2 === 0 ? "é".repeat(room / 2) : `${"é".repeat((room - 1) / 2)}x` };
}

onEveryStore("limits", (open) => {
  it("a message has at most 256 KiB", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation();
    await manager.appendMessages(id, [ofBytes(256 * 1024)]);
    for (const write of [
      () => manager.appendMessages(id, [ofBytes(256 * 1024 + 1)]),
      () => manager.createConversation({ messages: [ofBytes(256 * 1024 + 1)] }),
      () => manager.updateConversation(id, { messages: [ofBytes(256 * 1024), ofBytes(256 * 1024 + 1)] }),
    ]) {
      await expect(write()).rejects.toThrow(TooLargeError);
      await expect(write()).rejects.toThrow(/262145 bytes/);
    }
    expect((await manager.peekConversation(id))?.messageCount).toBe(1);
  });

  it("metadata have at most 64 KiB, given or merged", async () => {
    const { manager } = await open();
    await manager.createConversation({ metadata: ofBytes(64 * 1024) });
    await expect(manager.createConversation({ metadata: ofBytes(64 * 1024 + 1) })).rejects.toThrow(TooLargeError);
    const { id } = await manager.createConversation({ metadata: ofBytes(40 * 1024, "a") });
    const before = await manager.peekConversation(id);
    await expect(manager.updateConversation(id, { metadata: ofBytes(24 * 1024 + 2, "b") })).rejects.toThrow(/metadata is too large: 65537/);
    expect(await manager.peekConversation(id)).toEqual(before);
    await manager.updateConversation(id, { metadata: ofBytes(24 * 1024 + 1, "b") });
  });

  it("the state has at most 64 KiB of its own, given or merged", async () => {
    const { manager } = await open();
    const room = 64 * 1024 - `{"context":,"step":1,"leadData":1}`.length;
    const { id } = await manager.createConversation({ metadata: { ...ofBytes(64 * 1024), context: ofBytes(room), step: 1, leadData: 1 } });
    const whole = (bytes: number) => ({ state: { context: ofBytes(bytes), step: 1, leadData: 1 } });
    await manager.appendMessages(id, [], whole(room));
    await expect(manager.appendMessages(id, [], whole(room + 1))).rejects.toThrow(TooLargeError);
    await expect(manager.appendMessages(id, [], { state: { step: 12 } })).rejects.toThrow(/state is too large: 65537/);
    await expect(manager.updateConversation(id, { metadata: { step: 12 } })).rejects.toThrow(TooLargeError);
    await manager.appendMessages(id, [], { state: { step: 2 } });
  });

  it("a batch has at most 100 messages", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation();
    const batch = (length: number) => Array.from({ length }, (_, n) => ({ n }));
    await expect(manager.appendMessages(id, batch(101))).rejects.toThrow(InvalidInputError);
    expect((await manager.appendMessages(id, batch(100))).messageCount).toBe(100);
  });

  it("a conversation has at most so many messages and bytes, and what is full takes no more", async () => {
    const limits = { conversationMessages: 5, conversationBytes: 100 };
    const { manager } = await open({ limits });
    const { id } = await manager.createConversation({ messages: [{ n: 1 }, { n: 2 }, { n: 3 }] });
    await expect(manager.appendMessages(id, [{ n: 4 }, { n: 5 }, { n: 6 }])).rejects.toThrow(TooLargeError);
    await expect(manager.appendMessages(id, [ofBytes(80)])).rejects.toThrow(/3 messages and 21 bytes/);
    await expect(manager.updateConversation(id, { messages: [1, 2, 3, 4, 5, 6].map((n) => ({ n })) })).rejects.toThrow(TooLargeError);
    expect((await manager.peekConversation(id))?.messageCount).toBe(3);
    await manager.appendMessages(id, [{ id: "m4" }, ofBytes(68)]);
    await expect(manager.appendMessages(id, [{ n: 6 }])).rejects.toThrow(TooLargeError);
    expect(await manager.appendMessages(id, [{ id: "m4" }], { state: { step: 1 } })).toMatchObject({ messageCount: 5 });
    await manager.updateConversation(id, { messages: [ofBytes(100)] }, { expectedVersion: 3 });
    await expect(manager.updateConversation(id, { messages: [ofBytes(101)] }, { expectedVersion: 4 })).rejects.toThrow(TooLargeError);
    await expect(manager.createConversation({ messages: [ofBytes(101)] })).rejects.toThrow(TooLargeError);
    await expect(manager.importConversation({ messages: [ofBytes(101)] })).rejects.toThrow(TooLargeError);
  });

  it("the real ones: 50,000 messages and 16 MiB", async () => {
    const { manager } = await open();
    const many = Array.from({ length: 50_000 }, (_, n) => ({ n }));
    const { id } = await manager.createConversation({ messages: many });
    await expect(manager.appendMessages(id, [{ n: 1 }])).rejects.toThrow(TooLargeError);
    await expect(manager.createConversation({ messages: [...many, { n: 1 }] })).rejects.toThrow(TooLargeError);
    const large = Array.from({ length: 64 }, () => ofBytes(256 * 1024));
    const full = await manager.createConversation({ messages: large });
    await expect(manager.appendMessages(full.id, [{}])).rejects.toThrow(TooLargeError);
  });

  it("source has at most 64 characters, userAgent 512, reasons 50 in archiving and 200 elsewhere", async () => {
    const { manager } = await open();
    const x = (length: number) => "x".repeat(length);
    const { id } = await manager.createConversation({ metadata: { source: x(64), userAgent: x(512) } });
    for (const metadata of [{ source: x(65) }, { userAgent: x(513) }, { source: 5 }, { userAgent: {} }]) {
      await expect(manager.createConversation({ metadata })).rejects.toThrow(InvalidInputError);
    }
    await manager.extendConversation(id, 24, x(200));
    await manager.hold(id, x(200));
    await manager.release(id, x(200));
    for (const verb of ["hold", "release"] as const) {
      await expect(manager[verb](id, x(201))).rejects.toThrow(InvalidInputError);
      await expect(manager[verb](id, "")).rejects.toThrow(InvalidInputError);
      await expect(manager[verb](id, undefined as unknown as string)).rejects.toThrow(InvalidInputError);
    }
  });
});
