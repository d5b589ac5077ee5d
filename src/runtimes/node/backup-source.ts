/** What a backup reads: the database at one instant where the engine gives that, else the stores themselves. */
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import type { Client } from "pg";
import type { PgPoolLike } from "../../adapters/postgres/pool.ts";
import { postgresStores } from "../../adapters/postgres/postgres-stores.ts";
import { translate } from "../../adapters/postgres/postgres-errors.ts";
import { removeSnapshots, takeSnapshot } from "../../adapters/sqlite/snapshot.ts";
import type { Stores } from "../../core/stores.ts";
import type { BackupSource } from "../../operations/backup/run-backup.ts";
import type { Config } from "./config.ts";
import { withConnection } from "./pg-pool.ts";

async function sqliteSnapshot(path: string): Promise<BackupSource> {
  removeSnapshots(path);
  const copy = await takeSnapshot(path, randomBytes(6).toString("hex"));
  const remove = (): void => {
    for (const end of ["", "-wal", "-shm"]) rmSync(`${copy}${end}`, { force: true });
  };
  try {
    const { sqliteStores } = await import("../../adapters/sqlite/sqlite-stores.ts");
    const { hot, archive, directory, records, close } = await sqliteStores({ path: copy });
    return {
      stores: { hot, archive, directory, records },
      consistency: "snapshot",
      async close() {
        await close();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

/** A connection as a pool: one statement after the other. */
function poolOf(connection: Client): PgPoolLike {
  let last: Promise<unknown> = Promise.resolve();
  return {
    query(statement) {
      const result = last.then(() => connection.query(statement));
      last = result.catch(() => {});
      return result;
    },
  };
}

/** One connection in one transaction that reads: all of its statements see the same instant. */
async function postgresSnapshot(url: string, idPrefix: string): Promise<BackupSource> {
  const opened = Promise.withResolvers<BackupSource>();
  const released = Promise.withResolvers<void>();
  const ended = withConnection(url, "DATABASE_URL", async (connection) => {
    await connection.query("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").catch((error: unknown) => {
      throw translate(error);
    });
    const { hot, archive, directory, records } = await postgresStores({
      pool: poolOf(connection),
      idPrefix,
    });
    opened.resolve({
      stores: { hot, archive, directory, records },
      consistency: "snapshot",
      async close() {
        released.resolve();
        await ended;
      },
    });
    await released.promise;
  });
  ended.catch((error: unknown) => opened.reject(error as Error));
  return opened.promise;
}

/** How a backup of these stores opens what it reads. Where live conversations are apart, each conversation is at one instant of its own. */
export function backupSource({ database, hotStore, idPrefix }: Pick<Config, "database" | "hotStore" | "idPrefix">, stores: Stores) {
  return async (): Promise<BackupSource> => {
    if (hotStore === null) return database.engine === "sqlite" ? sqliteSnapshot(database.path) : postgresSnapshot(database.url, idPrefix);
    return { stores, consistency: "conversation", close: async () => {} };
  };
}
