// Schemas of a test's own in the PostgreSQL that `describeWith("postgresql", …)` gives: empty, or with all migrations run. In production a
// conversation database is one schema, too, so a test sees no difference.

import { randomBytes } from "node:crypto";
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { migratePostgres } from "../src/adapters/postgres/migrate.ts";
import { schemaPrefix, SCHEMAS_NOTE } from "./schema-names.ts";

/** A schema of a random name. */
export interface Schema {
  /** Its address, as `DATABASE_URL` takes it: whoever connects by it sees this schema and no other. */
  readonly url: string;
  readonly schema: string;
  /** A pool of connections to it. `dispose` ends it; what was taken from it must have been given back by then. */
  openPool(options?: Omit<pg.PoolConfig, "connectionString">): pg.Pool;
  /** Removes it with all that it holds. Fails if a connection was not given back, or one to this address is still open: then it is cut. */
  dispose(): Promise<void>;
}

const MIGRATIONS = fileURLToPath(new URL("../src/adapters/postgres/migrations", import.meta.url));

/** An address with further parameters, spelled so that both `pg` and PostgreSQL's own programs read them. */
export function addressWith(at: string, parameters: Readonly<Record<string, string>>): string {
  const url = new URL(at);
  const all = { ...Object.fromEntries(url.searchParams), ...parameters };
  url.search = Object.entries(all)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join("&");
  return url.href;
}

/** A note for the end of the run: which server has schemas of ours, unless it is the run's own. */
function noteUse(at: string): void {
  const run = process.env.ITERA_TEST_ENGINES;
  if (run === undefined || at !== process.env.TEST_POSTGRES_URL) return;
  const note = join(run, SCHEMAS_NOTE);
  if (!existsSync(note)) writeFileSync(note, at, { mode: 0o600 });
}

/** Runs something on one connection, which is closed whatever happens. */
export async function withClient<T>(url: string, run: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await run(client);
  } finally {
    await client.end();
  }
}

/** How many connections by the address of this schema are open. One that was just closed takes the server a moment. */
async function openConnections(client: pg.Client, schema: string): Promise<number> {
  for (let attempt = 0; ; attempt++) {
    const { rows } = await client.query<{ n: number }>("SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = $1", [
      schema,
    ]);
    const { n } = rows[0]!;
    if (n === 0 || attempt === 400) return n;
    await sleep(5);
  }
}

/** The files of `src/adapters/postgres/migrations`, in their order, as they are now. */
export function migrationFiles(): { number: number; name: string; sql: string }[] {
  return globSync("*.sql", { cwd: MIGRATIONS })
    .toSorted()
    .map((file) => {
      const [, number, name] = /^(\d{3})-(.+)\.sql$/.exec(file)!;
      return { number: Number(number), name: name!, sql: readFileSync(join(MIGRATIONS, file), "utf8") };
    });
}

/** The parts of a schema that its disposal needs, whether it is then removed or used again. */
function opened(at: string, schema: string, release: (client: pg.Client) => Promise<void>): Schema {
  // By the name of the program the server tells whose connections are open.
  const url = addressWith(at, { options: `-c search_path=${schema}`, application_name: schema });
  const pools: pg.Pool[] = [];
  return {
    url,
    schema,
    openPool(options) {
      const pool = new pg.Pool({ ...options, connectionString: url });
      // A test that cuts connections has them end here, idle or taken; without a listener that would end the process.
      pool.on("error", () => {});
      pool.on("connect", (client) => void client.on("error", () => {}));
      pools.push(pool);
      return pool;
    },
    async dispose() {
      const taken = pools.reduce((sum, pool) => sum + pool.totalCount - pool.idleCount, 0);
      if (taken === 0) await Promise.all(pools.filter((pool) => !pool.ending).map((pool) => pool.end()));
      await withClient(at, async (client) => {
        const left = taken > 0 ? taken : await openConnections(client, schema);
        if (left > 0) await client.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", [schema]);
        if (left > 0) await client.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
        else await release(client);
        if (taken > 0) throw new Error(`${taken} connections were taken from a pool and not given back`);
        if (left > 0) throw new Error(`${left} connections were left open`);
      });
    },
  };
}

async function createSchema(at: string): Promise<string> {
  noteUse(at);
  const schema = `${schemaPrefix()}${randomBytes(6).toString("hex")}`;
  await withClient(at, (client) => client.query(`CREATE SCHEMA "${schema}"`));
  return schema;
}

