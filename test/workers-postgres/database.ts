// A database of a run's own for the tests in workerd: with our tables, on the server that is given or on one that is started for it.

import { randomBytes } from "node:crypto";
import pg from "pg";
import { migratePostgres } from "../../src/adapters/postgres/migrate.ts";
import { startPostgresServer } from "../postgres-server.ts";

/** A database; `dispose` removes it, and its server if it was started here. */
export interface TestDatabase {
  readonly url: string;
  dispose(): Promise<void>;
}

async function asked(url: string, sql: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** Makes it on the server of `TEST_POSTGRES_URL`, else on one of its own. Throws if neither is there. */
export async function makeDatabase(): Promise<TestDatabase> {
  const given = process.env["TEST_POSTGRES_URL"];
  const server = given ? null : await startPostgresServer({ settings: { fsync: "off" } });
  const admin = given ?? server!.url;
  const name = `workers_${randomBytes(6).toString("hex")}`;
  await asked(admin, `CREATE DATABASE ${name}`);
  const url = new URL(admin);
  url.pathname = `/${name}`;
  // Miniflare wants a password, also where the server asks for none.
  url.password ||= "none";
  const client = new pg.Client(url.href);
  await client.connect();
  await migratePostgres(client);
  await client.end();
  return {
    url: url.href,
    async dispose() {
      if (server) await server.stop();
      else await asked(admin, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}
