// Erasing one conversation, or all of a person: a tombstone stays, everything else is gone from every store, and stays gone.

import { expect, it } from "vitest";
import { ConflictError, GoneError, InvalidInputError, NotSupportedError, StoreUnavailableError } from "../../src/core/errors.ts";
import type { ConversationManager } from "../../src/core/manager.ts";
import { faultyStores } from "../faulty-stores.ts";
import { everythingIn } from "./everything-in.ts";
import { collect, DAY, HOUR, MINUTE, onEveryStore, overwrittenBy } from "./worlds.ts";

const CANARY = "canarino";
const CONTENT = {
  metadata: { source: "chatbot_widget", note: CANARY, context: { c: CANARY }, leadData: { name: CANARY } },
  messages: [
    { role: "user", content: `sono ${CANARY}` },
    { role: "user", content: "secondo" },
  ],
};

onEveryStore("erasing", (open) => {
  it.each(["active", "completed", "expired", "archived", "in the archive alone"])("what is %s leaves a tombstone", async (where) => {
    const { manager, clock, stores, moveToArchive, pass } = await open({ backupRetentionDays: 30 });
    const { id } = await manager.createConversation(CONTENT);
    if (where === "completed") await manager.completeConversation(id);
    if (where === "expired") clock.pass(30 * HOUR);
    if (where === "archived") await manager.archiveConversation(id);
    if (where === "in the archive alone") await moveToArchive(id);
    clock.pass(MINUTE);
    expect(await manager.eraseConversation(id, { reason: "request" })).toEqual({
      id,
      action: "erased",
      at: clock.iso(),
      removed: { hot: where === "in the archive alone" ? 0 : 2, archive: where.includes("archive") ? 2 : 0 },
      overwrittenBy: overwrittenBy(stores),
      backupsExpireAt: clock.iso(30 * DAY),
    });
    for (const later of [0, HOUR, 30 * HOUR]) {
      await pass(later);
      await expect(manager.getConversation(id)).rejects.toThrow(new GoneError());
      await expect(manager.peekConversation(id)).rejects.toThrow("Conversation was erased");
      await expect(manager.listMessages(id)).rejects.toThrow(GoneError);
      await expect(manager.events(id)).rejects.toThrow(GoneError);
      expect(await everythingIn(stores)).not.toContain(CANARY);
    }
    expect(await stores.archive.erased(id)).toBe(true);
    expect(await stores.hot.read(id, 0)).toBeNull();
    expect(await stores.archive.erasures(0, 10)).toMatchObject([{ n: 1, id }]);
  });

  const verbs: [name: string, verb: (manager: ConversationManager, id: string) => Promise<unknown>][] = [
    ["append", (manager, id) => manager.appendMessages(id, [{ content: "late" }])],
    ["save of a part of the state", (manager, id) => manager.appendMessages(id, [], { state: { step: "x" } })],
    ["update", (manager, id) => manager.updateConversation(id, { metadata: { a: 1 } })],
    ["update with nothing", (manager, id) => manager.updateConversation(id, {})],
    ["completion", (manager, id) => manager.completeConversation(id)],
    ["extension", (manager, id) => manager.extendConversation(id)],
    ["archiving", (manager, id) => manager.archiveConversation(id)],
    ["wiping", (manager, id) => manager.archiveConversation(id, "x", { preserveData: false })],
    ["reopening", (manager, id) => manager.reopenConversation(id)],
    ["hold", (manager, id) => manager.hold(id, "x")],
    ["release", (manager, id) => manager.release(id, "x")],
  ];
  it("every later verb finds it gone, in the hot store and in the archive alone", async () => {
    const { manager, pass } = await open();
    const { id } = await manager.createConversation(CONTENT);
    await manager.eraseConversation(id);
    for (const time of [0, 25 * HOUR]) {
      await pass(time);
      for (const [name, verb] of verbs) await expect(verb(manager, id), name).rejects.toThrow(GoneError);
    }
    await expect(manager.peekConversation(id)).rejects.toThrow(GoneError);
  });

  it("again answers the first receipt", async () => {
    const { manager, pass, told } = await open();
    const { id } = await manager.createConversation(CONTENT);
    const first = await manager.eraseConversation(id);
    await pass(30 * HOUR);
    expect(await manager.eraseConversation(id, { reason: "other" })).toEqual(first);
    expect(told(id)).toEqual(["created", "erased"]);
  });

  it("gives a receipt of what is known, when the first try stopped half-way", async () => {
    const { manager, stores, over } = await open();
    const { id } = await manager.createConversation(CONTENT);
    await manager.archiveConversation(id);
    const broken = faultyStores(stores, ({ method }) => (method === "erase" ? "fails" : null));
    await expect(over(broken.stores).eraseConversation(id)).rejects.toThrow(StoreUnavailableError);
    await expect(manager.peekConversation(id)).rejects.toThrow(GoneError);
    const receipt = await manager.eraseConversation(id);
    expect(receipt).toMatchObject({ action: "erased", removed: { hot: 2, archive: 2 } });
    expect(await manager.eraseConversation(id)).toEqual(receipt);
    expect(await everythingIn(stores)).not.toContain(CANARY);
  });

  it("is refused under a hold, and for a reason of over 200 characters", async () => {
    const { manager } = await open();
    const { id } = await manager.createConversation(CONTENT);
    const held = await manager.hold(id, "court");
    await expect(manager.eraseConversation(id)).rejects.toThrow(ConflictError);
    expect(await manager.peekConversation(id)).toEqual(held);
    await manager.release(id, "settled");
    await expect(manager.eraseConversation(id, { reason: "r".repeat(201) })).rejects.toThrow(InvalidInputError);
    await manager.eraseConversation(id, { reason: "r".repeat(200) });
  });

  it("is logged, though the archive has not heard yet that a hold was released", async () => {
    const { manager, stores } = await open();
    const { id } = await manager.createConversation(CONTENT);
    await manager.archiveConversation(id);
    await manager.hold(id, "court");
    await stores.hot.commit(id, { now: manager.settings.clock(), hold: false });
    await manager.eraseConversation(id);
    expect(await stores.archive.erased(id)).toBe(true);
    expect(await everythingIn(stores)).not.toContain(CANARY);
  });

  it("no slow mover, no late retry and no import brings it back", async () => {
    const { manager, stores, pass } = await open();
    const made = await manager.createConversation(CONTENT, { idempotencyKey: "c1" });
    await manager.appendMessages(made.id, [{ content: CANARY }], { idempotencyKey: "a1" });
    await manager.archiveConversation(made.id);
    const slow = (await stores.hot.read(made.id, Infinity))!;
    const lines = await collect(manager.exportConversations());
    await manager.eraseConversation(made.id);
    expect(await stores.archive.put(slow)).toBe("erased");
    await stores.directory.index(slow.head, { after: 0, messages: [{ seq: 1, text: CANARY }] });
    await expect(manager.importConversation(lines[0]!)).rejects.toThrow(GoneError);
    await expect(manager.appendMessages(made.id, [{ content: CANARY }], { idempotencyKey: "a1" })).rejects.toThrow(GoneError);
    await expect(manager.createConversation(CONTENT, { idempotencyKey: "c1" })).rejects.toThrow(GoneError);
    await pass(30 * HOUR);
    await expect(manager.importConversation(lines[0]!)).rejects.toThrow(GoneError);
    expect(await everythingIn(stores)).not.toContain(CANARY);
    expect(await collect(manager.exportConversations())).toEqual([]);
  });

  it("is known by the log alone, when nothing else is left", async () => {
    const { manager, stores } = await open();
    const id = "ITERA_20240102_030405_A7B9X2M8P4Q1_P";
    await stores.archive.erase(id, { at: 1, by: "restore" });
    await expect(manager.importConversation({ id, messages: [{ n: 1 }] })).rejects.toThrow(GoneError);
    expect(await manager.peekConversation(id).catch(() => null)).toBeNull();
  });

  it("still counts, and is listed only when asked for", async () => {
    const { manager, clock } = await open();
    const { id } = await manager.createConversation(CONTENT);
    clock.pass(HOUR);
    await manager.eraseConversation(id);
    await manager.deliver();
    expect((await manager.listConversations()).data).toEqual([]);
    expect((await manager.listConversations({ status: ["deleted"] })).data).toMatchObject([{ id, metadata: {}, messageCount: 2 }]);
    expect((await manager.listConversations({ q: "secondo", status: ["deleted"] })).data).toEqual([]);
    expect(await manager.analytics()).toMatchObject({ totals: { total: 1, archived: 1 }, live: 0 });
  });
});

