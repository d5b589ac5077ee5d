// The stores that the model-based test runs over. Another one is a line in `STORES_UNDER_TEST`.

import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import type { Stores } from "../../src/core/stores.ts";
import { encryptedStores } from "../../src/security/encryption/encrypted-stores.ts";
import { serversUnderTest } from "./servers-under-test.ts";
import { sqliteUnderTest } from "./sqlite-under-test.ts";

/** Stores that hold nothing yet. */
export interface OpenStores {
  stores: Stores;
  /** Closes them and opens them again; what cannot outlive that answers the same ones. */
  reopen(): Promise<Stores>;
  /** The run is over. After one that did not pass nothing of these stores is used again. */
  dispose(passed: boolean): Promise<void>;
}

export interface StoreUnderTest {
  name: string;
  /** Runs in the normal test. */
  runs: number;
  /** Hot store, archive and directory are one database: what lists show changes in the same step. */
  together: boolean;
  /** `clock`: the engine's time, where it takes one. */
  open(clock: () => number): Promise<OpenStores>;
  /** After the last run: leaves nothing behind. */
  end(): Promise<void>;
}

/** Stores in memory. */
export function memoryUnderTest(runs: number): StoreUnderTest {
  return {
    name: "memory",
    runs,
    together: true,
    async open(clock) {
      const stores = memoryStores({ clock });
      return { stores, reopen: async () => stores, dispose: async () => {} };
    },
    async end() {},
  };
}

const MASTER_KEYS = [{ id: "k1", key: new Uint8Array(32).map((_, i) => i * 7 + 3) }];

/** The same with everything sealed on its way to them. */
function encrypted(under: StoreUnderTest): StoreUnderTest {
  const sealed = (stores: Stores): Stores => encryptedStores(stores, MASTER_KEYS);
  return {
    ...under,
    name: `${under.name}, encrypted`,
    async open(clock) {
      const opened = await under.open(clock);
      return { ...opened, stores: sealed(opened.stores), reopen: async () => sealed(await opened.reopen()) };
    },
  };
}

export const STORES_UNDER_TEST: readonly StoreUnderTest[] = [
  memoryUnderTest(300),
  encrypted(memoryUnderTest(50)),
  sqliteUnderTest(300, { scrubs: false }),
  ...serversUnderTest(50),
];
