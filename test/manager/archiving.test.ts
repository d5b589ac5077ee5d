// Archiving, reading what is archived, and becoming active again, from the hot store and from the archive alone.

import { expect, it } from "vitest";
import { sameWhole } from "../../src/conformance/expectations.ts";
import { ConflictError, ConversationNotFoundError, InvalidConversationIdError, InvalidInputError } from "../../src/core/errors.ts";
import type { ConversationManager } from "../../src/core/manager.ts";
import { faultyStores } from "../faulty-stores.ts";
import { DAY, HOUR, MINUTE, onEveryStore } from "./worlds.ts";

const SAID = [
  { role: "user", content: "buongiorno", id: "m1" },
  { role: "assistant", content: "salve", timestamp: "2025-01-25T14:30:53Z" },
];
const METADATA = {
  source: "chatbot_widget",
  context: { a: [1] },
  step: "matter",
  leadData: { email: "a@example.org" },
  extra: { b: null },
};

onEveryStore("archiving", (open) => {
  it("keeps everything, with time and reason", async () => {
    const { manager, clock, stores } = await open();
    const made = await manager.createConversation({ metadata: METADATA, messages: SAID });
    clock.pass(MINUTE);
    const archived = await manager.archiveConversation(made.id, "resolved");
    expect(archived).toEqual({
      ...made,
      status: "archived",
      expiresAt: null,
      archivedAt: clock.iso(),
      archiveReason: "resolved",
      version: made.version + 1,
    });
    expect(await manager.getConversation(made.id)).toEqual(archived);
    sameWhole(await stores.archive.read(made.id, Infinity), (await stores.hot.read(made.id, Infinity))!);
  });

  it("is for the reason `completed` unless told otherwise; a reason has 1 to 50 characters", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation();
    for (const reason of ["", "r".repeat(51), "a\0b", 5 as unknown as string]) {
      await expect(manager.archiveConversation(id, reason)).rejects.toThrow(InvalidInputError);
    }
    expect((await manager.archiveConversation(id)).archiveReason).toBe("completed");
    const other = await manager.createConversation();
    expect((await manager.archiveConversation(other.id, "r".repeat(50))).archiveReason).toBe("r".repeat(50));
  });

  it("of what is archived answers what is stored, with no event", async () => {
    const { manager, clock, kept } = await open();
    const { id } = await manager.createConversation({ messages: SAID });
    const first = await manager.archiveConversation(id, "first");
    clock.pass(HOUR);
    expect(await manager.archiveConversation(id, "second")).toEqual(first);
    expect(await manager.archiveConversation(id, "third", { messages: 1 })).toEqual({ ...first, messages: SAID.slice(1) });
    expect(await kept(id)).toEqual(["created", "archived"]);
  });

  it("archives what is completed, keeping when it was", async () => {
    const { manager, clock } = await open();
    const { id } = await manager.createConversation();
    const { completedAt } = await manager.completeConversation(id);
    clock.pass(HOUR);
    expect(await manager.archiveConversation(id)).toMatchObject({ status: "archived", completedAt, archivedAt: clock.iso() });
  });

  it("without an archive the conversation stays in the hot store, and comes back from there", async () => {
    const { stores, over, clock } = await open();
    const manager = over({ ...stores, archive: null });
    const { id } = await manager.createConversation({ messages: SAID });
    await manager.archiveConversation(id);
    clock.pass(100 * DAY);
    expect((await manager.sweep()).moved).toBe(0);
    expect(await manager.getConversation(id)).toMatchObject({ status: "archived", messages: SAID });
    await manager.appendMessages(id, [{ n: 3 }]);
    expect(await manager.getConversation(id)).toMatchObject({ status: "active", messageCount: 3 });
  });

  it("stays in the hot store for a day, and then is in the archive alone, where it reads the same", async () => {
    const { manager, pass, stores } = await open();
    const { id } = await manager.createConversation({ metadata: METADATA, messages: SAID });
    const archived = await manager.archiveConversation(id);
    await pass(24 * HOUR - 1);
    expect(await stores.hot.read(id, 0)).not.toBeNull();
    await pass(1);
    expect(await stores.hot.read(id, 0)).toBeNull();
    expect(await manager.getConversation(id)).toEqual(archived);
    expect(await manager.peekConversation(id, { messages: 1 })).toEqual({ ...archived, messages: SAID.slice(1) });
    expect((await manager.listMessages(id)).data.map(({ message }) => message)).toEqual(SAID);
    expect(await manager.archiveConversation(id, "again")).toEqual(archived);
  });

  it("stays there for the reactivation hours where they are longer", async () => {
    const { manager, pass, stores } = await open({ reactivationHours: 48 });
    const { id } = await manager.createConversation();
    await manager.archiveConversation(id);
    await pass(48 * HOUR - 1);
    expect(await stores.hot.read(id, 0)).not.toBeNull();
    await pass(1);
    expect(await stores.hot.read(id, 0)).toBeNull();
  });

  it("does not move what became active meanwhile", async () => {
    const { manager, pass, stores, clock } = await open();
    const { id } = await manager.createConversation();
    await manager.archiveConversation(id);
    clock.pass(23 * HOUR);
    await manager.reopenConversation(id);
    await pass(2 * HOUR);
    expect((await stores.hot.read(id, 0))?.head.status).toBe("active");
  });

  it("stands though the archive is down; the sweep brings it there later", async () => {
    const { manager, stores, over, failures, clock } = await open();
    const { id } = await manager.createConversation({ messages: SAID });
    let down = true;
    const watched = faultyStores(stores, ({ port }) => (port === "archive" && down ? "fails" : null));
    const other = over(watched.stores);
    expect((await other.archiveConversation(id)).status).toBe("archived");
    expect(failures.length).toBeGreaterThan(0);
    expect(await other.deliver()).toBe(0);
    down = false;
    clock.pass(MINUTE);
    await other.sweep();
    expect((await stores.archive.read(id, Infinity))?.messages).toHaveLength(2);
  });
});

