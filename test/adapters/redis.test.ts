import assert from "node:assert/strict";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { redisStores } from "../../src/adapters/redis/redis-stores.ts";
import type { Stores } from "../../src/core/stores.ts";
import { describeWith } from "../engines.ts";
import { openTestRedis, type TestRedis } from "./redis-client.ts";
import { runConformance } from "./run-conformance.ts";

const APART = "hot store and records alone; the archive and the directory are another engine's";

describeWith("redis", "Redis", (url) => {
  for (const own of [false, true]) {
    const opened = new Map<Stores, TestRedis>();
    runConformance(own ? "redis with the server's clock" : "redis", {
      ...(own ? { ownClock: true } : {}),
      async open(clock) {
        const redis = await openTestRedis(url);
        const { hot, records } = await redisStores({ client: redis.link, prefix: redis.prefix, ...(own ? {} : { clock }) });
        const { archive, directory } = memoryStores({ clock });
        const stores = { hot, records, archive, directory };
        opened.set(stores, redis);
        return stores;
      },
      async dispose(stores) {
        const redis = opened.get(stores)!;
        opened.delete(stores);
        const left = await redis.close();
        // One key of the store, and keys of buckets: nothing lies anywhere else.
        for (const key of left) assert.match(key, /^[^{}]*(store|\{\d+\}:.*)$/s);
      },
      skip: { together: APART },
    });
  }
});
