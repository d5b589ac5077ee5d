// SQLite for the model-based test. To start its workers costs more than a run does, so one database serves many runs and is emptied between them.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Stores } from "../../src/core/stores.ts";
import { sqliteStores, type SqliteStores } from "../../src/adapters/sqlite/sqlite-stores.ts";
import { interceptStores } from "./intercept.ts";
import type { OpenStores, StoreUnderTest } from "./stores-under-test.ts";

interface Database {
  folder: string;
  path: string;
  stores: SqliteStores;
}

/** Removes every row but what was written when the database was made. */
function empty(path: string): void {
  const database = new DatabaseSync(path, { timeout: 5000 });
  try {
    const tables = database.prepare("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual')").all();
    database.exec("BEGIN IMMEDIATE");
    for (const { name } of tables) {
      if (typeof name === "string" && name !== "meta" && !name.startsWith("sqlite_")) database.exec(`DELETE FROM "${name}"`);
    }
    database.exec("COMMIT");
  } finally {
    database.close();
  }
}

/**
 * Stores over one file, each run with an empty one, at the time of the run. `scrubs`: what was wiped is overwritten, which
 * is a process of its own each time and changes nothing that can be asked for; without it runs take a third of the time.
 */
export function sqliteUnderTest(runs: number, { scrubs }: { scrubs: boolean }): StoreUnderTest {
  let idle: Database | null = null;
  let clock: () => number = Date.now;
  const now = () => clock();

  async function create(): Promise<Database> {
    const folder = await mkdtemp(join(tmpdir(), "itera-model-"));
    const path = join(folder, "conversations.db");
    return { folder, path, stores: await sqliteStores({ path, clock: now }) };
  }

  function used({ stores }: Database): Stores {
    if (scrubs) return stores;
    return interceptStores(stores, async ({ method, proceed }) => (method === "scrub" ? true : proceed()));
  }

  async function discard({ stores, folder }: Database): Promise<void> {
    await stores.close();
    await rm(folder, { recursive: true, force: true });
  }

  return {
    name: "SQLite",
    runs,
    together: true,
    async open(runClock): Promise<OpenStores> {
      const database = idle ?? (await create());
      idle = null;
      clock = runClock;
      return {
        stores: used(database),
        async reopen() {
          await database.stores.close();
          database.stores = await sqliteStores({ path: database.path, clock: now });
          return used(database);
        },
        async dispose(passed) {
          if (!passed) return discard(database);
          empty(database.path);
          idle = database;
        },
      };
    },
    async end() {
      if (idle) await discard(idle);
      idle = null;
    },
  };
}
