// Appending: one commit with the state, the window in return, known message ids, idempotency keys.

import { expect, it } from "vitest";
import { ConflictError, IdempotencyKeyReusedError, InvalidInputError, NotSupportedError } from "../../src/core/errors.ts";
import { originOf } from "../../src/core/conversation.ts";
import { faultyStores } from "../faulty-stores.ts";
import { DAY, HOUR, MINUTE, onEveryStore } from "./worlds.ts";

const STATE = { step: "two", context: { matter: "lavoro" }, leadData: { name: "Ada" } };

onEveryStore("appending", (open) => {
  it("answers where each message stands, and the window, oldest first, those just added included", async () => {
    const { manager, clock } = await open();
    const { id } = await manager.createConversation({ messages: [{ n: 1 }, { n: 2 }] });
    expect(await manager.appendMessages(id, [{ n: 3 }, { n: 4 }], { window: 3 })).toEqual({
      messages: [
        { seq: 3, storedAt: clock.iso() },
        { seq: 4, storedAt: clock.iso() },
      ],
      messageCount: 4,
      version: 2,
      window: [{ n: 2 }, { n: 3 }, { n: 4 }],
    });
    expect(await manager.appendMessages(id, [{ n: 5 }])).not.toHaveProperty("window");
    expect(await manager.appendMessages(id, [{ n: 6 }], { window: 0 })).not.toHaveProperty("window");
    for (const window of [-1, 1001, 1.5, "5" as unknown as number]) {
      await expect(manager.appendMessages(id, [{ n: 7 }], { window })).rejects.toThrow(InvalidInputError);
    }
    expect((await manager.peekConversation(id))?.messageCount).toBe(6);
  });

  it("is one commit and nothing else, with the whole state and a window", async () => {
    const { manager, stores, over } = await open();
    const { id } = await manager.createConversation();
    const watched = faultyStores(stores);
    const answer = await over(watched.stores).appendMessages(id, [{ n: 1 }], { state: STATE, window: 20 });
    expect(watched.calls.map(({ port, method }) => `${port}.${method}`)).toEqual(["hot.commit"]);
    expect(answer).toMatchObject({ version: 2, window: [{ n: 1 }] });
    expect((await manager.peekConversation(id))?.metadata).toEqual(STATE);
  });

  it("keeps what a state does not name, and sets what it names whole", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation({ metadata: { ...STATE, other: 1 } });
    await manager.appendMessages(id, [], { state: { context: { b: 2 } } });
    await manager.appendMessages(id, [{ n: 1 }], { state: { step: "three", leadData: undefined } });
    expect((await manager.peekConversation(id))?.metadata).toEqual({
      context: { b: 2 },
      step: "three",
      leadData: STATE.leadData,
      other: 1,
    });
  });

  it("merges parts of a state of many at once onto each other", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation({ metadata: { ...STATE } });
    await Promise.all([
      ...Array.from({ length: 10 }, () => manager.appendMessages(id, [{ n: 1 }], { state: { step: "s" } })),
      ...Array.from({ length: 10 }, () => manager.appendMessages(id, [{ n: 2 }], { state: { context: "c" } })),
      ...Array.from({ length: 10 }, () => manager.appendMessages(id, [{ n: 3 }], { state: { leadData: "l" } })),
    ]);
    expect(await manager.peekConversation(id)).toMatchObject({ messageCount: 30, metadata: { step: "s", context: "c", leadData: "l" } });
  });

  it("of nothing needs a state", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation();
    await expect(manager.appendMessages(id, [])).rejects.toThrow(InvalidInputError);
    for (const messages of [null, {}, "x", [null], ["x"], [[]], [{ a: 1 }, 5]]) {
      await expect(manager.appendMessages(id, messages as [])).rejects.toThrow(InvalidInputError);
    }
    for (const state of [null, [], "x", { other: 1 }, { step: undefined, extra: 1 }]) {
      await expect(manager.appendMessages(id, [{ n: 1 }], { state: state as object })).rejects.toThrow(InvalidInputError);
    }
    expect(await manager.appendMessages(id, [], { state: STATE })).toEqual({ messages: [], messageCount: 0, version: 2 });
  });
});

