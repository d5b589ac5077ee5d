import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { d1Stores, migrateD1, type D1DatabaseLike } from "../../src/adapters/d1/d1-stores.ts";
import { migrationFiles } from "../../src/adapters/d1/migrations.ts";
import { InvalidInputError, StoreUnavailableError } from "../../src/core/errors.ts";
import { D1Double } from "../d1-double.ts";

const opened: D1Double[] = [];

function database(): D1Double {
  const made = new D1Double();
  opened.push(made);
  return made;
}

afterEach(() => {
  for (const made of opened.splice(0)) made.close();
});

/** The same database as another isolate sees it. */
function elsewhere(made: D1Double): D1DatabaseLike {
  return { prepare: (sql) => made.prepare(sql), batch: (statements) => made.batch(statements) };
}

function rows(made: D1Double, sql: string): unknown[] {
  return made.database
    .prepare(sql)
    .all()
    .map((row) => ({ ...row }));
}

it("tables are made at the first use, and looked at once in each isolate", async () => {
  const made = database();
  const { records } = d1Stores({ database: made });
  await records.put("job", "a", 1);
  const first = made.batches.length;
  await records.get("job", "a");
  expect(made.batches.length - first).toBe(1);
  const there = elsewhere(made);
  await d1Stores({ database: there }).records.get("job", "a");
  await d1Stores({ database: there }).records.get("job", "a");
  expect(made.batches.length - first).toBe(1 + 3);
  expect(rows(made, "SELECT n, name FROM schema_migrations")).toEqual([{ n: 1, name: "tables" }]);
});

it("many that begin at once make them once", async () => {
  const made = database();
  const prefixes = await Promise.all(Array.from({ length: 10 }, () => migrateD1(elsewhere(made), { idPrefix: "CHAT" })));
  expect(new Set(prefixes)).toEqual(new Set(["CHAT"]));
  expect(rows(made, "SELECT count(*) AS migrations FROM schema_migrations")).toEqual([{ migrations: 1 }]);
});

it("a database keeps the prefix it was made with, and another one is refused by whatever is used first", async () => {
  const made = database();
  expect(await migrateD1(made)).toBe("ITERA");
  expect(await d1Stores({ database: elsewhere(made) }).ready()).toBe("ITERA");
  for (const place of [made, elsewhere(made)]) {
    const { archive } = d1Stores({ database: place, idPrefix: "CHAT" });
    await expect(archive.scan(null, 1)).rejects.toThrow(InvalidInputError);
    await expect(archive.scan(null, 1)).rejects.toThrow("begin with ITERA, not CHAT");
  }
});

it("a database of a newer version, or of other migrations, is refused and left alone", async () => {
  const made = database();
  await migrateD1(made);
  made.database.exec("INSERT INTO schema_migrations (n, name, checksum, at) VALUES (99, 'later', 'x', 0)");
  await expect(migrateD1(elsewhere(made))).rejects.toThrow("by a newer version (migration 99)");
  made.database.exec("DELETE FROM schema_migrations WHERE n = 99; UPDATE schema_migrations SET checksum = 'x'");
  await expect(migrateD1(elsewhere(made))).rejects.toThrow(InvalidInputError);
});

it("a migration that fails leaves nothing behind, and is tried again at the next use", async () => {
  const made = database();
  let failing = true;
  made.fault = () => (failing && made.batches.length === 1 ? new Error("D1_ERROR: storage operation exceeded timeout") : null);
  const { records } = d1Stores({ database: made });
  await expect(records.get("job", "a")).rejects.toThrow(StoreUnavailableError);
  expect(rows(made, "SELECT * FROM schema_migrations")).toEqual([]);
  failing = false;
  expect(await records.get("job", "a")).toBeNull();
});

it("the files for wrangler are those of the adapter (node scripts/write-d1-migrations.ts writes them), and make the same tables", async () => {
  const folder = join(import.meta.dirname, "..", "..", "database", "d1");
  const files = await migrationFiles();
  expect(readdirSync(folder)).toEqual(files.map(({ name }) => name));
  const made = database();
  for (const { name, sql } of files) {
    expect(readFileSync(join(folder, name), "utf8")).toBe(sql);
    made.database.exec(sql);
  }
  const { records } = d1Stores({ database: made });
  await records.put("job", "a", 1);
  const own = database();
  await migrateD1(own);
  const schema = "SELECT name, sql FROM sqlite_schema ORDER BY name";
  expect(rows(made, schema)).toEqual(rows(own, schema));
});
