import { postgresStores } from "../../src/adapters/postgres/postgres-stores.ts";
import type { Stores } from "../../src/core/stores.ts";
import { describeWith } from "../engines.ts";
import { migratedSchema, type Schema } from "../postgres.ts";
import { runConformance } from "./run-conformance.ts";

const schemas = new Map<Stores, Schema>();

describeWith("postgresql", "PostgreSQL", (at) => {
  runConformance("postgres", {
    async open(clock) {
      const schema = await migratedSchema(at);
      const stores = await postgresStores({ pool: schema.openPool({ max: 10 }), clock });
      schemas.set(stores, schema);
      return stores;
    },
    // Fails if a connection was not given back.
    async dispose(stores) {
      const schema = schemas.get(stores)!;
      schemas.delete(stores);
      await schema.dispose();
    },
  });
});
