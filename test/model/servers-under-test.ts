// PostgreSQL, and Redis before it, for the model-based test: one schema serves run after run and is emptied between them.

import { redisStores } from "../../src/adapters/redis/redis-stores.ts";
import { postgresStores, type PostgresStores } from "../../src/adapters/postgres/postgres-stores.ts";
import type { Stores } from "../../src/core/stores.ts";
import { openTestRedis, type TestRedis } from "../adapters/redis-client.ts";
import { findEngine } from "../engines.ts";
import { migratedSchema, type Schema } from "../postgres.ts";
import { interceptStores } from "./intercept.ts";
import type { StoreUnderTest } from "./stores-under-test.ts";

/** What was wiped is overwritten by VACUUM or a rewrite, which takes long and changes nothing that can be asked for. */
function withoutScrub(stores: Stores): Stores {
  return interceptStores(stores, async ({ method, proceed }) => (method === "scrub" ? true : proceed()));
}

/** Over so few slots of a cluster a run is spread: a sweep asks each of them. */
const BUCKETS = 8;

interface Place {
  readonly schema: Schema;
  readonly redis: TestRedis | null;
  stores: PostgresStores;
}

function underTest(name: string, runs: number, postgresAt: string, redisAt: string | null): StoreUnderTest {
  async function open(clock: () => number): Promise<Place> {
    const schema = await migratedSchema(postgresAt);
    const redis = redisAt === null ? null : await openTestRedis(redisAt);
    return { schema, redis, stores: await postgresStores({ pool: schema.openPool({ max: 4 }), clock }) };
  }

  async function portsOf({ stores: { hot, archive, directory, records }, redis }: Place, clock: () => number): Promise<Stores> {
    const live = redis ? (await redisStores({ client: redis.link, prefix: redis.prefix, clock, buckets: BUCKETS })).hot : hot;
    return withoutScrub({ hot: live, archive, directory, records });
  }

  return {
    name,
    runs,
    together: redisAt === null,
    async open(clock) {
      const place = await open(clock);
      return {
        stores: await portsOf(place, clock),
        async reopen() {
          await place.stores.close();
          place.stores = await postgresStores({ pool: place.schema.openPool({ max: 4 }), clock });
          return portsOf(place, clock);
        },
        async dispose() {
          await place.stores.close();
          await place.redis?.close();
          await place.schema.dispose();
        },
      };
    },
    async end() {},
  };
}

/** Those whose servers are here; what is missing is printed. */
export function serversUnderTest(runs: number): StoreUnderTest[] {
  const [postgresql, redis] = [findEngine("postgresql"), findEngine("redis")];
  for (const engine of [postgresql, redis]) if (!engine.available) console.warn(`skipped in the model: ${engine.reason}`);
  if (!postgresql.available) return [];
  const alone = underTest("PostgreSQL", runs, postgresql.at, null);
  return redis.available ? [alone, underTest("Redis before PostgreSQL", runs, postgresql.at, redis.at)] : [alone];
}
