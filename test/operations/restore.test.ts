import { describe, expect, it, onTestFinished } from "vitest";
import { postgresStores } from "../../src/adapters/postgres/postgres-stores.ts";
import { ConflictError } from "../../src/core/errors.ts";
import { createIdGenerator } from "../../src/core/id.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import type { Stores } from "../../src/core/stores.ts";
import type { BackupPlace } from "../../src/operations/backup/backup-place.ts";
import { checkBackup } from "../../src/operations/backup/check-backup.ts";
import { restoreBackup, type RestoreOptions, type RestoreReport } from "../../src/operations/backup/restore-backup.ts";
import { restoreMark } from "../../src/operations/backup/restore-mark.ts";
import { backupSource } from "../../src/runtimes/node/backup-source.ts";
import { encryptedStores } from "../../src/security/encryption/encrypted-stores.ts";
import { describeWith } from "../engines.ts";
import { migratedSchema } from "../postgres.ts";
import { answersOf, backUp, backupWorld, emptyStores } from "./backup-world.ts";

const IDS = { ids: createIdGenerator({ prefix: "ITERA" }), environment: "D" } as const;

function restore(place: BackupPlace, id: string, to: Stores, options: Partial<RestoreOptions> = {}): Promise<RestoreReport> {
  return restoreBackup(place, id, to, { idPrefix: "ITERA", newer: [place], ...options });
}

async function restored(place: BackupPlace, id: string, to: Stores): Promise<ConversationManager> {
  await restore(place, id, to);
  const manager = new ConversationManager(to, IDS);
  await manager.deliver();
  return manager;
}

describe("a restored database", () => {
  it("answers through every port as the one that was backed up, but no ETag of before is one again", async () => {
    const { stores, place, varied, manager } = await backupWorld();
    const before = await answersOf(stores);
    const { id } = await backUp(stores, place);
    const to = await emptyStores();
    const again = await restored(place, id, to);
    expect(await answersOf(to)).toEqual(before);
    const [old, now] = await Promise.all([manager, again].map((each) => each.getConversation(varied.active)));
    expect(now!.version).toBe(old!.version);
    expect((await to.hot.read(varied.active, 0))!.head.incarnation).not.toBe((await stores.hot.read(varied.active, 0))!.head.incarnation);
    await again.appendMessages(varied.active, [{ role: "user", content: "si va avanti" }]);
  });

  it("can be backed up, and that backup restored", async () => {
    const { stores, place } = await backupWorld();
    const between = await emptyStores();
    await restored(place, (await backUp(stores, place)).id, between);
    const last = await emptyStores();
    await restored(place, (await backUp(between, place)).id, last);
    expect(await answersOf(last)).toEqual(await answersOf(stores));
  });

  it("reads with the keys that its backup names", async () => {
    const { place } = await backupWorld();
    const keys = [{ id: "k1", key: new Uint8Array(32).fill(1) }];
    const stores = await emptyStores();
    const manager = new ConversationManager(encryptedStores(stores, keys), IDS);
    const { id } = await manager.createConversation({ metadata: { email: "anna@example.com" } });
    await manager.appendMessages(id, [{ role: "user", content: "il canarino canta" }]);
    const to = await emptyStores();
    await restore(place, (await backUp(stores, place)).id, to);
    const sealed = new ConversationManager(encryptedStores(to, keys), IDS);
    expect((await sealed.getConversation(id))!.messages).toMatchObject([{ content: "il canarino canta" }]);
    expect((await to.directory!.list({ text: "canarino", limit: 10 })).heads).toEqual([]);
  });
});

