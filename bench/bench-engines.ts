// The database servers that benchmarks measure on: those that TEST_POSTGRES_URL and TEST_REDIS_URL name, else one of the benchmark's own that syncs every commit.

import { randomBytes } from "node:crypto";
import pg from "pg";
import { createClient } from "redis";
import { migratePostgres } from "../src/adapters/postgres/migrate.ts";
import { freshSchema, withClient, type Schema } from "../test/postgres.ts";
import { startPostgresServer, findPostgresPrograms } from "../test/postgres-server.ts";
import { findRedisProgram, startRedisServer } from "../test/redis-server.ts";

/** As a small production server is set up: every commit is synced, and there is some memory. */
const POSTGRES = { fsync: "on", synchronous_commit: "on", shared_buffers: "1GB", max_wal_size: "8GB", maintenance_work_mem: "256MB" };

/** Every command is on the disk before it is answered. */
const REDIS = { appendonly: "yes", appendfsync: "always" };

/** Makes migrated schemas on a PostgreSQL for `work`, and removes everything when it is done; null, and a word on standard error, where there is none. */
export async function onPostgres<T>(work: (schema: () => Promise<Schema>) => Promise<T>): Promise<T | null> {
  const given = process.env["TEST_POSTGRES_URL"];
  if (!given && findPostgresPrograms() === null) {
    console.error("skipped: PostgreSQL is missing: set TEST_POSTGRES_URL or install postgresql");
    return null;
  }
  const own = given ? null : await startPostgresServer({ settings: POSTGRES });
  const at = given ?? own!.url;
  const schemas: Schema[] = [];
  try {
    return await work(async () => {
      const schema = await freshSchema(at);
      schemas.push(schema);
      await withClient(schema.url, (client) => migratePostgres(client));
      return schema;
    });
  } finally {
    for (const schema of schemas) await schema.dispose();
    await own?.stop();
  }
}

const openClient = (url: string) => createClient({ url });
type RedisClient = ReturnType<typeof openClient>;

/** A Redis and a prefix for `work`, of which nothing is left when it is done; null, and a word on standard error, where there is none. */
export async function onRedis<T>(work: (client: RedisClient, prefix: string) => Promise<T>): Promise<T | null> {
  const given = process.env["TEST_REDIS_URL"];
  if (!given && findRedisProgram() === null) {
    console.error("skipped: Redis is missing: set TEST_REDIS_URL or install redis-server");
    return null;
  }
  const own = given ? null : await startRedisServer({ flags: REDIS });
  const client = openClient(given ?? own!.url);
  client.on("error", () => {});
  const prefix = `itera-bench-${randomBytes(4).toString("hex")}:`;
  await client.connect();
  try {
    return await work(client, prefix);
  } finally {
    for await (const keys of client.scanIterator({ MATCH: `${prefix}*`, COUNT: 1000 })) if (keys.length > 0) await client.unlink(keys);
    await client.close();
    await own?.stop();
  }
}

/** Numbers come as numbers, as everywhere in this product. */
pg.types.setTypeParser(pg.types.builtins.INT8, Number);
