// Updating: which fields, how metadata merges, when a transcript is appended to and when it is replaced, and writing back the whole.

import { expect, it } from "vitest";
import { ConflictError, InvalidInputError, VersionMismatchError } from "../../src/core/errors.ts";
import type { ConversationUpdate } from "../../src/core/conversations.ts";
import { HOUR, onEveryStore } from "./worlds.ts";

const METADATA = { source: "api", clientIP: "203.0.113.9", userAgent: "curl", originalSessionId: "old", a: { b: 1, c: [1, 2] } };
const SAID = [
  { role: "user", content: "uno" },
  { role: "assistant", content: "due" },
];

onEveryStore("updating metadata", (open) => {
  it("is a JSON merge patch: objects merge, null removes, everything else replaces", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation({ metadata: METADATA });
    const patch = async (metadata: object) => (await manager.updateConversation(id, { metadata: { ...metadata } })).metadata;
    expect(await patch({ a: { b: null, d: { e: null, f: 1 } }, g: "x" })).toEqual({ ...METADATA, a: { c: [1, 2], d: { f: 1 } }, g: "x" });
    expect(await patch({ a: { c: [3] }, missing: null })).toEqual({ ...METADATA, a: { c: [3], d: { f: 1 } }, g: "x" });
    expect(await patch({ a: [1], g: { h: null } })).toEqual({ ...METADATA, a: [1], g: {} });
    expect(await patch({ a: null, g: null })).toEqual({
      source: "api",
      clientIP: "203.0.113.9",
      userAgent: "curl",
      originalSessionId: "old",
    });
  });

  it("sets context, step and leadData whole, nulls within them kept", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation({
      metadata: { context: { a: 1, b: { c: 1 } }, step: "one", leadData: { name: "Ada" } },
    });
    const { metadata } = await manager.updateConversation(id, { metadata: { context: { b: { d: null } }, other: 1 } });
    expect(metadata).toEqual({ context: { b: { d: null } }, step: "one", leadData: { name: "Ada" }, other: 1 });
    expect((await manager.updateConversation(id, { metadata: { step: null } })).metadata).toEqual({
      context: { b: { d: null } },
      leadData: { name: "Ada" },
      other: 1,
    });
    await manager.appendMessages(id, [], { state: { step: "two", context: [], leadData: null } });
    expect((await manager.peekConversation(id))?.metadata).toEqual({ context: [], step: "two", leadData: null, other: 1 });
  });

  it("cannot change what is set at creation, but may send it along", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation({ metadata: METADATA });
    const bare = await manager.createConversation();
    for (const key of ["source", "clientIP", "userAgent", "originalSessionId"] as const) {
      for (const value of ["other", null, { a: 1 }]) {
        const error = await manager.updateConversation(id, { metadata: { [key]: value } }).catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(InvalidInputError);
        expect((error as Error).message).toContain(key);
      }
      expect((await manager.updateConversation(id, { metadata: { [key]: METADATA[key], more: 1 } })).metadata).toMatchObject(METADATA);
      await expect(manager.updateConversation(bare.id, { metadata: { [key]: "late" } })).rejects.toThrow(InvalidInputError);
      expect((await manager.updateConversation(bare.id, { metadata: { [key]: null, x: 1 } })).metadata).toEqual({ x: 1 });
    }
  });
});

