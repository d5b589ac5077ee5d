// The promises of the ports once more, with everything sealed on its way in.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { sqliteStores } from "../../src/adapters/sqlite/sqlite-stores.ts";
import type { Stores } from "../../src/core/stores.ts";
import { encryptedStores } from "../../src/security/encryption/encrypted-stores.ts";
import { runConformance } from "../adapters/run-conformance.ts";
import { hiddenKeyrings } from "./hidden-keyrings.ts";
import { NOT_SEALED } from "./not-sealed.ts";

const KEYS = [{ id: "k1", key: new Uint8Array(32).map((_, i) => i * 7 + 3) }];

runConformance("memory, encrypted", {
  open: (clock) => hiddenKeyrings(encryptedStores(memoryStores({ clock }), KEYS)),
  skip: NOT_SEALED,
});

const folders = new Map<Stores, string>();

runConformance("sqlite, encrypted", {
  async open(clock) {
    const folder = mkdtempSync(join(tmpdir(), "encrypted-"));
    const sqlite = await sqliteStores({ path: join(folder, "conversations.db"), clock });
    const stores = hiddenKeyrings(encryptedStores(sqlite, KEYS));
    folders.set(stores, folder);
    return stores;
  },
  dispose(stores) {
    rmSync(folders.get(stores)!, { recursive: true });
    folders.delete(stores);
  },
  skip: NOT_SEALED,
});
