// The archive and the directory in PostgreSQL beside a hot store that is elsewhere, as Redis is.

import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { postgresArchive } from "../../src/adapters/postgres/archive.ts";
import { postgresDirectory } from "../../src/adapters/postgres/directory.ts";
import type { Stores } from "../../src/core/stores.ts";
import { describeWith } from "../engines.ts";
import { migratedSchema, type Schema } from "../postgres.ts";
import { runConformance } from "./run-conformance.ts";

const schemas = new Map<Stores, Schema>();

describeWith("postgresql", "archive and directory in PostgreSQL", (at) => {
  runConformance("a hot store elsewhere, archive and directory in PostgreSQL", {
    async open(clock) {
      const schema = await migratedSchema(at);
      const pool = schema.openPool({ max: 4 });
      const { hot, records } = memoryStores({ clock });
      const stores: Stores = { hot, records, archive: postgresArchive(pool, { clock }), directory: postgresDirectory(pool, { clock }) };
      schemas.set(stores, schema);
      return stores;
    },
    async dispose(stores) {
      const schema = schemas.get(stores)!;
      schemas.delete(stores);
      await schema.dispose();
    },
    skip: { together: "the hot store is another database" },
  });
});
