// At the start the servers are looked at, and what a crash of them could lose is said plainly.

import { expect, it, onTestFinished } from "vitest";
import { checkRedis } from "../../src/adapters/redis/check-redis.ts";
import { singleRedis } from "../../src/adapters/redis/redis-link.ts";
import { redisStores } from "../../src/adapters/redis/redis-stores.ts";
import { StoreUnavailableError } from "../../src/core/errors.ts";
import { describeWith } from "../engines.ts";
import { startRedisServer } from "../redis-server.ts";
import { openTestRedis } from "./redis-client.ts";

async function serverWith(flags: Record<string, string>) {
  const server = await startRedisServer({ flags });
  onTestFinished(() => server.stop());
  const redis = await openTestRedis(server.url);
  onTestFinished(() => redis.destroy());
  return redis;
}

describeWith("redis", "looking at a Redis server", () => {
  it.each([
    { flags: {}, code: "no-persistence", level: "refuse", says: "a restart loses every live conversation" },
    { flags: { save: "3600 1" }, code: "snapshots-only", level: "refuse", says: "what was said since the last snapshot" },
    { flags: { appendonly: "yes", appendfsync: "no" }, code: "sync-never", level: "refuse", says: "half minute" },
    { flags: { appendonly: "yes" }, code: "sync-every-second", level: "warn", says: "the last second or two" },
    { flags: { appendonly: "yes", appendfsync: "always" }, code: "sync-always", level: "info", says: "loses nothing" },
    { flags: { "maxmemory-policy": "allkeys-lru" }, code: "eviction", level: "refuse", says: "set it to noeviction" },
    { flags: {}, code: "no-replicas", level: "warn", says: "no replica" },
  ])("with $flags finds $code", async ({ flags, code, level, says }) => {
    const { link } = await serverWith(flags);
    const { findings } = await checkRedis(link);
    expect(findings).toContainEqual({ level, code, message: expect.stringContaining(says) as string });
  });

  it("has nothing to refuse of one that loses nothing, and puts the most serious first", async () => {
    const { link } = await serverWith({ appendonly: "yes", appendfsync: "always" });
    const check = await checkRedis(link);
    expect(check).toMatchObject({ cluster: false, primaries: 1, replicas: 0, appendOnly: true, appendFsync: "always", snapshots: false });
    expect(check).toMatchObject({ maxMemoryPolicy: "noeviction", files: { appendOnly: true, snapshots: false, rewritable: true } });
    expect(check.findings.map(({ level }) => level)).toEqual(["warn", "info"]);
  });

  it("says what it could not see where CONFIG is not allowed, and goes on with what INFO tells", async () => {
    const { send } = await serverWith({ appendonly: "yes", appendfsync: "always" });
    const managed = singleRedis({
      sendCommand: (args) => (args[0] === "CONFIG" ? Promise.reject(new Error("NOPERM this user has no permissions")) : send(...args)),
    });
    const check = await checkRedis(managed);
    expect(check).toMatchObject({ appendOnly: true, appendFsync: null, snapshots: null, maxMemoryPolicy: "noeviction" });
    expect(check.findings).toContainEqual(expect.objectContaining({ level: "warn", code: "sync-unknown" }));
    const { hot } = await redisStores({ client: managed, prefix: "managed:" });
    expect(hot.capabilities.overwrittenWithinMs).toBeNull();
    expect(await hot.scrub()).toBe(true);
  });

  it("does not take an answer that never came for one", async () => {
    const { link, destroy } = await serverWith({});
    destroy();
    await expect(checkRedis(link)).rejects.toThrow(StoreUnavailableError);
    await expect(redisStores({ client: link })).rejects.toThrow(StoreUnavailableError);
  });
});