describe("a restore", () => {
  it("that is stopped goes on where it was, and comes to the same", async () => {
    const { stores, manager, place } = await backupWorld();
    for (let i = 0; i < 450; i++) await manager.createConversation({});
    await manager.deliver();
    const { id } = await backUp(stores, place);
    const to = await emptyStores();
    const stop = new AbortController();
    const onProgress: RestoreOptions["onProgress"] = (step, part) => {
      if (step === "restoring" && part > 0.3) stop.abort(new Error("stopped"));
    };
    await expect(restore(place, id, to, { signal: stop.signal, onProgress })).rejects.toThrow("stopped");
    expect(await restoreMark(to.records!)).toMatchObject({ backup: id, done: false });
    const report = await restore(place, id, to);
    expect(report).toMatchObject({ resumed: true, conversations: 462 });
    expect(report.added).toBeLessThan(300);
    await new ConversationManager(to, IDS).deliver();
    expect(await answersOf(to)).toEqual(await answersOf(stores));
    expect(await restoreMark(to.records!)).toMatchObject({ backup: id, done: true });
  });

  it("changes nothing when it is done again, also after the database was used", async () => {
    const { stores, place, varied } = await backupWorld();
    const { id } = await backUp(stores, place);
    const to = await emptyStores();
    const manager = await restored(place, id, to);
    await manager.appendMessages(varied.active, [{ role: "user", content: "dopo" }]);
    await manager.archiveConversation(varied.completed);
    await manager.deliver();
    const before = await answersOf(to);
    expect(await restore(place, id, to)).toMatchObject({ added: 0, replaced: 0, newer: 2, erasures: 0, records: 0 });
    await manager.deliver();
    expect(await answersOf(to)).toEqual(before);
  });

  it("is refused where something else is, unless it is to be added", async () => {
    const { stores, place, manager, varied } = await backupWorld();
    const { id } = await backUp(stores, place);
    const to = await emptyStores();
    const other = new ConversationManager(to, IDS);
    const own = await other.createConversation({});
    await other.deliver();
    const before = await answersOf(to);
    await expect(restore(place, id, to)).rejects.toThrow(ConflictError);
    expect(await answersOf(to)).toEqual(before);
    expect(await restoreMark(to.records!)).toBeNull();
    expect(await restore(place, id, to, { intoExisting: true })).toMatchObject({ newer: 0, replaced: 0 });
    expect(await other.getConversation(own.id)).toMatchObject({ id: own.id });
    expect((await other.getConversation(varied.held))!.messages).toEqual((await manager.getConversation(varied.held))!.messages);
  });

  it("into the database itself puts back what is lost, and leaves what is newer", async () => {
    const { stores, place, manager, varied } = await backupWorld();
    const { id } = await backUp(stores, place);
    await manager.appendMessages(varied.active, [{ role: "user", content: "dopo" }]);
    const head = (await stores.hot.read(varied.reopened, 0))!.head;
    await stores.hot.remove(varied.reopened, head.version);
    const report = await restore(place, id, stores, { intoExisting: true });
    expect(report.newer).toBeGreaterThan(1);
    expect((await manager.getConversation(varied.active))!.messages.at(-1)).toMatchObject({ content: "dopo" });
    expect((await stores.hot.read(varied.reopened, 0))!.head.version).toBe(head.version);
  });

  it("of another backup does not begin before the one that was broken off is finished", async () => {
    const { stores, place } = await backupWorld();
    const [one, other] = [await backUp(stores, place), await backUp(stores, place)];
    const to = await emptyStores();
    const stop = new AbortController();
    const onProgress: RestoreOptions["onProgress"] = (step) => {
      if (step === "restoring") throw new Error("stopped");
    };
    await expect(restore(place, one.id, to, { signal: stop.signal, onProgress })).rejects.toThrow("stopped");
    await expect(restore(place, other.id, to, { intoExisting: true })).rejects.toThrow(/finish that first/);
  });
});

