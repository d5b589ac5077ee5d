/** Rate limiters: of this process alone, and of all servers with this process in reserve. */
import { RateBuckets } from "../core/rate-buckets.ts";
import type { RateLimiter } from "../core/rate-limiter.ts";

/** A limiter of this process alone. */
export function localRateLimiter(clock: () => number = Date.now): RateLimiter {
  const buckets = new RateBuckets();
  return { take: async (bucket, policy) => buckets.take(bucket, policy, clock()) };
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
