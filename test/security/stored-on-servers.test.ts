// What Redis and PostgreSQL hold of what was said: nothing in plain text under encryption, and nothing at all after erasing.

import { afterEach, describe, expect, it } from "vitest";
import { ConversationManager } from "../../src/core/manager.ts";
import type { Stores } from "../../src/core/stores.ts";
import { encryptedStores } from "../../src/security/encryption/encrypted-stores.ts";
import { rotateKeys } from "../../src/security/encryption/rotate.ts";
import { openTestRedis } from "../adapters/redis-client.ts";
import { describeWith } from "../engines.ts";
import { withClient } from "../postgres.ts";
import { startPostgresServer } from "../postgres-server.ts";
import { startRedisServer } from "../redis-server.ts";
import { openMixedStores } from "../server-stores.ts";
import { serverFolder } from "../server-process.ts";
import { everyRow, filesBelow, sayEverywhere } from "./canaries.ts";

const K1 = { id: "k1", key: new Uint8Array(32).map((_, i) => (i * 37 + 11) & 255) };
const CANARY = "canarino-verde-8151";
const HOUR = 3_600_000;

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

/** Live conversations in a Redis of the test's own, everything else in a PostgreSQL of its own, and what their files hold. */
async function servers() {
  const [redisFolder, postgresFolder] = [serverFolder("redis"), serverFolder("postgres")];
  const flags = { appendonly: "yes", appendfsync: "always" };
  const redis = await startRedisServer({ folder: redisFolder, flags });
  opened.push(() => redis.stop());
  const postgres = await startPostgresServer({ folder: postgresFolder, settings: { fsync: "off", autovacuum: "off" } });
  opened.push(() => postgres.stop());
  const time = { now: Date.now() };
  const { stores, dispose } = await openMixedStores(redis.url, postgres.url, () => time.now);
  opened.push(dispose);
  const schemas = await withClient(postgres.url, (client) =>
    client.query<{ name: string }>(
      "SELECT nspname AS name FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('public', 'information_schema')",
    ),
  );
  const inSchema = <T>(run: Parameters<typeof withClient<T>>[1]): Promise<T> =>
    withClient<T>(postgres.url, async (client) => {
      await client.query(`SET search_path = "${schemas.rows[0]!.name}"`);
      return run(client);
    });
  return {
    stores,
    time,
    manager: (over: Stores = stores) =>
      new ConversationManager(over, { environment: "D", secret: new Uint8Array(32).fill(5), clock: () => time.now }),
    inRows: () => inSchema(everyRow),
    /** The tables' files as they are on disk now. */
    inTables: async () => {
      await withClient(postgres.url, (client) => client.query("CHECKPOINT"));
      return filesBelow(postgresFolder, (path) => path.includes("/base/"));
    },
    inLog: async () => filesBelow(postgresFolder, (path) => path.includes("/pg_wal/")),
    vacuum: () => inSchema((client) => client.query("VACUUM FULL")),
    /** Its append-only files: every value that was ever written since they were last rewritten. */
    inRedis: async () => filesBelow(redisFolder),
    async rewriteRedis() {
      const client = await openTestRedis(redis.url);
      await client.send("BGREWRITEAOF");
      await expect
        .poll(async () => String(await client.send("INFO", "persistence")), { timeout: 30_000 })
        .toContain("aof_rewrite_in_progress:0");
      client.destroy();
    },
  };
}

describeWith("postgresql", "on servers of their own", () => {
  describeWith("redis", "Redis before PostgreSQL", () => {
    describe("under encryption", () => {
      it("nothing said is in Redis, its files, PostgreSQL's tables, their files or its log", async () => {
        const world = await servers();
        const manager = world.manager(encryptedStores(world.stores, [K1]));
        const [live, over] = [await sayEverywhere(manager, CANARY, "a"), await sayEverywhere(manager, CANARY, "b")];
        await manager.archiveConversation(over);
        await manager.deliver();
        for (const look of [world.inRedis, world.inRows, world.inTables, world.inLog]) {
          const text = await look();
          expect(text.length).toBeGreaterThan(1000);
          expect(text).not.toContain(CANARY);
        }
        world.time.now += 30 * HOUR;
        await manager.sweep();
        expect((await manager.listMessages(over)).data.map(({ message }) => message["content"])).toEqual([
          expect.stringContaining(CANARY),
          CANARY,
        ]);
        expect((await manager.listMessages(live)).data).toHaveLength(2);
        for (const look of [world.inRedis, world.inRows, world.inTables, world.inLog]) expect(await look()).not.toContain(CANARY);
        expect(await manager.eraseSubject({ key: "email", value: `${CANARY}@example.com`, dryRun: true })).toHaveLength(2);
      });

      it("what was stored before it was set is in neither after a rotation, VACUUM FULL and a rewrite", async () => {
        const world = await servers();
        const plain = world.manager();
        const [live, over] = [await sayEverywhere(plain, CANARY, "a"), await sayEverywhere(plain, CANARY, "b")];
        await plain.archiveConversation(over);
        await plain.deliver();
        world.time.now += 30 * HOUR;
        await plain.sweep();
        // As a control: there it is, in each place.
        for (const look of [world.inRedis, world.inRows, world.inTables, world.inLog]) expect(await look()).toContain(CANARY);
        await rotateKeys(world.stores, [K1]);
        const manager = world.manager(encryptedStores(world.stores, [K1]));
        await manager.deliver();
        await manager.cleanup();
        await world.vacuum();
        await world.rewriteRedis();
        for (const look of [world.inRedis, world.inRows, world.inTables]) expect(await look()).not.toContain(CANARY);
        for (const id of [live, over]) expect((await manager.listMessages(id)).data).toHaveLength(2);
      });
    });

    it("what was erased is in neither: rows at once, files after VACUUM FULL and a rewrite", async () => {
      const world = await servers();
      const manager = world.manager();
      const [live, over, kept] = [
        await sayEverywhere(manager, CANARY, "a"),
        await sayEverywhere(manager, CANARY, "b"),
        await sayEverywhere(manager, "canarino-che-resta", "c"),
      ];
      await manager.archiveConversation(over);
      await manager.deliver();
      for (const look of [world.inRedis, world.inRows, world.inTables]) expect(await look()).toContain(CANARY);
      expect(await manager.eraseConversation(live)).toMatchObject({ action: "erased", removed: { hot: 2 } });
      expect(await manager.eraseConversation(over)).toMatchObject({ action: "erased", removed: { archive: 2 } });
      expect(await world.inRows()).not.toContain(CANARY);
      await manager.deliver();
      await world.vacuum();
      await world.rewriteRedis();
      for (const look of [world.inRedis, world.inRows, world.inTables]) expect(await look()).not.toContain(CANARY);
      expect(await world.inRedis()).toContain("canarino-che-resta");
      expect(await world.inTables()).toContain("canarino-che-resta");
      expect((await manager.listMessages(kept)).data).toHaveLength(2);
    });
  });
});