describe("what was erased after a backup", () => {
  it("does not come back when a newer backup knows of it", async () => {
    const { stores, place, manager, varied } = await backupWorld();
    const old = await backUp(stores, place, { clock: () => Date.now() - 86_400_000 });
    await manager.eraseConversation(varied.archived, { reason: "asked" });
    await manager.deliver();
    await backUp(stores, place);
    const to = await emptyStores();
    const again = await restored(place, old.id, to);
    await expect(again.getConversation(varied.archived)).rejects.toThrow("erased");
    expect((await to.directory!.list({ text: "carla", limit: 10 })).heads).toEqual([]);
    expect(JSON.stringify(await answersOf(to))).not.toContain("carla");
    expect(await to.archive!.erased(varied.archived)).toBe(true);
  });

  it("does not come back where the database itself knows of it, even from before a hold", async () => {
    const { stores, place, manager, varied } = await backupWorld();
    const { id } = await backUp(stores, place);
    await manager.release(varied.held, "over");
    await manager.eraseConversation(varied.held);
    await manager.eraseConversation(varied.active);
    await manager.deliver();
    await restore(place, id, stores, { intoExisting: true });
    for (const erased of [varied.held, varied.active]) await expect(manager.getConversation(erased)).rejects.toThrow("erased");
    expect(JSON.stringify(await answersOf(stores))).not.toMatch(/elena|anna/);
  });

  it("is erased where it lives on, held or not, when a backup that knows of it is added", async () => {
    const { stores, place, manager, varied } = await backupWorld();
    const old = await backUp(stores, place, { clock: () => Date.now() - 86_400_000 });
    const to = await emptyStores();
    const there = await restored(place, old.id, to);
    await manager.release(varied.held, "over");
    for (const id of [varied.held, varied.active]) await manager.eraseConversation(id);
    await manager.deliver();
    const { id } = await backUp(stores, place);
    expect(await restore(place, id, to, { intoExisting: true })).toMatchObject({ erasures: 2 });
    await there.deliver();
    for (const erased of [varied.held, varied.active]) await expect(there.getConversation(erased)).rejects.toThrow("erased");
    expect(JSON.stringify(await answersOf(to))).not.toMatch(/elena|anna/);
  });
});

describeWith("postgresql", "backups between SQLite and PostgreSQL", (at) => {
  async function postgres(): Promise<{ stores: Stores; url: string }> {
    const schema = await migratedSchema(at);
    onTestFinished(() => schema.dispose());
    const { hot, archive, directory, records } = await postgresStores({ pool: schema.openPool() });
    return { stores: { hot, archive, directory, records }, url: schema.url };
  }

  it("restore there and back to the same, whatever any port answers", async () => {
    const { stores, place } = await backupWorld();
    const before = await answersOf(stores);
    const { stores: between, url } = await postgres();
    await restored(place, (await backUp(stores, place)).id, between);
    expect(await answersOf(between)).toEqual(before);
    const source = backupSource({ database: { engine: "postgresql", url }, hotStore: null, idPrefix: "ITERA" }, between);
    const { id } = await backUp(between, place, { source });
    expect((await checkBackup(place, id)).consistency).toBe("snapshot");
    const last = await emptyStores();
    await restored(place, id, last);
    expect(await answersOf(last)).toEqual(before);
  });

  it("of PostgreSQL, made while it is written to, are what it was at one instant", async () => {
    const { place } = await backupWorld();
    const { stores, url } = await postgres();
    const manager = new ConversationManager(stores, IDS);
    const make = async (): Promise<string> => (await manager.createConversation({})).id;
    const pairs = await Promise.all(Array.from({ length: 6 }, async () => [await make(), await make()] as const));
    const written = new AbortController();
    const writing = pairs.map(async (pair) => {
      for (let n = 1; !written.signal.aborted; n++) {
        for (const each of pair) await manager.appendMessages(each, [{ role: "user", content: `message ${n}` }]);
      }
    });
    const source = backupSource({ database: { engine: "postgresql", url }, hotStore: null, idPrefix: "ITERA" }, stores);
    const { id } = await backUp(stores, place, { source });
    written.abort();
    await Promise.all(writing);
    const to = await emptyStores();
    await restore(place, id, to);
    for (const pair of pairs) {
      const [a, b] = (await to.hot.heads([...pair])).map((head) => head!.lastSeq);
      expect([0, 1]).toContain(a! - b!);
    }
  });
});