type Back = (manager: ConversationManager, id: string) => Promise<unknown>;
const WAYS: [name: string, back: Back, events: string[]][] = [
  ["an append", (manager, id) => manager.appendMessages(id, [{ role: "user", content: "ancora" }]), ["reactivated"]],
  ["a session save", (manager, id) => manager.appendMessages(id, [], { state: { step: "x", context: {}, leadData: {} } }), ["reactivated"]],
  ["a save of a part of the state", (manager, id) => manager.appendMessages(id, [], { state: { step: "x" } }), ["reactivated"]],
  ["an update", (manager, id) => manager.updateConversation(id, { metadata: { c: 3 } }), ["reactivated"]],
  ["an update of the status", (manager, id) => manager.updateConversation(id, { status: "active" }), ["reactivated"]],
  ["an extension", (manager, id) => manager.extendConversation(id, 30), ["reactivated", "extended"]],
  ["reopening", (manager, id) => manager.reopenConversation(id), ["reactivated"]],
];

onEveryStore("what is archived", (open) => {
  it.each([0, HOUR, 30 * HOUR, 400 * DAY])("stays archived when it is read, %d ms later", async (age) => {
    const { manager, pass, kept } = await open();
    const { id } = await manager.createConversation({ messages: SAID });
    const archived = await manager.archiveConversation(id);
    await pass(age);
    expect(await manager.getConversation(id)).toEqual(archived);
    expect(await manager.listMessages(id)).toMatchObject({ data: [{ seq: 1 }, { seq: 2 }] });
    expect(await kept(id)).toEqual(["created", "archived"]);
  });

  for (const [way, back, events] of WAYS) {
    for (const moved of [false, true]) {
      it(`becomes active by ${way}${moved ? ", from the archive alone" : ""}`, async () => {
        const { manager, moveToArchive, stores, kept, clock } = await open();
        const { id } = await manager.createConversation({ metadata: METADATA, messages: SAID });
        await (moved ? moveToArchive(id) : manager.archiveConversation(id));
        expect((await stores.hot.read(id, 0)) === null).toBe(moved);
        await back(manager, id);
        const now = await manager.peekConversation(id);
        expect(now).toMatchObject({ status: "active", expiresAt: clock.iso(48 * HOUR) });
        expect(now).not.toHaveProperty("archivedAt");
        expect(now).not.toHaveProperty("archiveReason");
        expect(now?.messages.slice(0, 2)).toEqual(SAID);
        expect(now?.metadata).toMatchObject({ source: "chatbot_widget", extra: { b: null } });
        expect((await stores.hot.read(id, 0))?.head.status).toBe("active");
        expect(await kept(id)).toEqual(["created", "archived", ...events]);
      });
    }
  }

  it("goes to the archive again with everything, after it came back", async () => {
    const { manager, moveToArchive, stores } = await open();
    const { id } = await manager.createConversation({ messages: SAID });
    for (let round = 1; round <= 3; round++) {
      await moveToArchive(id);
      expect(await stores.hot.read(id, 0)).toBeNull();
      const { messageCount } = await manager.appendMessages(id, [{ round }]);
      expect(messageCount).toBe(2 + round);
    }
    await moveToArchive(id);
    const expected = [...SAID, { round: 1 }, { round: 2 }, { round: 3 }];
    expect((await manager.getConversation(id))?.messages).toEqual(expected);
    expect((await stores.archive.read(id, Infinity))?.messages.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
  });

  it("knows its messages' ids again after it came back", async () => {
    const { manager, moveToArchive } = await open();
    const { id } = await manager.createConversation();
    await manager.appendMessages(id, [{ id: "m1", content: "once" }]);
    await moveToArchive(id);
    const repeat = await manager.appendMessages(id, [{ id: "m1", content: "once" }]);
    expect(repeat).toMatchObject({ messages: [{ seq: 1 }], messageCount: 1 });
    await expect(manager.appendMessages(id, [{ id: "m1", content: "other" }])).rejects.toThrow(ConflictError);
    expect((await manager.peekConversation(id))?.status).toBe("archived");
  });

  it("cannot be completed", async () => {
    const { manager, moveToArchive } = await open();
    const { id } = await manager.createConversation();
    await manager.archiveConversation(id);
    await expect(manager.completeConversation(id)).rejects.toThrow(ConflictError);
    await expect(manager.updateConversation(id, { status: "completed" })).rejects.toThrow(ConflictError);
    const other = await manager.createConversation();
    await moveToArchive(other.id);
    await expect(manager.completeConversation(other.id)).rejects.toThrow(ConflictError);
    expect((await manager.peekConversation(other.id))?.status).toBe("archived");
  });

  it("keeps a hold that is placed on it in the archive alone", async () => {
    const { manager, moveToArchive, stores, pass, kept } = await open();
    const { id } = await manager.createConversation({ messages: SAID });
    await moveToArchive(id);
    expect(await manager.hold(id, "court")).toMatchObject({ status: "archived", messages: SAID });
    expect((await stores.archive.read(id, 0))?.head.hold).toBe(true);
    await pass(MINUTE);
    expect(await stores.hot.read(id, 0)).toBeNull();
    await manager.release(id, "over");
    expect((await stores.archive.read(id, 0))?.head.hold).toBe(false);
    expect(await kept(id)).toEqual(["created", "archived", "held", "released"]);
  });
});

onEveryStore("an unknown conversation", (open) => {
  const UNKNOWN = "ITERA_20250125_143052_A7B9X2M8P4Q1_D";
  const verbs: [name: string, call: (manager: ConversationManager, id: string) => Promise<unknown>][] = [
    ["updateConversation", (manager, id) => manager.updateConversation(id, { metadata: { a: 1 } })],
    ["updateConversation with nothing", (manager, id) => manager.updateConversation(id, {})],
    ["appendMessages", (manager, id) => manager.appendMessages(id, [{ a: 1 }])],
    ["appendMessages with a part of the state", (manager, id) => manager.appendMessages(id, [], { state: { step: "a" } })],
    ["completeConversation", (manager, id) => manager.completeConversation(id)],
    ["extendConversation", (manager, id) => manager.extendConversation(id)],
    ["archiveConversation", (manager, id) => manager.archiveConversation(id)],
    ["archiveConversation, wiping", (manager, id) => manager.archiveConversation(id, "x", { preserveData: false })],
    ["reopenConversation", (manager, id) => manager.reopenConversation(id)],
    ["eraseConversation", (manager, id) => manager.eraseConversation(id)],
    ["hold", (manager, id) => manager.hold(id, "x")],
    ["release", (manager, id) => manager.release(id, "x")],
    ["listMessages", (manager, id) => manager.listMessages(id)],
    ["events", (manager, id) => manager.events(id)],
  ];

  it("reads as null", async () => {
    const { manager } = await open();
    expect(await manager.getConversation(UNKNOWN)).toBeNull();
    expect(await manager.peekConversation(UNKNOWN)).toBeNull();
  });

  it("throws in every other verb, and a malformed ID does too", async () => {
    const { manager } = await open();
    for (const [name, call] of verbs) {
      await expect(call(manager, UNKNOWN), name).rejects.toThrow(new ConversationNotFoundError(UNKNOWN));
      for (const id of ["", "nonsense", `${UNKNOWN} `, UNKNOWN.toLowerCase(), undefined, null, 5, {}]) {
        await expect(call(manager, id as string), name).rejects.toThrow(InvalidConversationIdError);
      }
    }
  });

  it("with a malformed ID throws in the reads too", async () => {
    const { manager } = await open();
    await expect(manager.getConversation("nonsense")).rejects.toThrow(InvalidConversationIdError);
    await expect(manager.peekConversation("nonsense")).rejects.toThrow(InvalidConversationIdError);
  });
});
