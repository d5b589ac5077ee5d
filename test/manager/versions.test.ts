// Expected versions, in every verb; and creation, which never overwrites.

import { expect, it } from "vitest";
import { ConflictError, InvalidInputError, VersionMismatchError } from "../../src/core/errors.ts";
import { createIdGenerator } from "../../src/core/id.ts";
import { HOUR, onEveryStore } from "./worlds.ts";

onEveryStore("an expected version", (open) => {
  it("refuses every verb when it is stale, by number and with the incarnation, and tells what is there", async () => {
    const { manager, stores } = await open();
    const { id } = await manager.createConversation();
    await manager.appendMessages(id, [{ a: 1 }]);
    const { incarnation } = (await stores.hot.read(id, 0))!.head;
    const before = await manager.peekConversation(id);
    for (const expectedVersion of [1, 3, `${incarnation}.1`, `${incarnation}X.2`]) {
      const options = { expectedVersion };
      const calls = [
        () => manager.appendMessages(id, [{ a: 2 }], options),
        () => manager.appendMessages(id, [], { ...options, state: { step: "a" } }),
        () => manager.updateConversation(id, { metadata: { a: 1 } }, options),
        () => manager.updateConversation(id, { messages: [] }, options),
        () => manager.completeConversation(id, options),
        () => manager.extendConversation(id, 24, "x", options),
        () => manager.archiveConversation(id, "x", options),
        () => manager.archiveConversation(id, "x", { ...options, preserveData: false }),
        () => manager.reopenConversation(id, options),
        () => manager.eraseConversation(id, options),
        () => manager.hold(id, "x", options),
        () => manager.release(id, "x", options),
      ];
      for (const call of calls) {
        const error = await call().catch((reason: unknown) => reason);
        expect(error, call.toString()).toBeInstanceOf(VersionMismatchError);
        expect((error as VersionMismatchError).current).toMatchObject({ incarnation, version: 2 });
      }
    }
    expect(await manager.peekConversation(id)).toEqual(before);
  });

  it("lets the change through when it is what is stored", async () => {
    const { manager, stores } = await open();
    const { id } = await manager.createConversation();
    const { incarnation } = (await stores.hot.read(id, 0))!.head;
    expect((await manager.appendMessages(id, [{ a: 1 }], { expectedVersion: 1 })).version).toBe(2);
    expect((await manager.updateConversation(id, { metadata: { a: 1 } }, { expectedVersion: `${incarnation}.2` })).version).toBe(3);
    expect((await manager.archiveConversation(id, "x", { expectedVersion: 3 })).version).toBe(4);
  });

  it("holds for what has expired and for what is in the archive alone", async () => {
    const { manager, clock, moveToArchive } = await open();
    const { id } = await manager.createConversation();
    clock.pass(25 * HOUR);
    await expect(manager.updateConversation(id, { metadata: { a: 1 } }, { expectedVersion: 0 })).rejects.toThrow(VersionMismatchError);
    const answers = await Promise.allSettled(
      ["a", "b", "c"].map((key) => manager.updateConversation(id, { metadata: { [key]: 1 } }, { expectedVersion: 1 })),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected", "rejected"]);
    await moveToArchive(id);
    const { version } = (await manager.peekConversation(id))!;
    const stale = { expectedVersion: version - 1 };
    await expect(manager.appendMessages(id, [{ a: 1 }], stale)).rejects.toThrow(VersionMismatchError);
    await expect(manager.eraseConversation(id, stale)).rejects.toThrow(VersionMismatchError);
    await expect(manager.archiveConversation(id, "x", { ...stale, preserveData: false })).rejects.toThrow(VersionMismatchError);
    expect((await manager.appendMessages(id, [{ a: 1 }], { expectedVersion: version })).version).toBe(version + 1);
  });

  it("that is none is refused", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation();
    for (const expectedVersion of [-1, 1.5, Number.NaN, "1", "x.y", "", ".1"]) {
      await expect(manager.completeConversation(id, { expectedVersion })).rejects.toThrow(InvalidInputError);
    }
  });

  it("does not matter for what is closed for good", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation();
    await manager.archiveConversation(id, "x", { preserveData: false });
    for (const call of [
      () => manager.appendMessages(id, [{ a: 1 }], { expectedVersion: 1 }),
      () => manager.updateConversation(id, { metadata: { a: 1 } }, { expectedVersion: 1 }),
      () => manager.completeConversation(id, { expectedVersion: 1 }),
    ]) {
      await expect(call()).rejects.toThrow(new ConflictError("Conversation was wiped"));
    }
    await manager.eraseConversation(id);
    await expect(manager.appendMessages(id, [{ a: 1 }], { expectedVersion: 1 })).rejects.toMatchObject({ code: "gone" });
    await expect(manager.updateConversation(id, {}, { expectedVersion: 1 })).rejects.toMatchObject({ code: "gone" });
  });
});

