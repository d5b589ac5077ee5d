// The classic manager over a real PostgreSQL: what it says where the guide's table cannot hold a conversation, and that after `itera migrate`
// the same two statements work, on what was there before too.

import { expect, it, onTestFinished } from "vitest";
import ConversationStorageManager from "../../src/classic/conversation-storage-manager.ts";
import { migratePostgres } from "../../src/adapters/postgres/migrate.ts";
import { StoreUnavailableError } from "../../src/core/errors.ts";
import { archivedRow, insertRows, makeGuideDatabase } from "../adapters/guide-database.ts";
import { describeWith } from "../engines.ts";
import { freshSchema, migrationFiles, withClient } from "../postgres.ts";
import { KvDouble } from "./kv-double.ts";

class Quiet extends ConversationStorageManager {
  override logConversationEvent(): void {}
}

describeWith("postgresql", "the classic manager over a bare {query} of PostgreSQL", (at) => {
  async function opened() {
    const schema = await freshSchema(at);
    onTestFinished(() => schema.dispose());
    const manager = new Quiet(new KvDouble({ clock: Date.now }), schema.openPool({ max: 2 }), "production");
    return { manager, url: schema.url };
  }

  const migrate = (url: string) =>
    withClient(url, (client) => migratePostgres(client, { idPrefix: "ITERA", migrations: migrationFiles() }));

  it("says what to run where there is no table, and where its ID column is too short; nothing is lost", async () => {
    const { manager, url } = await opened();
    const { id } = await manager.createConversation({ messages: [{ role: "user", content: "hello" }] });
    const missing = manager.archiveConversation(id, "resolved");
    await expect(missing).rejects.toThrow(StoreUnavailableError);
    await expect(missing).rejects.toThrow("There is no table conversations in this database: run `itera migrate`");
    await withClient(url, (client) => makeGuideDatabase(client));
    const short = manager.archiveConversation(id, "resolved");
    await expect(short).rejects.toThrow("too short (an ID has 36 characters): run `itera migrate`");
    expect(await manager.getConversation(id)).toMatchObject({ messageCount: 1 });
    await migrate(url);
    expect(await manager.archiveConversation(id, "resolved")).toMatchObject({ status: "archived" });
    const rows = await withClient(url, async (client) => (await client.query("SELECT id, status, messages FROM conversations")).rows);
    expect(rows).toEqual([{ id, status: "archived", messages: [{ role: "user", content: "hello" }] }]);
  });

  it("reads what was archived before the upgrade, and brings it back to life", async () => {
    const { manager, url } = await opened();
    const row = archivedRow("20250125", 7);
    const id = row[0]!;
    await withClient(url, async (client) => {
      await makeGuideDatabase(client, 64);
      await insertRows(client, [row]);
    });
    await migrate(url);
    expect(await manager.getConversation(id)).toMatchObject({
      status: "archived",
      archiveReason: "resolved",
      metadata: { source: "web", email: "visitor7@example.com" },
      messages: [{ role: "user", content: "hello 7" }],
    });
    await manager.appendMessages(id, [{ role: "user", content: "again" }]);
    expect(await manager.archiveConversation(id, "done")).toMatchObject({ messageCount: 2 });
    const rows = await withClient(url, async (client) => (await client.query("SELECT message_count FROM conversations")).rows);
    expect(rows).toEqual([{ message_count: 2 }]);
  });
});
