// The promises of the ports once more over database servers, with everything sealed on its way there.

import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { postgresStores } from "../../src/adapters/postgres/postgres-stores.ts";
import { redisStores } from "../../src/adapters/redis/redis-stores.ts";
import type { Stores } from "../../src/core/stores.ts";
import { encryptedStores } from "../../src/security/encryption/encrypted-stores.ts";
import { openTestRedis } from "../adapters/redis-client.ts";
import { runConformance } from "../adapters/run-conformance.ts";
import { describeWith } from "../engines.ts";
import { migratedSchema } from "../postgres.ts";
import { hiddenKeyrings } from "./hidden-keyrings.ts";
import { NOT_SEALED } from "./not-sealed.ts";

const KEYS = [{ id: "k1", key: new Uint8Array(32).map((_, i) => i * 7 + 3) }];

/** What is left when stores are closed. */
const ends = new Map<Stores, () => Promise<unknown>>();

async function dispose(stores: Stores): Promise<void> {
  const end = ends.get(stores)!;
  ends.delete(stores);
  await end();
}

describeWith("postgresql", "PostgreSQL", (at) => {
  runConformance("postgres, encrypted", {
    async open(clock) {
      const schema = await migratedSchema(at);
      const stores = hiddenKeyrings(encryptedStores(await postgresStores({ pool: schema.openPool({ max: 10 }), clock }), KEYS));
      ends.set(stores, () => schema.dispose());
      return stores;
    },
    dispose,
    skip: NOT_SEALED,
  });
});

describeWith("redis", "Redis", (url) => {
  runConformance("redis, encrypted", {
    async open(clock) {
      const redis = await openTestRedis(url);
      const { hot, records } = await redisStores({ client: redis.link, prefix: redis.prefix, clock });
      const { archive, directory } = memoryStores({ clock });
      const stores = hiddenKeyrings(encryptedStores({ hot, records, archive, directory }, KEYS));
      ends.set(stores, () => redis.close());
      return stores;
    },
    dispose,
    skip: { ...NOT_SEALED, together: "hot store and records alone; the archive and the directory are another engine's" },
  });
});