onEveryStore("erasing a person", (open) => {
  async function people({ manager, moveToArchive }: Awaited<ReturnType<typeof open>>) {
    const over = await manager.createConversation({ metadata: { email: "ada@example.org" }, messages: [{ n: 1 }] });
    await moveToArchive(over.id);
    const ids = [over.id];
    const add = async (metadata: object) =>
      ids.push((await manager.createConversation({ metadata: { ...metadata }, messages: [{ n: 1 }, { n: 2 }] })).id);
    await add({ email: "  Ada@Example.ORG " });
    await add({ leadData: { email: "ADA@example.org", phone: "+39 02 123-456" } });
    await add({ email: "grace@example.org", phone: "02/123456", note: "ada@example.org" });
    await add({ visitorId: "ada@example.org" });
    return ids;
  }

  it("finds a value in metadata and in leadData, whatever its letter case and blanks, and only under its key", async () => {
    const world = await open();
    const { manager } = world;
    const ids = await people(world);
    const found = await manager.eraseSubject({ key: "email", value: "ada@EXAMPLE.org ", dryRun: true });
    expect(found).toEqual(
      [
        { id: ids[0], messages: 1 },
        { id: ids[1], messages: 2 },
        { id: ids[2], messages: 2 },
      ].toSorted((a, b) => (a.id! < b.id! ? -1 : 1)),
    );
    for (const id of ids) expect(await manager.peekConversation(id)).not.toBeNull();
    const done = await manager.eraseSubject({ key: "email", value: "ada@example.org" });
    expect(done.map(({ receipt, ...rest }) => ({ ...rest, action: receipt?.action }))).toEqual(
      found.map((each) => ({ ...each, action: "erased" })),
    );
    for (const id of ids.slice(0, 3)) await expect(manager.peekConversation(id)).rejects.toThrow(GoneError);
    for (const id of ids.slice(3)) expect(await manager.peekConversation(id)).not.toBeNull();
    expect(await manager.eraseSubject({ key: "email", value: "ada@example.org" })).toEqual([]);
  });

  it("matches telephones by digits and a leading +", async () => {
    const world = await open();
    const ids = await people(world);
    const find = async (value: string) => (await world.manager.eraseSubject({ key: "phone", value, dryRun: true })).map(({ id }) => id);
    expect(await find("+3902123456")).toEqual([ids[2]]);
    expect(await find("02 12 34 56")).toEqual([ids[3]]);
    expect(await find("3902123456")).toEqual([]);
  });

  it("matches everything else exactly", async () => {
    const world = await open();
    const ids = await people(world);
    const find = async (value: string) => (await world.manager.eraseSubject({ key: "visitorId", value, dryRun: true })).map(({ id }) => id);
    expect(await find(" ada@example.org")).toEqual([ids[4]]);
    expect(await find("Ada@example.org")).toEqual([]);
  });

  it("finds what was said at any time, in a state or an update, though it was overwritten since", async () => {
    const { manager } = await open({ subjectKeys: ["email", "hotelId", "workPhone"] });
    const { id } = await manager.createConversation();
    await manager.appendMessages(id, [], { state: { leadData: { email: "old@example.org", hotelId: "Grand 7" } } });
    await manager.updateConversation(id, { metadata: { workPhone: 21234, leadData: { email: "new@example.org" } } });
    for (const [key, value] of [
      ["email", "OLD@example.org"],
      ["email", "new@example.org"],
      ["hotelId", "Grand 7"],
      ["workPhone", "2-12-34"],
    ] as const) {
      expect(await manager.eraseSubject({ key, value, dryRun: true }), value).toEqual([{ id, messages: 0 }]);
    }
    expect(await manager.eraseSubject({ key: "hotelId", value: "Small 7", dryRun: true })).toEqual([]);
  });

  it("is not kept from the others by one that is on hold", async () => {
    const world = await open();
    const { manager } = world;
    const ids = await people(world);
    await manager.hold(ids[1]!, "court");
    const dry = await manager.eraseSubject({ key: "email", value: "ada@example.org", dryRun: true });
    expect(dry.find(({ id }) => id === ids[1])?.error).toMatch(/legal hold/);
    const done = await manager.eraseSubject({ key: "email", value: "ada@example.org" });
    expect(done.map(({ id, receipt, error }) => [id === ids[1], receipt === undefined, error !== undefined])).toEqual(
      done.map(({ id }) => [id === ids[1], id === ids[1], id === ids[1]]),
    );
    expect(await manager.peekConversation(ids[1]!)).not.toBeNull();
  });

  it("goes through as many as there are", async () => {
    const { manager } = await open();
    for (let i = 0; i < 230; i++) await manager.createConversation({ metadata: { visitorId: "v1" } });
    expect(await manager.eraseSubject({ key: "visitorId", value: "v1" })).toHaveLength(230);
    expect(await manager.analytics()).toMatchObject({ live: 0 });
  });

  it("keeps only keyed hashes of people where a secret is set", async () => {
    const secret = new Uint8Array(32).fill(7);
    const { manager, stores, over } = await open({ secret });
    const { id } = await manager.createConversation({ metadata: { email: "ada@example.org" } });
    const { subjects } = (await stores.hot.read(id, 0))!.head;
    expect(subjects).toEqual([expect.stringMatching(/^[\w-]{43}$/)]);
    const other = over(undefined, { secret: new Uint8Array(32).fill(8) });
    expect(await other.eraseSubject({ key: "email", value: "ada@example.org", dryRun: true })).toEqual([]);
    expect(await manager.eraseSubject({ key: "email", value: "ada@example.org", dryRun: true })).toHaveLength(1);
  });

  it("needs a key of SUBJECT_KEYS, a value, and a directory", async () => {
    const { manager, stores, over } = await open();
    for (const subject of [
      { key: "name", value: "Ada" },
      { key: "email", value: " " },
      { key: "email", value: 5 as unknown as string },
    ]) {
      await expect(manager.eraseSubject(subject)).rejects.toThrow(InvalidInputError);
    }
    await expect(over({ ...stores, directory: null }).eraseSubject({ key: "email", value: "a" })).rejects.toThrow(NotSupportedError);
  });
});
