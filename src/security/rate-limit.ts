/** Rate limiters: of this process alone, and of all servers with this process in reserve. */
import { takeOne, type RateLimiter } from "../core/rate-limiter.ts";

/** Buckets that are kept at most; of more, those that would be empty soonest are forgotten. */
const MOST_BUCKETS = 100_000;

/** A limiter of this process alone. */
export function localRateLimiter(clock: () => number = Date.now): RateLimiter {
  const buckets = new Map<string, number>();

  function makeRoom(now: number): void {
    for (const [bucket, emptyAt] of buckets) if (emptyAt <= now) buckets.delete(bucket);
    if (buckets.size < MOST_BUCKETS) return;
    const soonest = [...buckets].toSorted((a, b) => a[1] - b[1]).slice(0, MOST_BUCKETS / 10);
    for (const [bucket] of soonest) buckets.delete(bucket);
  }

  return {
    async take(bucket, policy) {
      const now = clock();
      const { emptyAt, decision } = takeOne(buckets.get(bucket) ?? null, now, policy);
      if (buckets.size >= MOST_BUCKETS && !buckets.has(bucket)) makeRoom(now);
      buckets.set(bucket, emptyAt);
      return decision;
    },
  };
}

/** How long a shared limiter may take before this process counts by itself. */
const PATIENCE_MS = 500;

/**
 * One limiter for all servers, and this process's own while that one fails: never none. `onDegraded` is told of a failure,
 * at most once a minute.
 */
export function degradingRateLimiter(
  shared: RateLimiter,
  { clock = Date.now, onDegraded = () => {} }: { clock?: () => number; onDegraded?: (error: unknown) => void } = {},
): RateLimiter {
  const own = localRateLimiter(clock);
  let told = -Infinity;
  return {
    async take(bucket, policy) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error("the shared rate limiter did not answer in time")), PATIENCE_MS);
      });
      try {
        return await Promise.race([shared.take(bucket, policy), late]);
      } catch (error) {
        const now = clock();
        if (now - told >= 60_000) {
          told = now;
          onDegraded(error);
        }
        return await own.take(bucket, policy);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
