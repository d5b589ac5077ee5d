import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import assert from "node:assert/strict";
import { sqliteStores } from "../../src/adapters/sqlite/sqlite-stores.ts";
import type { Stores } from "../../src/core/stores.ts";
import { runConformance } from "./run-conformance.ts";

const folders = new Map<Stores, string>();

runConformance("sqlite", {
  async open(clock) {
    const folder = mkdtempSync(join(tmpdir(), "sqlite-"));
    const stores = await sqliteStores({ path: join(folder, "conversations.db"), clock });
    folders.set(stores, folder);
    return stores;
  },
  dispose(stores) {
    const folder = folders.get(stores)!;
    folders.delete(stores);
    // The last connection to close removes the log: if it is there, one was left open.
    assert.equal(existsSync(join(folder, "conversations.db-wal")), false);
    rmSync(folder, { recursive: true });
  },
});