/** Makes an empty schema in the database at this address. Call `dispose` at the end. */
export async function freshSchema(at: string): Promise<Schema> {
  const schema = await createSchema(at);
  return opened(at, schema, async (client) => {
    await client.query(`DROP SCHEMA "${schema}" CASCADE`);
  });
}

/** What a migrated schema holds before a test has touched it, so that it can be made so again. */
interface Clean {
  readonly schema: string;
  /** Those that rows are in: no parents of partitions. */
  readonly tables: readonly string[];
  /** The rows that the migrations brought, as JSON, by table. */
  readonly rows: ReadonlyMap<string, string>;
}

/** Schemas that were used and cleaned in this process, for each prefix and server. */
const spare = new Map<string, Clean[]>();

async function tablesOf(client: pg.Client, schema: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    "SELECT relname AS name FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind = 'r' ORDER BY relname",
    [`"${schema}"`],
  );
  return rows.map(({ name }) => name);
}

/** The rows of the tables that have any, as JSON, by table. */
async function rowsOf(client: pg.Client, schema: string, tables: readonly string[]): Promise<Map<string, string>> {
  const asked = tables.map((table) => `SELECT '${table}' AS name WHERE EXISTS (SELECT FROM "${schema}"."${table}")`);
  const { rows: filled } = await client.query<{ name: string }>(asked.join(" UNION ALL "));
  const rows = new Map<string, string>();
  for (const { name } of filled) {
    const { rows: found } = await client.query<{ all: string }>(`SELECT json_agg(t)::text AS all FROM "${schema}"."${name}" t`);
    rows.set(name, found[0]!.all);
  }
  return rows;
}

async function cleanNow(client: pg.Client, schema: string): Promise<Clean> {
  const tables = await tablesOf(client, schema);
  return { schema, tables, rows: await rowsOf(client, schema, tables) };
}

/** A month of what is partitioned, as they are made when conversations of that time come. */
const MONTH = /^conversation(?:s|_texts)_\d{4}_\d\d$/;

/** Empties what a test has filled, but for what the migrations brought; false if the tables are not the same any more, months that were added aside. */
async function cleaned(client: pg.Client, { schema, tables, rows }: Clean): Promise<boolean> {
  const there = await tablesOf(client, schema);
  const more = there.filter((table) => !tables.includes(table));
  if (there.length - more.length !== tables.length || !more.every((table) => MONTH.test(table))) return false;
  if (more.length > 0) await client.query(`DROP TABLE ${more.map((table) => `"${schema}"."${table}"`).join(", ")}`);
  const now = await rowsOf(client, schema, tables);
  const changed = [...new Set([...rows.keys(), ...now.keys()])].filter((table) => rows.get(table) !== now.get(table));
  if (changed.length === 0) return true;
  const named = (table: string): string => `"${schema}"."${table}"`;
  await client.query("BEGIN");
  await client.query(`TRUNCATE ${changed.map(named).join(", ")} RESTART IDENTITY`);
  for (const table of changed) {
    const all = rows.get(table);
    if (all === undefined) continue;
    const back = `SELECT * FROM json_populate_recordset(NULL::${named(table)}, $1)`;
    await client.query(`INSERT INTO ${named(table)} OVERRIDING SYSTEM VALUE ${back}`, [all]);
  }
  await client.query("COMMIT");
  return true;
}

/**
 * The same with all migrations run, for IDs that begin with this. What earlier tests of this process have given back is emptied and
 * given again, which takes a tenth of the time; schemas whose tables were changed are not.
 */
export async function migratedSchema(at: string, idPrefix = "ITERA"): Promise<Schema> {
  const kind = `${idPrefix} ${at}`;
  const clean = spare.get(kind)?.pop() ?? (await newMigrated(at, idPrefix));
  return opened(at, clean.schema, async (client) => {
    if (await cleaned(client, clean)) spare.set(kind, [...(spare.get(kind) ?? []), clean]);
    else await client.query(`DROP SCHEMA "${clean.schema}" CASCADE`);
  });
}

async function newMigrated(at: string, idPrefix: string): Promise<Clean> {
  const schema = await createSchema(at);
  return withClient(at, async (client) => {
    await client.query(`SET search_path = "${schema}"`);
    await migratePostgres(client, { idPrefix, migrations: migrationFiles() });
    return cleanNow(client, schema);
  });
}
