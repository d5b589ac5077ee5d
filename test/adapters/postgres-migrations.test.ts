// Migrations of PostgreSQL: each once, whoever starts them and whatever breaks them off; what ran is never changed, and what is said is clear.

import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { readMigrations, SCHEMA_PATH, textsModule, TEXTS_PATH, wholeSchema } from "../../scripts/schema.ts";
import { migratePostgres, planPostgres } from "../../src/adapters/postgres/migrate.ts";
import type { Migration } from "../../src/adapters/postgres/migration.ts";
import { InvalidInputError, StoreUnavailableError } from "../../src/core/errors.ts";
import { describeWith } from "../engines.ts";
import { addressWith, freshSchema, withClient, type Schema } from "../postgres.ts";
import { findPostgresPrograms } from "../postgres-server.ts";
import { startMain } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const TABLES: readonly Migration[] = [
  { number: 1, name: "first", sql: "CREATE TABLE first (n INTEGER);" },
  // Long enough for all others to arrive.
  { number: 2, name: "second", sql: "CREATE TABLE second (n INTEGER); SELECT pg_sleep(0.3);" },
  { number: 3, name: "third", sql: "CREATE TABLE third (n INTEGER);" },
];

describe("what is made from the migrations", () => {
  it("is up to date: run `npm run schema` after a change", async () => {
    const migrations = readMigrations();
    expect(readFileSync(TEXTS_PATH, "utf8")).toBe(textsModule(migrations));
    expect(readFileSync(SCHEMA_PATH, "utf8")).toBe(await wholeSchema(migrations));
  });
});

