/**
 * Rate limits in an object: an object of the service counts in memory, so that a request costs no write. The platform takes an object out of
 * memory that nobody asks for some seconds; while a bucket is not empty that long, a timer keeps it. What is left is a deploy or a move of the object,
 * after which a burst may come once more.
 */
import { RateBuckets } from "../../core/rate-buckets.ts";
import type { RateDecision, RatePolicy } from "../../core/rate-limiter.ts";
import { replyOf, type Reply } from "./replies.ts";

/** The method that is called from Workers on an object that counts requests. */
export interface RatesObjectLike {
  takeRate(bucket: string, policy: RatePolicy): Promise<Reply<RateDecision>>;
}

/** So long an object that nobody asks stays in memory at least; the platform names ten seconds, and over a minute with a timer. */
const STAYS_MS = 5_000;

/** What an object of the service counts. */
export class RatesObject implements RatesObjectLike {
  readonly #buckets = new RateBuckets();
  readonly #clock: () => number;
  #isKept = false;

  /** `clock`: epoch milliseconds. */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  takeRate(bucket: string, policy: RatePolicy): Promise<Reply<RateDecision>> {
    return replyOf(async () => {
      const decision = this.#buckets.take(bucket, policy, this.#clock());
      if (!this.#isKept) this.#keep();
      return decision;
    });
  }

  /** Holds the object in memory until its buckets are all but empty. Most requests leave nothing that would last so long. */
  #keep(): void {
    const rest = this.#buckets.emptyAt - this.#clock() - STAYS_MS;
    this.#isKept = rest > 0;
    if (this.#isKept) setTimeout(() => this.#keep(), rest);
  }
}