onEveryStore("a message's id", (open) => {
  it("with the same content is a repeat: it adds nothing, and answers its old place", async () => {
    const { manager, clock } = await open();
    const { id } = await manager.createConversation();
    const storedAt = clock.iso();
    await manager.appendMessages(id, [{ id: "m1", a: 1, b: 1.0 }, { n: 2 }]);
    const before = await manager.peekConversation(id);
    clock.pass(1000);
    expect(await manager.appendMessages(id, [{ b: 1, a: 1, id: "m1" }], { window: 5 })).toEqual({
      messages: [{ seq: 1, storedAt }],
      messageCount: 2,
      version: 2,
      window: [{ id: "m1", a: 1, b: 1 }, { n: 2 }],
    });
    expect(await manager.peekConversation(id)).toMatchObject({ ...before, lastAccess: clock.iso(), expiresAt: clock.iso(2 * DAY) });
  });

  it("with other content is a conflict that names it, and nothing of the call is stored", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation();
    await manager.appendMessages(id, [{ id: "m1", a: 1 }]);
    const before = await manager.peekConversation(id);
    const call = manager.appendMessages(id, [{ n: 2 }, { id: "m1", a: 2 }, { n: 3 }], { state: STATE });
    await expect(call).rejects.toThrow(ConflictError);
    await expect(call).rejects.toThrow(/"m1"/);
    expect(await manager.peekConversation(id)).toEqual(before);
    const twins = manager.appendMessages(id, [
      { id: "m2", a: 1 },
      { id: "m2", a: 2 },
    ]);
    await expect(twins).rejects.toThrow(/"m2"/);
    expect(await manager.peekConversation(id)).toEqual(before);
  });

  it("stores what is new between repeats, each once, with its own place", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation();
    await manager.appendMessages(id, [{ id: "m1" }]);
    const { messages, messageCount } = await manager.appendMessages(id, [{ id: "m2" }, { id: "m1" }, { id: "m2" }, { id: "m3" }]);
    expect(messages.map(({ seq }) => seq)).toEqual([2, 1, 2, 3]);
    expect(messageCount).toBe(3);
  });

  it("has 1 to 128 characters; anything but a text is content like any other", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation();
    await expect(manager.appendMessages(id, [{ id: "x".repeat(129) }])).rejects.toThrow(InvalidInputError);
    await manager.appendMessages(id, [{ id: "x".repeat(128) }]);
    for (const other of [5, null, "", { a: 1 }]) await manager.appendMessages(id, [{ id: other }, { id: other, n: 1 }]);
    expect((await manager.peekConversation(id))?.messageCount).toBe(9);
  });

  it("is not looked at in whole transcripts: equal texts count as often as they were said", async () => {
    const { manager } = await open();
    const said = [
      { id: "m1", content: "sì" },
      { id: "m1", content: "sì" },
      { id: "m1", content: "no" },
    ];
    const { id } = await manager.createConversation({ messages: said });
    const more = [...said, { id: "m1", content: "forse" }];
    expect((await manager.updateConversation(id, { messages: more })).messages).toEqual(more);
  });
});

