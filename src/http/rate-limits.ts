/** Rate limits at the door: which bucket a request takes from, and what its answer says of it (IETF RateLimit headers, draft 11). */
import { RateLimitedError } from "../core/errors.ts";
import type { RateLimiter } from "../core/rate-limiter.ts";
import type { AnswerHeaders } from "./caller.ts";

const MINUTE = 60_000;
/** Failed authentications of one address. */
const FAILURES_PER_MINUTE = 20;

/** How much is let through. */
export interface RateLimits {
  readonly limiter: RateLimiter;
  /** Requests a minute of an address without a key, and of site keys by address; 0: any number. */
  readonly addressPerMinute: number;
  /** Requests a minute of one key or token; 0: any number. */
  readonly credentialPerMinute: number;
}

/** Takes from buckets. Each throws `RateLimitedError` when there is nothing left. */
export interface RateChecks {
  address(bucket: string, headers: AnswerHeaders): Promise<void>;
  credential(bucket: string, headers: AnswerHeaders): Promise<void>;
  /** One more authentication of this address has failed. */
  failure(bucket: string, headers: AnswerHeaders): Promise<void>;
}

const seconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));

/** The checks of a service. */
export function createRateChecks({ limiter, addressPerMinute, credentialPerMinute }: RateLimits): RateChecks {
  async function check(name: string, limit: number, bucket: string, headers: AnswerHeaders): Promise<void> {
    if (limit === 0) return;
    const { allowed, remaining, resetMs, retryAfterMs } = await limiter.take(`${name}:${bucket}`, { limit, periodMs: MINUTE });
    headers["ratelimit-policy"] = `"${name}";q=${limit};w=${MINUTE / 1000}`;
    headers["ratelimit"] = `"${name}";r=${remaining};t=${Math.ceil(resetMs / 1000)}`;
    if (!allowed) throw new RateLimitedError(seconds(retryAfterMs));
  }
  return {
    address: (bucket, headers) => check("address", addressPerMinute, bucket, headers),
    credential: (bucket, headers) => check("credential", credentialPerMinute, bucket, headers),
    failure: (bucket, headers) => check("failed-authentication", FAILURES_PER_MINUTE, bucket, headers),
  };
}
