// The outbox: the oldest items of all buckets, leased, and what was delivered taken out again.

import type { LifecycleEvent } from "../../core/head.ts";
import type { OutboxItem } from "../../core/hot-store.ts";
import type { Json } from "../../core/json.ts";
import type { Engine } from "./engine.ts";
import { firstOfAll } from "./first-of-all.ts";
import type { BucketKeys } from "./keys.ts";

interface Leased {
  stamp: number;
  item: OutboxItem;
}

function detailsOf(text: string): { [key: string]: Json } {
  try {
    return JSON.parse(text) as { [key: string]: Json };
  } catch {
    // Damaged details are passed on as none, so that they do not stop what comes behind them.
    return {};
  }
}

/**
 * The item of a name and a text. The name of an event goes into the directory, where it tells repeats: it holds the store's own ID, so
 * that events of one store are never taken for those of another.
 */
function itemOf(storeId: string, bucket: number, name: string, text: string): OutboxItem {
  if (name.startsWith("m")) {
    const id = name.slice(1);
    const [version = "", cut] = text.split(" ");
    return { n: `m:${version}:${id}`, id, version: Number(version), event: null, ...(cut === undefined ? {} : { cut: Number(cut) }) };
  }
  const [first = "", second = "", third = ""] = text.split("\n");
  const [id = "", version = ""] = first.split(" ");
  // The cast: `eventTexts` wrote it.
  const { type, at } = JSON.parse(second) as Pick<LifecycleEvent, "type" | "at">;
  return { n: `e:${storeId}:${bucket}:${name.slice(1)}`, id, version: Number(version), event: { type, at, details: detailsOf(third) } };
}

const scriptKeys = ({ outbox, items, leases }: BucketKeys) => [outbox, items, leases];

async function lease(engine: Engine, bucket: number, count: number, leaseMs: number): Promise<Leased[]> {
  const args = [engine.clockText(), String(count), String(leaseMs)];
  const flat = (await engine.run("outbox", scriptKeys(engine.keys.ofBucket[bucket]!), args)) as string[];
  const found: Leased[] = [];
  for (let i = 0; i < flat.length; i += 3) {
    found.push({ stamp: Number(flat[i + 1]), item: itemOf(engine.storeId, bucket, flat[i]!, flat[i + 2]!) });
  }
  return found;
}

/** How many items to lease of which bucket, so that the oldest are taken. */
async function plan(engine: Engine, buckets: readonly number[], limit: number): Promise<Map<number, number>> {
  const stamps = await firstOfAll<number>(
    buckets,
    limit,
    (a, b) => a - b,
    async (bucket, count) => {
      const args = [engine.clockText(), String(count), ""];
      return ((await engine.run("outbox", scriptKeys(engine.keys.ofBucket[bucket]!), args)) as string[]).map(Number);
    },
  );
  const counts = new Map<number, number>();
  for (const { bucket } of stamps) counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
  return counts;
}

/** `HotStore.outbox`. An idle poll is one tiny read for each bucket, all in one go. */
export async function outboxItems(engine: Engine, limit: number, leaseMs: number): Promise<OutboxItem[]> {
  const counts = (await engine.ofEach(({ outbox }) => ["ZCARD", outbox])).map(Number);
  const waiting = counts.flatMap((count, bucket) => (count > 0 ? [bucket] : []));
  const all = counts.reduce((sum, count) => sum + count, 0) <= limit;
  const found: Leased[] = [];
  while (waiting.length > 0 && found.length < limit) {
    const shares = all ? new Map(waiting.map((bucket) => [bucket, counts[bucket]!])) : await plan(engine, waiting, limit - found.length);
    if (shares.size === 0) break;
    for (const leased of await Promise.all([...shares].map(([bucket, count]) => lease(engine, bucket, count, leaseMs))))
      found.push(...leased);
    // Else others may have leased some of what was planned, and there may be more. With a lease of nothing it would be the same again.
    if (all || leaseMs <= 0) break;
  }
  return found.toSorted((a, b) => a.stamp - b.stamp).map(({ item }) => item);
}

/** `HotStore.delivered`. */
export async function removeDelivered(engine: Engine, ns: readonly string[]): Promise<void> {
  const byBucket = new Map<BucketKeys, string[]>();
  for (const n of ns) {
    const event = /^e:([^:]*):(\d+):(\d+)$/.exec(n);
    const mark = /^m:([^:]+):(.+)$/s.exec(n);
    const bucket = event ? engine.keys.ofBucket[Number(event[2])] : mark ? engine.keys.ofConversation(mark[2]!).bucket : undefined;
    if (!bucket || (event && event[1] !== engine.storeId)) continue;
    const pairs = byBucket.get(bucket) ?? [];
    pairs.push(...(event ? [`e${event[3]}`, ""] : [`m${mark![2]}`, mark![1]!]));
    byBucket.set(bucket, pairs);
  }
  await Promise.all([...byBucket].map(([bucket, pairs]) => engine.run("delivered", scriptKeys(bucket), pairs)));
}
