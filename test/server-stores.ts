// Stores over database servers for one test: a schema and a part of the keys of its own, empty at first, and nothing left of them at the end.

import { postgresStores } from "../src/adapters/postgres/postgres-stores.ts";
import { redisStores } from "../src/adapters/redis/redis-stores.ts";
import type { FullStores } from "./faulty-stores.ts";
import { openTestRedis } from "./adapters/redis-client.ts";
import { migratedSchema } from "./postgres.ts";

/** Open stores. */
export interface ServerStores {
  readonly stores: FullStores;
  /** The same stores once more, over connections of their own, as another server has them. */
  readonly again: () => Promise<FullStores>;
  /** Closes them and removes what they held. Fails if a connection is left open. */
  readonly dispose: () => Promise<void>;
}

const CONNECTIONS = 8;
/** Over so few slots of a cluster the stores in Redis are spread: a sweep asks each of them. */
const BUCKETS = 16;

/** All four ports over the PostgreSQL at this address. A database has IDs of one prefix. */
export async function openPostgresStores(at: string, clock: () => number, idPrefix?: string): Promise<ServerStores> {
  const schema = await migratedSchema(at, idPrefix);
  const opened: { close: () => Promise<void> }[] = [];
  const again = async (): Promise<FullStores> => {
    const stores = await postgresStores({ pool: schema.openPool({ max: CONNECTIONS }), clock });
    opened.push(stores);
    return { hot: stores.hot, archive: stores.archive, directory: stores.directory, records: stores.records };
  };
  return {
    stores: await again(),
    again,
    async dispose() {
      for (const stores of opened) await stores.close();
      await schema.dispose();
    },
  };
}

/** Live conversations in Redis, everything else in PostgreSQL. */
export async function openMixedStores(redisAt: string, postgresAt: string, clock: () => number, idPrefix?: string): Promise<ServerStores> {
  const redis = await openTestRedis(redisAt);
  const rest = await openPostgresStores(postgresAt, clock, idPrefix);
  const over = async (others: FullStores): Promise<FullStores> => ({
    ...others,
    hot: (await redisStores({ client: redis.link, prefix: redis.prefix, clock, buckets: BUCKETS })).hot,
  });
  return {
    stores: await over(rest.stores),
    again: async () => over(await rest.again()),
    async dispose() {
      await redis.close();
      await rest.dispose();
    },
  };
}