onEveryStore("updating fields", (open) => {
  it("ignores lastAccess, lastActivity, expiresAt and version", async () => {
    const { manager, clock } = await open();
    const { id } = await manager.createConversation();
    clock.pass(HOUR);
    const ignored = { lastAccess: "1999-01-01T00:00:00Z", lastActivity: 5, expiresAt: null, version: 99 };
    const updated = await manager.updateConversation(id, { ...ignored, metadata: { a: 1 } });
    expect(updated).toMatchObject({ lastAccess: clock.iso(), lastActivity: clock.iso(), expiresAt: clock.iso(48 * HOUR), version: 2 });
    expect(await manager.updateConversation(id, ignored)).toEqual(updated);
  });

  it("names any other field that is not equal to what is stored", async () => {
    const { manager } = await open();
    const made = await manager.createConversation();
    for (const [field, value] of [
      ["id", "ITERA_20250125_143052_A7B9X2M8P4Q1_D"],
      ["created", "2025-01-25T14:30:52.001Z"],
      ["completedAt", made.created],
      ["archivedAt", null],
      ["archiveReason", "x"],
      ["hold", false],
      ["owner", "me"],
      ["__proto__", {}],
    ] as const) {
      const update = JSON.parse(`{"metadata":{"a":1}}`) as ConversationUpdate;
      Object.defineProperty(update, field, { value, enumerable: true });
      const error = await manager.updateConversation(made.id, update).catch((reason: unknown) => reason);
      expect(error, field).toBeInstanceOf(InvalidInputError);
      expect((error as Error).message).toContain(field);
    }
    expect(await manager.peekConversation(made.id)).toEqual(made);
    expect((await manager.updateConversation(made.id, { id: made.id, created: made.created, metadata: { a: 1 } })).version).toBe(2);
  });

  it("with nothing in it: no version, no event, no activity", async () => {
    const { manager, clock, told, stores } = await open();
    const made = await manager.createConversation({ metadata: METADATA });
    const before = await stores.hot.read(made.id, 0);
    clock.pass(HOUR);
    for (const nothing of [
      {},
      { metadata: {} },
      { status: "active" as const },
      { messageCount: 0 },
      { version: 7 },
      { id: made.id },
      { metadata: undefined },
    ]) {
      expect(await manager.updateConversation(made.id, nothing as ConversationUpdate)).toEqual(made);
    }
    expect(await stores.hot.read(made.id, 0)).toEqual(before);
    expect(told(made.id)).toEqual(["created"]);
  });

  it("takes nothing but an object", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation();
    for (const update of [null, [], "x", 5, undefined, { metadata: null }, { metadata: [] }, { messages: {} }, { messages: [1] }]) {
      await expect(manager.updateConversation(id, update as unknown as ConversationUpdate)).rejects.toThrow(InvalidInputError);
    }
  });
});

