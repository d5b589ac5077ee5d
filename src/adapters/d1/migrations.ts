/** The migrations of a D1 database, in their order. What has been released is never changed; a change is another migration. */
import { TABLES } from "./migrations/0001-tables.ts";

/** A step from one state of the tables to the next. */
export interface Migration {
  /** Counts from 1. */
  n: number;
  name: string;
  statements: readonly string[];
}

/** All of them. */
export const MIGRATIONS: readonly Migration[] = [{ n: 1, name: "tables", statements: TABLES }];

/** The table that says which have run. */
export const CREATE_LOG = `CREATE TABLE IF NOT EXISTS schema_migrations (
  n INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  checksum TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT`;

/** The table of facts about the database: the prefix of its IDs. */
export const CREATE_META = `CREATE TABLE IF NOT EXISTS meta (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID`;

/** What is noted about a migration: SHA-256 over its statements, in hexadecimal. */
export async function checksumOf({ statements }: Migration): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(statements.join(";\n")));
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The migrations as files for `wrangler d1 migrations apply`. They note themselves as `migrateD1` does, which then finds them
 * done. What `migrateD1` has done wrangler refuses to do again, and changes nothing.
 */
export async function migrationFiles(): Promise<{ name: string; sql: string }[]> {
  return Promise.all(
    MIGRATIONS.map(async (migration) => {
      const { n, name, statements } = migration;
      const note = `INSERT INTO schema_migrations (n, name, checksum, at)
VALUES (${n}, '${name}', '${await checksumOf(migration)}', CAST(unixepoch('subsec') * 1000 AS INTEGER))`;
      const sql = [CREATE_LOG, CREATE_META, note, ...statements].map((statement) => `${statement};\n`).join("\n");
      return { name: `${String(n).padStart(4, "0")}_${name}.sql`, sql: `-- Generated from the migrations of the D1 adapter.\n\n${sql}` };
    }),
  );
}
