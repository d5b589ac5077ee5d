// What older code writes into a database of ours with its upsert of nine columns is found like everything else: by search, and by the person.

import { expect, it, onTestFinished } from "vitest";
import { classicArchive } from "../../src/adapters/postgres/classic-archive.ts";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { postgresStores } from "../../src/adapters/postgres/postgres-stores.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import type { Stores } from "../../src/core/stores.ts";
import { encryptedStores } from "../../src/security/encryption/encrypted-stores.ts";
import { describeWith } from "../engines.ts";
import { migratedSchema, migrationFiles } from "../postgres.ts";

const ID = "ITERA_20250125_143052_A7B9X2M8P4Q1_P";
const OTHER = "ITERA_20250125_143052_A7B9X2M8P4Q2_P";
const AT = Date.UTC(2025, 0, 25, 14, 30, 52);

type Change = (stores: Stores) => Stores;
const asTheyAre: Change = (stores) => stores;
const behindAnother: Change = (stores) => ({ ...stores, hot: memoryStores().hot });

describeWith("postgresql", "rows of older code", (at) => {
  async function opened(change: Change = asTheyAre) {
    const schema = await migratedSchema(at);
    onTestFinished(() => schema.dispose());
    const pool = schema.openPool({ max: 4 });
    const stores = await postgresStores({ pool });
    const errors: unknown[] = [];
    const manager = new ConversationManager(change(stores), { onError: (error) => void errors.push(error) });
    onTestFinished(() => manager.close());
    const old = classicArchive(pool);
    const upsert = async (id: string, email: string, content: string): Promise<void> => {
      const head = (await old.read(id, 0))?.head;
      const blank = { id, created: AT, lastActivity: AT, status: "archived", lastSeq: 1, archivedAt: AT, archiveReason: "resolved" };
      const body = JSON.stringify({ role: "user", content });
      await old.put({
        head: { ...head, ...blank, metadata: { source: "web", email }, session: null } as never,
        messages: [{ seq: 1, storedAt: AT, key: "a:1", digest: null, body, size: body.length }],
      });
    };
    const found = async (q: string) => (await manager.listConversations({ q, status: ["archived"] })).data.map(({ id }) => id);
    const marks = async () => (await pool.query("SELECT id FROM conversation_unindexed")).rows as unknown[];
    const of = async (value: string) => (await manager.eraseSubject({ key: "email", value, dryRun: true })).map(({ id }) => id);
    return { manager, pool, stores, upsert, found, marks, of, errors };
  }

  it.each([
    ["with live conversations beside them", asTheyAre],
    ["with live conversations in another store", behindAnother],
  ])("are found by what was said and by the person after the next run of the outbox, %s", async (_, change) => {
    const { manager, upsert, found, marks, of } = await opened(change);
    await upsert(ID, "anna@example.com", "the printer smokes");
    expect(await found("printer")).toEqual([]);
    expect(await manager.deliver()).toBe(1);
    expect(await found("printer")).toEqual([ID]);
    expect(await of("Anna@example.com")).toEqual([ID]);
    expect(await marks()).toEqual([]);
    expect(await manager.deliver()).toBe(0);

    await upsert(ID, "ben@example.com", "the screen is dark");
    expect(await found("printer")).toEqual([]);
    await manager.deliver();
    expect([await found("printer"), await found("screen")]).toEqual([[], [ID]]);
    expect([await of("anna@example.com"), await of("ben@example.com")]).toEqual([[], [ID]]);
  });

  it("are erased with the person at once, without waiting for a run", async () => {
    const { manager, upsert, marks, found } = await opened();
    await upsert(ID, "anna@example.com", "the printer smokes");
    expect(await manager.eraseSubject({ key: "email", value: "anna@example.com" })).toMatchObject([{ id: ID, messages: 1 }]);
    await expect(manager.getConversation(ID)).rejects.toThrow("Conversation was erased");
    await manager.deliver();
    expect([await found("printer"), await marks()]).toEqual([[], []]);
  });

  it("keep their person when they come back to life before anybody has looked", async () => {
    const { manager, upsert, of } = await opened();
    await upsert(ID, "anna@example.com", "the printer smokes");
    await manager.appendMessages(ID, [{ role: "user", content: "still" }]);
    await manager.deliver();
    expect(await of("anna@example.com")).toEqual([ID]);
    expect((await manager.listConversations({ q: "printer still" })).data.map(({ id }) => id)).toEqual([ID]);
  });

  it("that were written again while they were indexed keep what was written, and are indexed again", async () => {
    const { manager, stores, upsert, found } = await opened();
    await upsert(ID, "anna@example.com", "the printer smokes");
    const [item] = await stores.directory.unindexed!(10, 60_000);
    expect(await stores.directory.unindexed!(10, 60_000)).toEqual([]);
    await upsert(ID, "ben@example.com", "the screen is dark");
    await stores.directory.indexUnindexed!(item!, ["old"], [{ seq: 1, text: "the printer smokes" }]);
    expect(await stores.directory.bySubject("old", null, 10)).toEqual([]);
    await manager.deliver();
    expect([await found("printer"), await found("screen")]).toEqual([[], [ID]]);
  });

  it("that were there before anybody noted them are noted by the migration", async () => {
    const { manager, pool, upsert, found, of } = await opened();
    await upsert(ID, "anna@example.com", "the printer smokes");
    await pool.query("DELETE FROM conversation_unindexed");
    const { sql } = migrationFiles().find(({ name }) => name === "unindexed")!;
    await pool.query(sql.slice(sql.lastIndexOf("INSERT INTO conversation_unindexed")));
    await manager.deliver();
    expect([await found("printer"), await of("anna@example.com")]).toEqual([[ID], [ID]]);
  });

  it("of which one cannot be read do not keep the others", async () => {
    const { manager, pool, upsert, found, marks, errors } = await opened((stores) => ({
      ...stores,
      archive: {
        ...stores.archive!,
        read: (id, window) => (id === ID ? Promise.reject(new Error("unreadable")) : stores.archive!.read(id, window)),
      },
    }));
    await upsert(ID, "anna@example.com", "the printer smokes");
    await upsert(OTHER, "ben@example.com", "the printer is well");
    expect(await manager.deliver()).toBe(1);
    expect(errors).toHaveLength(1);
    expect(await found("printer")).toEqual([OTHER]);
    expect(await marks()).toEqual([{ id: ID }]);
    await pool.query("DELETE FROM conversation_unindexed");
  });

  it("over what was deleted by the older code leave no text", async () => {
    const { manager, pool, upsert, marks } = await opened();
    await upsert(ID, "anna@example.com", "the printer smokes");
    await manager.deliver();
    await pool.query("UPDATE conversations SET status = 'deleted' WHERE id = $1", [ID]);
    expect((await pool.query("SELECT FROM conversation_texts")).rowCount).toBe(0);
    expect((await pool.query("SELECT subjects, indexed_seq FROM conversations")).rows).toEqual([{ subjects: [], indexed_seq: 0 }]);
    expect(await marks()).toEqual([]);
  });

  it("are found by the person alone where there is encryption: nothing that was said is indexed", async () => {
    const { manager, pool, upsert, of } = await opened((stores) =>
      encryptedStores(stores, [{ id: "k7", key: new Uint8Array(32).fill(7) }]),
    );
    await upsert(ID, "anna@example.com", "the printer smokes");
    await manager.deliver();
    expect(await of("anna@example.com")).toEqual([ID]);
    expect((await pool.query("SELECT FROM conversation_texts")).rowCount).toBe(0);
  });
});
