// The same promises on a cluster of three, where a commit that touched two slots would be refused.

import { randomUUID } from "node:crypto";
import { createClient, createCluster } from "redis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { clusterRedis, singleRedis, type RedisLink } from "../../src/adapters/redis/redis-link.ts";
import { redisStores } from "../../src/adapters/redis/redis-stores.ts";
import { describeWith } from "../engines.ts";
import { startRedisCluster, type RedisCluster } from "../redis-cluster.ts";
import { runConformance } from "./run-conformance.ts";

describeWith("redis", "a Redis cluster of three", () => {
  let cluster: RedisCluster;
  let link: RedisLink;
  let close: () => void;

  beforeAll(async () => {
    cluster = await startRedisCluster();
    const client = createCluster({ rootNodes: cluster.urls.map((url) => ({ url })) });
    client.on("error", () => {});
    await client.connect();
    close = () => client.destroy();
    link = clusterRedis(client);
  }, 60_000);
  afterAll(async () => {
    close();
    await cluster.stop();
  });

  runConformance("redis cluster", {
    async open(clock) {
      const { hot, records } = await redisStores({ client: link, prefix: `${randomUUID()}:`, clock });
      const { archive, directory } = memoryStores({ clock });
      return { hot, records, archive, directory };
    },
    skip: { together: "hot store and records alone; the archive and the directory are another engine's" },
  });

  it("uses all three nodes", async () => {
    const sizes = await Promise.all(
      cluster.urls.map(async (url) => {
        const client = await createClient({ url }).connect();
        try {
          return await client.dbSize();
        } finally {
          await client.close();
        }
      }),
    );
    for (const size of sizes) expect(size).toBeGreaterThan(0);
  });

  it("is told from a single server, and the wrong client for it is found out", async () => {
    const { check } = await redisStores({ client: link, prefix: `${randomUUID()}:` });
    expect(check).toMatchObject({ cluster: true, primaries: 3, replicas: 0 });
    const client = await createClient({ url: cluster.urls[0]! }).connect();
    try {
      const { checkRedis } = await import("../../src/adapters/redis/check-redis.ts");
      const { findings } = await checkRedis(singleRedis(client));
      expect(findings).toContainEqual(expect.objectContaining({ level: "refuse", code: "cluster-client" }));
    } finally {
      await client.close();
    }
  });
});
