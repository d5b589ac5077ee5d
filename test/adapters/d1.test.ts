import { d1Stores } from "../../src/adapters/d1/d1-stores.ts";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import type { Stores } from "../../src/core/stores.ts";
import { D1Double } from "../d1-double.ts";
import { runConformance } from "./run-conformance.ts";

const databases = new Map<Stores, D1Double>();

runConformance("d1 with production's limits", {
  open(clock) {
    const database = new D1Double();
    const stores = { ...memoryStores({ clock }), ...d1Stores({ database, clock }) };
    databases.set(stores, database);
    return stores;
  },
  dispose(stores) {
    databases.get(stores)!.close();
    databases.delete(stores);
  },
  skip: { together: "the hot store beside it is another database" },
});