onEveryStore("an idempotency key", (open) => {
  it("of an append: a repeat does nothing and answers the same, even after later appends and when it is archived", async () => {
    const { manager, clock, told } = await open();
    const { id } = await manager.createConversation({ messages: [{ n: 1 }] });
    const append = () => manager.appendMessages(id, [{ n: 2 }], { state: STATE, window: 5, idempotencyKey: "k1" });
    const first = await append();
    const repeat = await append();
    expect(repeat).toEqual(first);
    expect([originOf(first)?.replayed, originOf(repeat)?.replayed]).toEqual([false, true]);
    clock.pass(HOUR);
    await manager.appendMessages(id, [{ n: 3 }], { idempotencyKey: "k2" });
    expect(await append()).toEqual(first);
    await manager.archiveConversation(id);
    expect(await append()).toEqual(first);
    expect(await manager.peekConversation(id)).toMatchObject({ status: "archived", messageCount: 3 });
    expect(told(id)).toEqual(["created", "updated", "updated", "archived"]);
  });

  it("of an append with a part of the state is replayed too", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation();
    const append = () => manager.appendMessages(id, [{ n: 1 }], { state: { step: "x" }, idempotencyKey: "k1" });
    const first = await append();
    await manager.updateConversation(id, { metadata: { step: "y" } });
    expect(await append()).toEqual(first);
    expect((await manager.peekConversation(id))?.metadata).toEqual({ step: "y" });
  });

  it("of another request is refused, and is free in another conversation", async () => {
    const { manager } = await open();
    const [one, two] = [await manager.createConversation(), await manager.createConversation()];
    await manager.appendMessages(one.id, [{ n: 1 }], { idempotencyKey: "k1" });
    await expect(manager.appendMessages(one.id, [{ n: 2 }], { idempotencyKey: "k1" })).rejects.toThrow(IdempotencyKeyReusedError);
    await expect(manager.appendMessages(one.id, [{ n: 1 }], { idempotencyKey: "k1", state: STATE })).rejects.toThrow(
      IdempotencyKeyReusedError,
    );
    await manager.appendMessages(two.id, [{ n: 2 }], { idempotencyKey: "k1" });
    const made = await manager.createConversation({}, { idempotencyKey: "k1" });
    expect(await manager.appendMessages(made.id, [{ n: 2 }], { idempotencyKey: "k1" })).toMatchObject({ messageCount: 1 });
    expect((await manager.peekConversation(one.id))?.messageCount).toBe(1);
  });

  it("of ten appends at once stores one", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation();
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => manager.appendMessages(id, [{ n: 1 }], { idempotencyKey: "k1", window: 9 })),
    );
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect((await manager.peekConversation(id))?.messageCount).toBe(1);
  });

  it("of a creation: a repeat answers the same conversation as it was then", async () => {
    const { manager, clock } = await open();
    const create = () => manager.createConversation({ metadata: { source: "api" }, messages: [{ n: 1 }] }, { idempotencyKey: "c1" });
    const first = await create();
    const repeat = await create();
    expect(repeat).toEqual(first);
    expect([originOf(first)?.replayed, originOf(repeat)?.replayed]).toEqual([false, true]);
    clock.pass(HOUR);
    await manager.appendMessages(first.id, [{ n: 2 }]);
    await manager.updateConversation(first.id, { metadata: { a: 1 }, status: "completed" });
    expect(await create()).toEqual(first);
    expect(await Promise.all([create(), create(), create()])).toEqual([first, first, first]);
    await expect(manager.createConversation({ messages: [{ n: 9 }] }, { idempotencyKey: "c1" })).rejects.toThrow(IdempotencyKeyReusedError);
    await manager.deliver();
    expect((await manager.listConversations()).data).toHaveLength(1);
  });

  it("of ten creations at once makes one", async () => {
    const { manager, over } = await open();
    const others = [manager, over(), over()];
    const made = await Promise.all(Array.from({ length: 10 }, (_, i) => others[i % 3]!.createConversation({}, { idempotencyKey: "c1" })));
    for (const each of made) expect(each).toEqual(made[0]);
    await manager.deliver();
    expect((await manager.listConversations()).data).toHaveLength(1);
  });

  it("is kept for 24 hours", async () => {
    const { manager, clock } = await open();
    const create = () => manager.createConversation({}, { idempotencyKey: "c1" });
    const { id } = await create();
    const append = () => manager.appendMessages(id, [{ n: 1 }], { idempotencyKey: "k1" });
    await append();
    clock.pass(DAY - 1);
    await manager.cleanup();
    expect(await append()).toMatchObject({ messageCount: 1 });
    expect((await create()).id).toBe(id);
    clock.pass(MINUTE);
    expect((await manager.cleanup()).idempotencyEntries).toBe(2);
    expect(await append()).toMatchObject({ messageCount: 2 });
    expect((await create()).id).not.toBe(id);
  });

  it("has 1 to 255 visible ASCII characters, or comes bound with its fingerprint", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation();
    for (const idempotencyKey of ["", "a b", "è", "x".repeat(256), 5 as unknown as string]) {
      await expect(manager.appendMessages(id, [{ n: 1 }], { idempotencyKey })).rejects.toThrow(InvalidInputError);
      await expect(manager.createConversation({}, { idempotencyKey })).rejects.toThrow(InvalidInputError);
    }
    const bound = { key: "from a door", fingerprint: "f1" };
    await manager.appendMessages(id, [{ n: 1 }], { idempotencyKey: bound });
    expect(await manager.appendMessages(id, [{ n: 2 }], { idempotencyKey: bound })).toMatchObject({ messageCount: 1 });
    await expect(manager.appendMessages(id, [{ n: 1 }], { idempotencyKey: { ...bound, fingerprint: "f2" } })).rejects.toThrow(
      IdempotencyKeyReusedError,
    );
  });

  it("needs records for a creation", async () => {
    const { stores, over } = await open();
    await expect(over({ ...stores, records: null }).createConversation({}, { idempotencyKey: "c1" })).rejects.toThrow(NotSupportedError);
  });
});
