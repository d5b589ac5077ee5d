// Databases of a test: each in a folder of its own, which is removed with everything in it when the test is over.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { onTestFinished } from "vitest";
import { sqliteStores, type SqliteOptions, type SqliteStores } from "../../src/adapters/sqlite/sqlite-stores.ts";

/** The path of a database that is not there yet. */
export function temporaryPath(): string {
  const folder = mkdtempSync(join(tmpdir(), "sqlite-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "conversations.db");
}

/** Stores on this path, closed when the test is over. */
export async function openedAt(path: string, options: Omit<SqliteOptions, "path"> = {}): Promise<SqliteStores> {
  const stores = await sqliteStores({ path, ...options });
  onTestFinished(() => stores.close());
  return stores;
}

/** Runs something on the file as any other program could. */
export function withDatabase<T>(path: string, run: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(path);
  try {
    return run(db);
  } finally {
    db.close();
  }
}
