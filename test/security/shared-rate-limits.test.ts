// One limit for all servers: the limiters of the engines answer what the rule answers, also when many ask at once.

import { describe, expect, it, onTestFinished } from "vitest";
import { postgresRateLimiter } from "../../src/adapters/postgres/rate-limiter.ts";
import { redisRateLimiter } from "../../src/adapters/redis/rate-limiter.ts";
import { takeOne, type RateLimiter } from "../../src/core/rate-limiter.ts";
import { localRateLimiter } from "../../src/security/rate-limit.ts";
import { openTestRedis } from "../adapters/redis-client.ts";
import { describeWith } from "../engines.ts";
import { migratedSchema } from "../postgres.ts";

const START = Date.parse("2026-01-15T12:00:00.000Z");

/** Two servers over the same limits. */
type Open = (clock?: () => number) => Promise<[RateLimiter, RateLimiter]>;

function promises(open: Open): void {
  it("answers what the rule answers, whichever server is asked", async () => {
    let now = START;
    const servers = await open(() => now);
    const policy = { limit: 7, periodMs: 60_000 };
    let emptyAt: number | null = null;
    for (let n = 0; n < 60; n++) {
      now += (n * 7919) % 12_000;
      const expected = takeOne(emptyAt, now, policy);
      emptyAt = expected.emptyAt;
      const answer = await servers[n % 2]!.take("address:203.0.113.7", policy);
      expect(answer.allowed, `request ${n}`).toBe(expected.decision.allowed);
      expect(answer.remaining).toBe(expected.decision.remaining);
      expect(Math.abs(answer.resetMs - expected.decision.resetMs)).toBeLessThan(1);
      expect(Math.abs(answer.retryAfterMs - expected.decision.retryAfterMs)).toBeLessThan(2);
    }
  });

  it("lets exactly the limit through of many at once on two servers, by the engine's own clock", async () => {
    const servers = await open();
    const policy = { limit: 20, periodMs: 3_600_000 };
    const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => servers[n % 2]!.take("key:one", policy)));
    expect(answers.filter(({ allowed }) => allowed)).toHaveLength(20);
    expect((await servers[0].take("key:another", policy)).allowed).toBe(true);
  });
}

describe("this process's own limiter", () => {
  promises(async (clock) => {
    const limiter = localRateLimiter(clock);
    return [limiter, limiter];
  });
});

describeWith("redis", "the limiter over Redis", (at) => {
  promises(async (clock) => {
    const redis = await openTestRedis(at);
    onTestFinished(async () => void (await redis.close()));
    const server = () => redisRateLimiter({ client: redis.link, prefix: redis.prefix, ...(clock ? { clock } : {}) });
    return [server(), server()];
  });

  it("keeps nothing of a bucket that is empty again", async () => {
    const redis = await openTestRedis(at);
    onTestFinished(async () => void (await redis.close()));
    await redisRateLimiter({ client: redis.link, prefix: redis.prefix }).take("a", { limit: 10, periodMs: 100 });
    expect(await redis.keys()).toHaveLength(1);
    await expect.poll(redis.keys, { timeout: 10_000 }).toEqual([]);
  });
});

describeWith("postgresql", "the limiter over PostgreSQL", (at) => {
  promises(async (clock) => {
    const schema = await migratedSchema(at);
    onTestFinished(() => schema.dispose());
    const server = () => postgresRateLimiter(schema.openPool({ max: 5 }), clock ? { clock } : {});
    return [server(), server()];
  });
});
