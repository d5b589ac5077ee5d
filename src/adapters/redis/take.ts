// What is due: looked for in all buckets by indexes that may be early, checked against the conversations, and leased.

import type { Head } from "../../core/head.ts";
import type { Engine } from "./engine.ts";
import { firstOfAll } from "./first-of-all.ts";
import { readableHead } from "./head-core.ts";

/** What can be due. */
export type What = "expire" | "warn" | "move";

/** So many are looked at in one go where the index turned out to be early. */
const LOOKED_AT = 1000;

interface Due {
  id: string;
  at: number;
}

interface Taken extends Due {
  head: Head | null;
}

function earlierFirst(a: Due, b: Due): number {
  return a.at - b.at || (a.id < b.id ? -1 : Number(a.id > b.id));
}

async function peek(engine: Engine, bucket: number, what: What, before: number, count: number): Promise<Due[]> {
  const { [what]: index, leases } = engine.keys.ofBucket[bucket]!;
  const flat = (await engine.run("peekDue", [index, leases], [what, engine.clockText(), String(before), String(count)])) as string[];
  const found: Due[] = [];
  for (let i = 0; i < flat.length; i += 2) found.push({ id: flat[i]!, at: Number(flat[i + 1]) });
  return found;
}

/** Leases those of one bucket that are truly due at the time they are listed for, and sets right what is listed too early. */
async function lease(
  engine: Engine,
  ids: readonly string[],
  bucket: number,
  what: What,
  before: number,
  leaseMs: number | null,
): Promise<{ early: number; taken: Taken[] }> {
  const { [what]: index, leases } = engine.keys.ofBucket[bucket]!;
  const keys = [index, leases, ...ids.map((id) => engine.keys.ofConversation(id).head)];
  const args = [what, engine.clockText(), String(before), leaseMs === null ? "" : String(leaseMs), ...ids];
  const [early, ...flat] = (await engine.run("leaseDue", keys, args)) as [number, ...unknown[]];
  const taken: Taken[] = [];
  for (let i = 0; i < flat.length; i += 3) {
    const id = String(flat[i]);
    // What is damaged is leased as well, so that it does not stand in the way, but not answered.
    taken.push({ id, at: Number(flat[i + 1]), head: readableHead(id, flat[i + 2]) });
  }
  return { early: Number(early), taken };
}

/** `HotStore.take`. */
export async function takeDue(engine: Engine, what: What, before: number, limit: number, leaseMs: number): Promise<Head[]> {
  const counts = (await engine.ofEach(({ [what]: index }) => ["ZCOUNT", index, "-inf", String(before)])).map(Number);
  const buckets = counts.flatMap((count, bucket) => (count > 0 ? [bucket] : []));
  const taken = new Map<string, Taken>();
  let lookingOnly = false;
  while (buckets.length > 0 && taken.size < limit) {
    const wanted: number = lookingOnly ? Math.max(limit, LOOKED_AT) : limit - taken.size;
    const due = await firstOfAll(buckets, wanted, earlierFirst, (bucket, count) => peek(engine, bucket, what, before, count));
    // With a lease of nothing what was taken is found again.
    const fresh = due.filter(({ item }) => !taken.has(item.id));
    if (fresh.length === 0) break;
    const given: number | null = lookingOnly ? null : leaseMs;
    const results: { early: number; taken: Taken[] }[] = await Promise.all(
      [...Map.groupBy(fresh, ({ bucket }) => bucket)].map(([bucket, found]) => {
        const ids = found.map(({ item }) => item.id);
        return lease(engine, ids, bucket, what, before, given);
      }),
    );
    const leased = results.flatMap((result) => result.taken);
    for (const one of leased) taken.set(one.id, one);
    const early = results.reduce((sum, result) => sum + result.early, 0);
    // All that there was is taken.
    if (!lookingOnly && due.length < wanted && leased.length === fresh.length) break;
    // Many of the earliest were not due at all: more of them are set right at once before going on.
    lookingOnly = !lookingOnly && early * 2 >= wanted;
  }
  return [...taken.values()].toSorted(earlierFirst).flatMap(({ head }) => (head ? [head] : []));
}