onEveryStore("a new conversation", (open) => {
  it("never overwrites: an ID that exists is drawn again", async () => {
    const { manager, over } = await open();
    const taken = await manager.createConversation({ messages: [{ a: 1 }] });
    let draws = 0;
    const ids = {
      ...manager.settings.ids,
      generate: (...args: Parameters<typeof manager.settings.ids.generate>) => {
        draws += 1;
        return draws < 3 ? taken.id : manager.settings.ids.generate(...args);
      },
    };
    const made = await over(undefined, { ids }).createConversation({ messages: [{ b: 1 }] });
    expect([made.id === taken.id, draws]).toEqual([false, 3]);
    draws = 0;
    const keyed = () => over(undefined, { ids }).createConversation({ messages: [{ b: 1 }] }, { idempotencyKey: "k1" });
    const first = await keyed();
    expect([first.id === taken.id, draws]).toEqual([false, 3]);
    expect(await keyed()).toEqual(first);
    expect(await manager.peekConversation(taken.id)).toEqual(taken);
  });

  it("has an ID of the randomness and the time that the manager was given", async () => {
    const { manager } = await open({ random: (bytes) => bytes.fill(1) });
    expect((await manager.createConversation()).id).toBe("ITERA_20250125_143052_BBBBBBBBBBBB_D");
  });

  it("has an ID of its own time, whatever clock the generator has, and of another prefix where one is set", async () => {
    const { manager } = await open({ ids: createIdGenerator({ prefix: "SHOP", clock: () => 0 }) });
    const { id } = await manager.createConversation();
    expect(id).toMatch(/^SHOP_20250125_143052_/);
    expect((await manager.appendMessages(id, [{ a: 1 }])).messageCount).toBe(1);
    await expect(manager.getConversation(id.replace("SHOP", "ITERA"))).rejects.toMatchObject({ code: "invalid_id" });
  });

  it("gives up with a clear error when no free ID is found", async () => {
    const { manager, over } = await open();
    const taken = await manager.createConversation();
    const ids = { ...manager.settings.ids, generate: () => taken.id };
    await expect(over(undefined, { ids }).createConversation()).rejects.toMatchObject({ code: "store_unavailable" });
  });

  it("begins with the messages and the metadata that it is given", async () => {
    const { manager } = await open();
    const metadata = { source: "chatbot_widget", clientIP: "203.0.113.9", context: { a: 1 }, step: "greeting", leadData: { name: "Ada" } };
    const made = await manager.createConversation({ metadata, messages: [{ role: "user", content: "ciao" }] });
    expect(made).toMatchObject({ metadata, messageCount: 1, messages: [{ role: "user", content: "ciao" }] });
    expect(await manager.peekConversation(made.id)).toEqual(made);
    for (const initial of [
      { metadata: [] },
      { metadata: "x" },
      { messages: {} },
      { messages: ["x"] },
      { messages: [null] },
      { messages: [[1]] },
    ]) {
      await expect(manager.createConversation(initial as object)).rejects.toThrow(InvalidInputError);
    }
  });
});
