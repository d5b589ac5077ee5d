// What outlives a crash of Redis, what a caller hears while it is away, and what is left of what was wiped.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { redisStores, type RedisOptions } from "../../src/adapters/redis/redis-stores.ts";
import { happened } from "../../src/conformance/expectations.ts";
import { DAY, makeMessage, makeWhole } from "../../src/conformance/make-conversation.ts";
import { StoreUnavailableError } from "../../src/core/errors.ts";
import { describeWith } from "../engines.ts";
import { startRedisServer, type RedisServer } from "../redis-server.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { openTestRedis } from "./redis-client.ts";

const ALWAYS = { appendonly: "yes", appendfsync: "always" };

async function server(flags: Record<string, string> = {}, folder?: string): Promise<RedisServer> {
  const started = await startRedisServer({ flags, ...(folder ? { folder } : {}) });
  onTestFinished(() => started.stop());
  return started;
}

async function openOn({ url }: RedisServer, options: Partial<RedisOptions> = {}) {
  const redis = await openTestRedis(url, "itera:");
  // The server goes with the test, its keys with it.
  onTestFinished(() => redis.destroy());
  return { ...(await redisStores({ client: redis.link, ...options })), redis };
}

/** Everything that the files of a folder hold. */
function filesIn(folder: string): Buffer {
  const parts = readdirSync(folder).map((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesIn(path) : readFileSync(path);
  });
  return Buffer.concat(parts);
}

/** Kills a server under four appending clients and starts it again; answers what was acknowledged, what clients heard, and the store afterwards. */
async function crashed(redis: RedisServer) {
  const { hot } = await openOn(redis);
  const { head } = happened(await hot.create(makeWhole(Date.now()), { events: [{ type: "created", at: 1, details: { a: 1 } }] }));
  const acknowledged: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const untilDown = async (): Promise<unknown> => {
    for (;;) {
      try {
        const result = happened(await hot.commit(head.id, { now: Date.now(), append: [makeMessage("text")] }));
        if (acknowledged.push(result.placed[0]!.seq) === 100) resolve();
      } catch (error) {
        return error;
      }
    }
  };
  const appending = [1, 2, 3, 4].map(untilDown);
  await promise;
  await redis.kill();
  const heard = await Promise.all(appending);
  await redis.start();
  return { head, acknowledged, heard, hot: (await openOn(redis)).hot };
}

