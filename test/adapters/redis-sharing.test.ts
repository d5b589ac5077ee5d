// Several servers over one store, and what happens to it behind their backs.

import { expect, it, onTestFinished } from "vitest";
import { redisStores } from "../../src/adapters/redis/redis-stores.ts";
import { happened } from "../../src/conformance/expectations.ts";
import { DAY, makeHead, makeMessage, makeWhole } from "../../src/conformance/make-conversation.ts";
import { StoredDataError } from "../../src/core/errors.ts";
import { describeWith } from "../engines.ts";
import { openTestRedis, type TestRedis } from "./redis-client.ts";

async function opened(url: string, prefix?: string): Promise<TestRedis> {
  const redis = await openTestRedis(url, prefix);
  onTestFinished(async () => void (await redis.close()));
  return redis;
}

describeWith("redis", "a store in Redis", (url) => {
  it("takes 50 writers with 100 appends each, from four clients, every one of them sent twice, without a gap and each once", async () => {
    const first = await opened(url);
    const clients = [first, ...(await Promise.all([1, 2, 3].map(() => opened(url, first.prefix))))];
    const stores = await Promise.all(clients.map(({ link, prefix }) => redisStores({ client: link, prefix })));
    const { head } = makeWhole(Date.now());
    happened(await stores[0]!.hot.create({ head, messages: [] }));
    await Promise.all(
      Array.from({ length: 50 }, async (_, writer) => {
        for (let i = 0; i < 100; i++) {
          const once = { key: `${writer}-${i}`, fingerprint: "same", until: Date.now() + DAY };
          const change = { now: Date.now(), append: [makeMessage(`${writer}-${i}`)], once, window: 3 };
          const [one, two] = await Promise.all([writer, writer + 1].map((by) => stores[by % 4]!.hot.commit(head.id, change)));
          expect([one!.outcome, two!.outcome].toSorted()).toEqual(["done", "replayed"]);
          const [a, b] = [one, two].map((result) => (result!.outcome === "done" || result!.outcome === "replayed" ? result : null));
          expect(a!.placed).toEqual(b!.placed);
          expect(a!.window).toEqual(b!.window);
          expect(a!.window.at(-1)).toMatchObject({ key: change.append[0]!.key, seq: a!.placed[0]!.seq });
        }
      }),
    );
    const whole = (await stores[3]!.hot.read(head.id, Infinity))!;
    expect(whole.head).toMatchObject({ lastSeq: 5000, version: 5001 });
    expect(whole.messages.map(({ seq }) => seq)).toEqual(Array.from({ length: 5000 }, (_, i) => i + 1));
    expect(new Set(whole.messages.map(({ body }) => body)).size).toBe(5000);
  }, 120_000);

  it("keeps the number of buckets that it was made with, and refuses another", async () => {
    const { link, prefix } = await opened(url);
    await redisStores({ client: link, prefix, buckets: 16 });
    await redisStores({ client: link, prefix, buckets: 16 });
    await expect(redisStores({ client: link, prefix })).rejects.toThrow("was made with 16 buckets, not 256; set buckets to 16");
  });

  it("refuses a prefix with braces, and a number of buckets that makes no sense", async () => {
    const { link } = await opened(url);
    await expect(redisStores({ client: link, prefix: "a{b}:" })).rejects.toThrow("prefix must not have braces");
    for (const buckets of [0, 1.5, 20_000]) await expect(redisStores({ client: link, buckets })).rejects.toThrow("buckets must be");
  });

  it("refuses what code of another layout has stored", async () => {
    const { link, prefix, send } = await opened(url);
    await send("HSET", `${prefix}store`, "layout", "9", "buckets", "256", "id", "x");
    await expect(redisStores({ client: link, prefix })).rejects.toThrow("has layout 9, this code knows 1");
  });

  it("goes on when the server has forgotten the scripts", async () => {
    const { link, prefix, send } = await opened(url);
    const { hot } = await redisStores({ client: link, prefix });
    const whole = makeWhole(Date.now(), ["one"]);
    await send("SCRIPT", "FLUSH", "SYNC");
    happened(await hot.create(whole));
    await send("SCRIPT", "FLUSH", "SYNC");
    await Promise.all([1, 2, 3].map(async () => happened(await hot.commit(whole.head.id, { now: 1, append: [makeMessage("more")] }))));
    expect((await hot.read(whole.head.id, 0))!.head.lastSeq).toBe(4);
  });

  it("has nothing left of a conversation that was taken out, and of nothing else of it but what waits to be passed on", async () => {
    const { link, prefix, keys } = await opened(url);
    const { hot } = await redisStores({ client: link, prefix });
    const { head } = happened(await hot.create(makeWhole(Date.now(), [makeMessage("one", "m1")])));
    const once = { key: "k", fingerprint: "f", until: Date.now() + DAY };
    happened(await hot.commit(head.id, { now: Date.now(), append: [makeMessage("two", "m2")], once }));
    expect((await hot.take("expire", head.expiresAt!, 10, DAY)).length).toBe(1);
    expect(await hot.remove(head.id, 2)).toBe(true);
    const items = await hot.outbox(10, DAY);
    await hot.delivered(items.map(({ n }) => n));
    // The last stamp of the bucket stays, so that no name is ever given twice.
    expect((await keys()).map((key) => key.replace(/\{\d+\}/, "{}"))).toEqual(
      expect.arrayContaining([`${prefix}store`, `${prefix}{}:outbox:items`]),
    );
    expect((await keys()).length).toBe(2);
  });

  it("says of a damaged conversation that it cannot be read, and answers all others", async () => {
    const { link, prefix, send, keys } = await opened(url);
    const { hot } = await redisStores({ client: link, prefix });
    const now = Date.now();
    const [bad, good] = [makeWhole(now - DAY, ["one"], { expiresAt: now - 1 }), makeWhole(now - DAY, ["two"], { expiresAt: now - 1 })];
    for (const whole of [bad, good]) happened(await hot.create(whole));
    const key = (await keys()).find((name) => name.endsWith(`head:${bad.head.id}`))!;
    await send("HSET", key, "core", "{");
    await expect(hot.read(bad.head.id, 1)).rejects.toThrow(StoredDataError);
    await expect(hot.commit(bad.head.id, { now, append: [makeMessage("lost")] })).rejects.toThrow(StoredDataError);
    expect((await hot.heads([bad.head.id, good.head.id, makeHead(now).id])).map((head) => head?.id)).toEqual([
      undefined,
      good.head.id,
      undefined,
    ]);
    expect((await hot.scan(null, 10)).map(({ id }) => id)).toEqual([good.head.id]);
    expect((await hot.take("expire", now, 10, DAY)).map(({ id }) => id)).toEqual([good.head.id]);
    happened(await hot.commit(good.head.id, { now, append: [makeMessage("goes on")] }));
  });

  it("finds everything that is due among many whose expiry has moved on since it was listed", async () => {
    const { link, prefix } = await opened(url);
    let now = Date.parse("2025-01-25T14:30:52.000Z");
    const { hot } = await redisStores({ client: link, prefix, clock: () => now });
    const wholes = Array.from({ length: 300 }, (_, i) => makeWhole(now, [], { expiresAt: now + 1000 + i }));
    await Promise.all(wholes.map((whole) => hot.create(whole)));
    const stay = new Set(wholes.filter((_, i) => i % 10 !== 0).map(({ head }) => head.id));
    await Promise.all([...stay].map((id) => hot.commit(id, { now, touch: { expiresAt: now + DAY } })));
    now += 5000;
    const taken = [...(await hot.take("expire", now, 20, DAY)), ...(await hot.take("expire", now, 20, DAY))].map(({ id }) => id);
    expect(taken).toEqual(wholes.map(({ head }) => head.id).filter((id) => !stay.has(id)));
    expect(await hot.take("expire", now, 20, DAY)).toEqual([]);
  });
});