onEveryStore("updating messages", (open) => {
  it("appends the rest when it begins with what is stored, whatever the order of keys", async () => {
    const { manager, stores } = await open();
    const { id } = await manager.createConversation({ messages: SAID });
    const turned = [{ content: "uno", role: "user" }, SAID[1]!, { role: "user", content: "tre" }];
    const updated = await manager.updateConversation(id, { messages: turned });
    expect(updated).toMatchObject({ messageCount: 3, version: 2 });
    expect(updated.messages).toEqual(turned);
    expect((await stores.hot.read(id, Infinity))?.messages[0]?.body).toBe(JSON.stringify(SAID[0]));
    expect((await manager.updateConversation(id, { messages: turned }, { messages: 1 })).messages).toEqual([turned[2]]);
  });

  it("is a conflict when it diverges, unless the version is expected: then it replaces", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation({ messages: SAID });
    for (const messages of [[], SAID.slice(0, 1), SAID.slice(1), [SAID[0]!, { role: "user", content: "altro" }]]) {
      await expect(manager.updateConversation(id, { messages })).rejects.toThrow(ConflictError);
      await expect(manager.updateConversation(id, { messages }, { expectedVersion: 9 })).rejects.toThrow(VersionMismatchError);
    }
    expect((await manager.peekConversation(id))?.messages).toEqual(SAID);
    const other = [SAID[0]!, { role: "user", content: "altro" }, { n: 3 }];
    expect(await manager.updateConversation(id, { messages: other }, { expectedVersion: 1 })).toMatchObject({
      messages: other,
      messageCount: 3,
    });
    expect((await manager.listMessages(id)).data.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(await manager.updateConversation(id, { messages: [] }, { expectedVersion: 2 })).toMatchObject({ messages: [], messageCount: 0 });
    expect((await manager.appendMessages(id, [{ n: 1 }])).messages).toMatchObject([{ seq: 1 }]);
  });

  it("replacing frees the ids of what is gone, and keeps those of what stays", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation();
    await manager.appendMessages(id, [{ id: "m1" }, { id: "m2", n: 2 }]);
    await manager.updateConversation(id, { messages: [{ id: "m1" }] }, { expectedVersion: 2 });
    expect(await manager.appendMessages(id, [{ id: "m2", n: 9 }])).toMatchObject({ messages: [{ seq: 2 }], messageCount: 2 });
    await expect(manager.appendMessages(id, [{ id: "m1", other: true }])).rejects.toThrow(ConflictError);
  });

  it("needs a messageCount that agrees with the result, so writing back a window is refused and never cuts", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation({ messages: SAID });
    for (const messages of ["none", 1] as const) {
      const window = (await manager.getConversation(id, { messages }))!;
      await expect(manager.updateConversation(id, { ...window })).rejects.toMatchObject({
        status: expect.toSatisfy((n: number) => n === 400 || n === 409),
      });
      await expect(manager.updateConversation(id, { ...window }, { expectedVersion: window.version })).rejects.toThrow(InvalidInputError);
    }
    for (const messageCount of [1, 3, "2", null]) {
      await expect(manager.updateConversation(id, { metadata: { a: 1 }, messageCount: messageCount as number })).rejects.toThrow(
        InvalidInputError,
      );
    }
    expect(await manager.peekConversation(id)).toMatchObject({ messages: SAID, version: 1 });
    const more = [...SAID, { n: 3 }];
    expect(await manager.updateConversation(id, { messages: more, messageCount: 3 })).toMatchObject({ messageCount: 3 });
    expect(await manager.updateConversation(id, { metadata: { a: 1 }, messageCount: 3 })).toMatchObject({ version: 3 });
  });

  it("with status completed: appended, then completed, from wherever it was", async () => {
    const { manager, clock, kept } = await open();
    const { id } = await manager.createConversation();
    const messages: object[] = [];
    const add = () => {
      clock.pass(HOUR);
      messages.push({ n: messages.length });
      return manager.updateConversation(id, { messages: messages.map((each) => ({ ...each })), status: "completed" });
    };
    for (const before of ["active", "completed"]) {
      expect((await manager.peekConversation(id))?.status).toBe(before);
      expect(await add()).toMatchObject({ status: "completed", completedAt: clock.iso(), messageCount: messages.length });
    }
    await manager.archiveConversation(id);
    expect(await add()).toMatchObject({ status: "completed", messageCount: 3, expiresAt: clock.iso(48 * HOUR) });
    expect(await manager.peekConversation(id)).not.toHaveProperty("archivedAt");
    expect(await kept(id)).toEqual(["created", "completed", "completed", "archived", "reactivated", "completed"]);
  });

  it("a completed conversation becomes active by messages, not by metadata alone", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation({ messages: SAID });
    await manager.completeConversation(id);
    expect(await manager.updateConversation(id, { metadata: { step: "x" } })).toMatchObject({ status: "completed" });
    expect(await manager.updateConversation(id, { messages: SAID })).toMatchObject({ status: "completed" });
    expect(await manager.updateConversation(id, { messages: [...SAID, { n: 3 }] })).toMatchObject({ status: "active" });
  });
});

onEveryStore("writing back the whole", (open) => {
  it("works as it was read, and with changes, in every state", async () => {
    const { manager, moveToArchive, clock } = await open();
    const { id } = await manager.createConversation({ metadata: { ...METADATA, context: { a: null } }, messages: SAID });
    const states: [status: string, make: () => Promise<unknown>][] = [
      ["active", async () => {}],
      ["completed", () => manager.completeConversation(id)],
      ["active", () => manager.archiveConversation(id)],
      ["active", () => moveToArchive(id)],
      ["active", async () => clock.pass(100 * HOUR)],
    ];
    for (const [status, make] of states) {
      await make();
      const read = (await manager.peekConversation(id))!;
      const changed = { ...read, metadata: { ...read.metadata, times: `${read.version}` } };
      const written = await manager.updateConversation(id, changed, { expectedVersion: read.version });
      expect(written.status).toBe(status);
      expect(written.metadata).toEqual(changed.metadata);
      expect(written.messages).toEqual(read.messages);
      const again = await manager.updateConversation(id, {
        ...written,
        messages: [...written.messages, { v: 1 }],
        messageCount: written.messageCount + 1,
      });
      expect(again.messageCount).toBe(read.messageCount + 1);
      await manager.reopenConversation(id);
    }
  });

  it("makes an archived conversation active as any update does, though nothing else changed", async () => {
    const { manager, kept } = await open();
    const { id } = await manager.createConversation({ messages: SAID });
    const archived = await manager.archiveConversation(id);
    expect(await manager.updateConversation(id, { ...archived })).toMatchObject({ status: "active", version: archived.version + 1 });
    expect(await kept(id)).toEqual(["created", "archived", "reactivated"]);
  });
});
