// The first few of what lies in order in every bucket, without reading much more than that.

/** Something, and the bucket it was found in. */
export interface Found<T> {
  bucket: number;
  item: T;
}

/**
 * The first `limit` items over these buckets, in order. `read` answers the first `count` items of a bucket in the same order; fewer
 * mean that it has no more. Things are spread evenly, so each bucket is asked for its share first, and only those for more that turn out to have it.
 */
export async function firstOfAll<T>(
  buckets: readonly number[],
  limit: number,
  compare: (a: T, b: T) => number,
  read: (bucket: number, count: number) => Promise<T[]>,
): Promise<Found<T>[]> {
  if (limit < 1) return [];
  const known = new Map<number, { items: T[]; all: boolean }>();
  let asking = [...buckets];
  let count = Math.min(limit, Math.ceil((2 * limit) / Math.max(1, buckets.length)) + 2);
  for (;;) {
    await Promise.all(
      asking.map(async (bucket) => {
        const items = await read(bucket, count);
        known.set(bucket, { items, all: items.length < count });
      }),
    );
    const merged = [...known].flatMap(([bucket, { items }]) => items.map((item): Found<T> => ({ bucket, item })));
    const first = merged.toSorted((a, b) => compare(a.item, b.item)).slice(0, limit);
    const last = first.length < limit ? undefined : first.at(-1)!.item;
    // A bucket that may have more matters only if what it has not shown could stand before the last of these.
    asking = [...known].flatMap(([bucket, { items, all }]) =>
      all || items.length >= limit || (last !== undefined && compare(items.at(-1)!, last) >= 0) ? [] : [bucket],
    );
    if (asking.length === 0) return first;
    count = Math.min(limit, count * 4);
  }
}
