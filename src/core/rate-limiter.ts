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

/** PORT: counts requests, for one process or for all servers of an engine. */
export interface RateLimiter {
  /** Takes one from a bucket, if there is one. */
  take(bucket: string, policy: RatePolicy): Promise<RateDecision>;
}

/** What the addition of many intervals may be off by. */
const ROUNDING_MS = 0.001;

/** What is told of a request, from what an engine has stored: from when the bucket is empty afterwards, and whether one was taken. */
export function decisionOf(emptyAt: number, allowed: boolean, now: number, { limit, periodMs }: RatePolicy): RateDecision {
  const interval = periodMs / limit;
  const full = Math.max(0, emptyAt - now);
  if (!allowed) return { allowed, remaining: 0, resetMs: full, retryAfterMs: Math.max(1, full + interval - periodMs) };
  return { allowed, remaining: Math.max(0, Math.floor((periodMs - full) / interval + ROUNDING_MS)), resetMs: full, retryAfterMs: 0 };
}

/** The rule itself, for engines in JavaScript: from when the bucket is empty (`emptyAt`, epoch ms) to the same afterwards. */
export function takeOne(emptyAt: number | null, now: number, policy: RatePolicy): { emptyAt: number; decision: RateDecision } {
  const from = Math.max(emptyAt ?? 0, now);
  const after = from + policy.periodMs / policy.limit;
  const allowed = after - now <= policy.periodMs + ROUNDING_MS;
  const next = allowed ? after : from;
  return { emptyAt: next, decision: decisionOf(next, allowed, now, policy) };
}
