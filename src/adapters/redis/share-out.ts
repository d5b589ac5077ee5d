// How many to take of each bucket.

/** Shares `limit` out over buckets that have so many each: pairs of a bucket and its share, none of them 0. */
export function shareOut(counts: readonly number[], limit: number): [bucket: number, share: number][] {
  let left = limit;
  return counts.flatMap((count, bucket): [number, number][] => {
    const share = Math.min(count, left);
    left -= share;
    return share > 0 ? [[bucket, share]] : [];
  });
}