describeWith("redis", "a crash of Redis", () => {
  it("that syncs always loses nothing that was acknowledged", async () => {
    const { head, acknowledged, heard, hot } = await crashed(await server(ALWAYS));
    for (const error of heard) expect(error).toBeInstanceOf(StoreUnavailableError);
    const whole = (await hot.read(head.id, Infinity))!;
    expect(whole.messages.map(({ seq }) => seq)).toEqual(Array.from({ length: whole.head.lastSeq }, (_, i) => i + 1));
    expect(new Set(acknowledged).size).toBe(acknowledged.length);
    expect(whole.head.lastSeq).toBeGreaterThanOrEqual(Math.max(...acknowledged));
    expect((await hot.outbox(10, 0)).map(({ event }) => event?.type)).toEqual(["created", undefined]);
    expect((await hot.take("expire", head.expiresAt!, 10, 0)).map(({ id }) => id)).toEqual([head.id]);
  });

  it("that keeps nothing on disk loses all, which is the control of this test", async () => {
    const { head, acknowledged, hot } = await crashed(await server());
    expect(acknowledged.length).toBeGreaterThanOrEqual(100);
    expect(await hot.read(head.id, 0)).toBeNull();
  });

  it("is heard of as unavailable while it is frozen or dead, and forgotten when it is back", async () => {
    const redis = await server(ALWAYS);
    const { hot, records } = await openOn(redis, { timeoutMs: 300 });
    const { head } = happened(await hot.create(makeWhole(Date.now(), ["one"])));
    const send = () => {
      const once = { key: "k", fingerprint: "f", until: Date.now() + DAY };
      return hot.commit(head.id, { now: Date.now(), append: [makeMessage("two")], once });
    };
    const fails = async () => {
      for (const call of [send(), hot.read(head.id, 1), records.get("job", "a"), hot.outbox(10, 0), hot.probe(), hot.scan(null, 10)]) {
        await expect(call).rejects.toThrow(StoreUnavailableError);
      }
    };
    redis.freeze();
    await fails();
    redis.thaw();
    // What was sent while it was frozen was done after all: the repeat under its key finds that out.
    await expect.poll(async () => (await send()).outcome, { timeout: 20_000 }).toBe("replayed");
    await redis.kill();
    await fails();
    await redis.start();
    await expect
      .poll(
        () =>
          send().then(
            ({ outcome }) => outcome,
            () => "away",
          ),
        { timeout: 20_000 },
      )
      .toBe("replayed");
    expect((await hot.read(head.id, Infinity))!.head.lastSeq).toBe(2);
  });

  it("is not waited for where replicas are: too few of them answer unavailable, and the repeat finds what was stored", async () => {
    const redis = await server();
    const { hot, check } = await openOn(redis, { wait: { replicas: 1, timeoutMs: 50 } });
    expect(check.replicas).toBe(0);
    const whole = makeWhole(Date.now(), ["one"]);
    const once = { key: "k", fingerprint: "f", until: Date.now() + DAY };
    await expect(hot.create(whole, { once })).rejects.toThrow("Only 0 of 1 replicas have confirmed the change within 50 ms");
    const replica = await server({ replicaof: `127.0.0.1 ${redis.port}` });
    const sync = async () =>
      await hot.create(whole, { once }).then(
        ({ outcome }) => outcome,
        () => "too few",
      );
    await expect.poll(sync, { timeout: 20_000 }).toBe("replayed");
    expect(replica.port).not.toBe(redis.port);
  });

  it("that is full, or a replica, or busy writing its files in vain, takes no writes, and says so by class", async () => {
    const redis = await server({ "maxmemory-policy": "noeviction" });
    const { hot, redis: client } = await openOn(redis);
    const { head } = happened(await hot.create(makeWhole(Date.now(), ["one"])));
    const send = () => hot.commit(head.id, { now: Date.now(), append: [makeMessage("two")] });
    await client.send("CONFIG", "SET", "maxmemory", "1");
    await expect(send()).rejects.toThrow("maxmemory");
    expect((await hot.read(head.id, 1))!.head.lastSeq).toBe(1);
    await client.send("CONFIG", "SET", "maxmemory", "0");
    await client.send("CONFIG", "SET", "min-replicas-to-write", "1");
    await expect(send()).rejects.toThrow("Too few replicas");
    await client.send("CONFIG", "SET", "min-replicas-to-write", "0");
    await client.send("REPLICAOF", "127.0.0.1", "1");
    await expect(send()).rejects.toThrow("is a replica");
    await client.send("REPLICAOF", "NO", "ONE");
    expect(happened(await send()).head.lastSeq).toBe(2);
  });

  it.each([
    { name: "a log of commands", flags: ALWAYS },
    { name: "a log of commands and snapshots", flags: { ...ALWAYS, save: "3600 1" } },
  ])("leaves nothing of what was wiped in $name, once scrub has answered true", async ({ flags }) => {
    const folder = temporaryFolder();
    const redis = await server(flags, folder);
    const { hot } = await openOn(redis);
    expect(hot.capabilities.overwrittenWithinMs).toBeGreaterThan(0);
    const canary = "canary-8c1f";
    const fields = { metadata: { canary }, session: { context: { canary } }, subjects: [canary], keyring: canary };
    const { head } = happened(
      await hot.create(makeWhole(Date.now(), [makeMessage(canary, canary)], fields), {
        events: [{ type: "created", at: 1, details: { canary } }],
        once: { key: canary, fingerprint: "f", until: Date.now() + DAY },
      }),
    );
    expect(filesIn(folder).includes(canary)).toBe(true);
    happened(await hot.commit(head.id, { now: Date.now(), step: { from: ["active"], to: "deleted" }, wipe: true }));
    expect(filesIn(folder).includes(canary)).toBe(true);
    await expect.poll(() => hot.scrub(), { timeout: 30_000 }).toBe(true);
    expect(filesIn(folder).includes(canary)).toBe(false);
    await redis.restart();
    const again = await openOn(redis);
    expect((await again.hot.read(head.id, 1))!.head).toMatchObject({ status: "deleted", wiped: true, metadata: {} });
  });
});