describeWith("postgresql", "the migrations of PostgreSQL", (at) => {
  /** A schema of this test's own, removed after it. */
  async function aSchema(): Promise<Schema> {
    const schema = await freshSchema(at);
    onTestFinished(() => schema.dispose());
    return schema;
  }

  const migrate = (url: string, migrations?: readonly Migration[], idPrefix = "ITERA") =>
    withClient(url, (client) => migratePostgres(client, { idPrefix, ...(migrations && { migrations }) }));

  const tables = (url: string): Promise<string[]> =>
    withClient(url, async (client) => {
      const { rows } = await client.query<{ name: string }>(
        "SELECT relname AS name FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') ORDER BY 1",
      );
      return rows.map(({ name }) => name);
    });

  /** A role that may nothing yet, and the address by which one is it. */
  async function aRole(url: string): Promise<{ role: string; asRole: string }> {
    const role = `itera_test_${randomBytes(6).toString("hex")}`;
    await withClient(at, (client) => client.query(`CREATE ROLE ${role} NOSUPERUSER NOCREATEDB NOCREATEROLE`));
    onTestFinished(() =>
      withClient(at, async (client) => {
        await client.query(`DROP OWNED BY ${role} CASCADE`);
        await client.query(`DROP ROLE ${role}`);
      }),
    );
    const options = `${new URL(url).searchParams.get("options")} -c role=${role}`;
    return { role, asRole: addressWith(url, { options }) };
  }

  it("run once each, in their order, although eight servers start at the same time", async () => {
    const { url } = await aSchema();
    const reports = await Promise.all(Array.from({ length: 8 }, () => migrate(url, TABLES)));
    const ran = reports.flatMap((report) => report.ran.map(({ number }) => number));
    expect(ran.toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
    expect(await tables(url)).toEqual(["conversation_migrations", "first", "second", "third"]);
    const later = [...TABLES, { number: 4, name: "fourth", sql: "CREATE TABLE fourth (n INTEGER);" }];
    expect(await migrate(url, later)).toEqual({ ran: [{ number: 4, name: "fourth" }], upgrade: null });
    expect(await migrate(url, later)).toEqual({ ran: [], upgrade: null });
  });

  it("that are broken off leave what ran and nothing of what did not, and go on later", async () => {
    const { url, schema } = await aSchema();
    const client = new pg.Client(url);
    client.on("error", () => {});
    await client.connect();
    const slow = TABLES.map((migration) => ({ ...migration, sql: migration.sql.replace("0.3", "60") }));
    const broken = migratePostgres(client, { migrations: slow });
    broken.catch(() => {});
    await withClient(at, async (other) => {
      const running = "FROM pg_stat_activity WHERE application_name = $1 AND query LIKE '%pg_sleep%'";
      while ((await other.query(`SELECT 1 ${running}`, [schema])).rows.length === 0) await sleep(20);
      await other.query(`SELECT pg_terminate_backend(pid) ${running}`, [schema]);
    });
    await expect(broken).rejects.toThrow(StoreUnavailableError);
    await expect(broken).rejects.toThrow("PostgreSQL was lost during migration 002-second");
    expect(await tables(url)).toEqual(["conversation_migrations", "first"]);
    expect((await migrate(url, TABLES)).ran.map(({ number }) => number)).toEqual([2, 3]);
  });

  it("that fail are undone whole, and named", async () => {
    const { url } = await aSchema();
    const faulty = [TABLES[0]!, { number: 2, name: "faulty", sql: "CREATE TABLE half (n INTEGER); SELECT 1 / 0;" }];
    await expect(migrate(url, faulty)).rejects.toThrow("Migration 002-faulty failed, and what it had begun was undone: division by zero");
    expect(await tables(url)).toEqual(["conversation_migrations", "first"]);
  });

  it("are not run on where one that ran was changed since; ends of lines do not matter", async () => {
    const { url } = await aSchema();
    const [first, ...others] = TABLES as [Migration, ...Migration[]];
    await migrate(url, [{ ...first, sql: "CREATE TABLE first\n(n INTEGER);\n" }]);
    await migrate(url, [{ ...first, sql: "CREATE TABLE first\r\n(n INTEGER);\r\n" }]);
    const changed = migrate(url, [first, ...others]);
    await expect(changed).rejects.toThrow(InvalidInputError);
    await expect(changed).rejects.toThrow("Migration 001-first is not the one that ran in this database");
    expect(await tables(url)).toEqual(["conversation_migrations", "first"]);
  });

  it("of a newer program make an older one refuse", async () => {
    const { url } = await aSchema();
    await migrate(url, TABLES);
    const older = migrate(url, TABLES.slice(0, 2));
    await expect(older).rejects.toThrow(InvalidInputError);
    await expect(older).rejects.toThrow(
      "The database is newer than this program: it has migration 003-third, and this program knows them up to 2",
    );
  });

  it("refuse another prefix of IDs than the database was made for", async () => {
    const { url } = await aSchema();
    await migrate(url, undefined, "ACME");
    await expect(migrate(url)).rejects.toThrow(
      "made for conversation IDs that begin with ACME, not ITERA; set CONVERSATION_ID_PREFIX to ACME",
    );
    expect((await migrate(url, undefined, "ACME")).ran).toEqual([]);
  });

  it("say so where the role may not create tables, and leave it alone where there is nothing to create", async () => {
    const { url, schema } = await aSchema();
    const { role, asRole } = await aRole(url);
    await withClient(at, (client) => client.query(`GRANT USAGE ON SCHEMA "${schema}" TO ${role}`));
    const refused = migrate(asRole);
    await expect(refused).rejects.toThrow(InvalidInputError);
    await expect(refused).rejects.toThrow("PostgreSQL does not allow migration 001");
    await expect(refused).rejects.toThrow("itera migrate --print");
    await migrate(url);
    await withClient(url, (client) => client.query(`GRANT SELECT ON ALL TABLES IN SCHEMA "${schema}" TO ${role}`));
    expect(await migrate(asRole)).toEqual({ ran: [], upgrade: null });
  });

  it("need no superuser, only a schema to create in", async () => {
    const { url, schema } = await aSchema();
    const { role, asRole } = await aRole(url);
    await withClient(at, (client) => client.query(`GRANT USAGE, CREATE ON SCHEMA "${schema}" TO ${role}`));
    expect((await migrate(asRole)).ran).toHaveLength(readMigrations().length);
  });

  it("say so where the schema is missing, or has tables of another program", async () => {
    const { url } = await aSchema();
    await expect(migrate(addressWith(at, { options: "-c search_path=not_there_at_all" }))).rejects.toThrow("no schema that exists");
    await withClient(url, (client) => client.query("CREATE TABLE second (word TEXT)"));
    await expect(migrate(url, TABLES)).rejects.toThrow("Migration 002-second meets something of another program");
  });

  it("can be planned without being run", async () => {
    const { url } = await aSchema();
    const plan = await withClient(url, (client) => planPostgres(client, { migrations: TABLES }));
    expect(plan).toEqual({ pending: TABLES, first: true, aside: [], toCopy: null });
    expect(await tables(url)).toEqual([]);
  });

  it("are there whole after `psql -f database/conversation-schema.sql` by an ordinary role", async () => {
    const { url, schema } = await aSchema();
    const { role, asRole } = await aRole(url);
    await withClient(at, (client) => client.query(`GRANT USAGE, CREATE ON SCHEMA "${schema}" TO ${role}`));
    const psql = join(findPostgresPrograms() ?? "/usr/bin", "psql");
    const run = () => promisify(execFile)(psql, ["--no-psqlrc", "--quiet", "--file", SCHEMA_PATH, asRole]);
    expect((await run()).stderr).toBe("");
    expect(await migrate(asRole)).toEqual({ ran: [], upgrade: null });
    // A second time would be a mistake, and changes nothing.
    await expect(run()).rejects.toMatchObject({ code: 3, stderr: expect.stringContaining("already exists") as string });
    expect(await migrate(asRole)).toEqual({ ran: [], upgrade: null });
    const { url: other } = await aSchema();
    await migrate(other);
    expect(await tables(url)).toEqual(await tables(other));
    // A server serves on it, as that role.
    const server = await startMain({ folder: temporaryFolder(), env: { DATABASE_URL: asRole } });
    const created = await fetch(`${server.url}/api/v1/conversations`, { method: "POST" });
    const { conversationId } = (await created.json()) as { conversationId: string };
    const read = await fetch(`${server.url}/api/v1/conversations/${conversationId}`);
    expect(await read.json()).toMatchObject({ success: true, data: { id: conversationId, status: "active" } });
    server.child.kill("SIGTERM");
    expect((await server.ended).code).toBe(0);
  });
});
