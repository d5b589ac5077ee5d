/**
 * Rate limits by the generic cell rate algorithm: of a bucket only one time is kept, at which it would be empty again. It lets
 * a burst of the whole limit through once, and then no more than the rate; there is no edge of a window at which it starts anew.
 */

/** So many in so long. */
export interface RatePolicy {
  readonly limit: number;
  readonly periodMs: number;
}

/** What came of one more request. */
export interface RateDecision {
  readonly allowed: boolean;
  /** How many more would be let through now. */
  readonly remaining: number;
  /** After so long the whole limit is there again. */
  readonly resetMs: number;
  /** After so long the next one is let through; 0: now. */
  readonly retryAfterMs: number;
}

/** Counts requests. */
export interface RateLimiter {
  /** Takes one from a bucket, if there is one. */
  take(bucket: string, policy: RatePolicy): Promise<RateDecision>;
}

/** What the addition of many intervals may be off by. */
const ROUNDING_MS = 0.001;

/** The rule itself, for engines in JavaScript: from when the bucket is empty (`emptyAt`, epoch ms) to the same afterwards. */
export function takeOne(emptyAt: number | null, now: number, { limit, periodMs }: RatePolicy): { emptyAt: number; decision: RateDecision } {
  const interval = periodMs / limit;
  const from = Math.max(emptyAt ?? 0, now);
  const after = from + interval;
  const over = after - now - periodMs;
  if (over > ROUNDING_MS) {
    return { emptyAt: from, decision: { allowed: false, remaining: 0, resetMs: from - now, retryAfterMs: over } };
  }
  const remaining = Math.max(0, Math.floor((periodMs - (after - now)) / interval + ROUNDING_MS));
  return { emptyAt: after, decision: { allowed: true, remaining, resetMs: after - now, retryAfterMs: 0 } };
}

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
