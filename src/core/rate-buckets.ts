/** Buckets of rate limits in the memory of one process. */
import { takeOne, type RateDecision, type RatePolicy } from "./rate-limiter.ts";

/** Buckets that are kept at most; of more, those that would be empty soonest are forgotten. */
const MOST_BUCKETS = 100_000;

/** From when each bucket is empty. */
export class RateBuckets {
  readonly #buckets = new Map<string, number>();
  #emptyAt = 0;

  /** From when all of them are empty, epoch milliseconds. */
  get emptyAt(): number {
    return this.#emptyAt;
  }

  /** Takes one from a bucket, if there is one. `now`: epoch milliseconds. */
  take(bucket: string, policy: RatePolicy, now: number): RateDecision {
    const { emptyAt, decision } = takeOne(this.#buckets.get(bucket) ?? null, now, policy);
    if (this.#buckets.size >= MOST_BUCKETS && !this.#buckets.has(bucket)) this.#makeRoom(now);
    this.#buckets.set(bucket, emptyAt);
    this.#emptyAt = Math.max(this.#emptyAt, emptyAt);
    return decision;
  }

  #makeRoom(now: number): void {
    for (const [bucket, emptyAt] of this.#buckets) if (emptyAt <= now) this.#buckets.delete(bucket);
    if (this.#buckets.size < MOST_BUCKETS) return;
    const soonest = [...this.#buckets].toSorted((a, b) => a[1] - b[1]).slice(0, MOST_BUCKETS / 10);
    for (const [bucket] of soonest) this.#buckets.delete(bucket);
  }
}
