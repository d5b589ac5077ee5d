/** One window for all isolates of a Worker: requests are counted in objects, beside those of the conversations. */
import { decisionOf, type RateLimiter } from "../../core/rate-limiter.ts";
import { call, pause } from "./calls.ts";
import type { DurableObjectNamespaceLike } from "./durable-object-namespace.ts";
import type { RatesObjectLike } from "./rates-object.ts";
import { ratesName, shardOf } from "./service-names.ts";

/** Options of `durableObjectRateLimiter`. */
export interface DurableObjectRateLimiterOptions {
  namespace: DurableObjectNamespaceLike<RatesObjectLike>;
  /** Epoch milliseconds; `Date.now` by default. Counts only for how long this isolate remembers a refusal. */
  clock?: () => number;
  /** Waits before a call that failed is repeated. */
  sleep?: (ms: number) => Promise<void>;
}

/** Each bears about a thousand requests a second; one that is asked now and then is paid for all the time, so they are few. */
const SHARDS = 8;
const MOST_REFUSED = 10_000;

/** What was refused, until when it will be. */
interface Refused {
  readonly limit: number;
  readonly periodMs: number;
  readonly emptyAt: number;
  readonly retryAt: number;
}

/**
 * A limiter over a namespace whose class is a `ConversationObject`, in objects of names that no conversation has. A bucket that was refused
 * stays so until the time that its object has named, so that until then this isolate refuses by itself: a flood does not reach the object.
 */
export function durableObjectRateLimiter({ namespace, clock = Date.now, sleep = pause }: DurableObjectRateLimiterOptions): RateLimiter {
  const refused = new Map<string, Refused>();

  return {
    async take(bucket, policy) {
      const { limit, periodMs } = policy;
      const known = refused.get(bucket);
      const now = clock();
      if (known?.limit === limit && known.periodMs === periodMs && now < known.retryAt && known.emptyAt - now <= periodMs)
        return decisionOf(known.emptyAt, false, now, policy);
      if (known) refused.delete(bucket);
      // A repeat may count one request twice, which is better than to count by oneself.
      const decision = await call(namespace, ratesName(shardOf(bucket, SHARDS)), (object) => object.takeRate(bucket, { limit, periodMs }), {
        repeatable: true,
        sleep,
      });
      if (!decision.allowed) {
        if (refused.size >= MOST_REFUSED) refused.clear();
        const asked = clock();
        refused.set(bucket, { limit, periodMs, emptyAt: asked + decision.resetMs, retryAt: asked + decision.retryAfterMs });
      }
      return decision;
    },
  };
}
