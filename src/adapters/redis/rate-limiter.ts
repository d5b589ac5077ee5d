// A rate limiter for all servers of one Redis: one script for each request, which reads the time of the server and keeps one number.

import { decisionOf, type RateLimiter } from "../../core/rate-limiter.ts";
import { replyCode, translate } from "./redis-errors.ts";
import type { RedisLink } from "./redis-link.ts";
import { scriptOf, type Script } from "./script.ts";

/** The rule of `takeOne` in the core. KEYS: the bucket. ARGV: limit, period in ms, the time or nothing. Answers emptyAt, 1 or 0, and the time. */
const TAKE = `
local limit, period, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + time[2] / 1000
end
local from = math.max(tonumber(redis.call('GET', KEYS[1])) or 0, now)
local after = from + period / limit
local allowed = after - now <= period + 0.001
if not allowed then return {string.format('%.3f', from), 0, string.format('%.3f', now)} end
redis.call('SET', KEYS[1], string.format('%.3f', after), 'PX', math.ceil(after - now) + 1000)
return {string.format('%.3f', after), 1, string.format('%.3f', now)}
`;

/** Options of `redisRateLimiter`. */
export interface RedisRateLimiterOptions {
  /** As for `redisStores`. */
  client: RedisLink;
  prefix?: string;
  /** The engine's own time in epoch milliseconds; without it the server's clock counts. */
  clock?: () => number;
}

/** A limiter over Redis. Its buckets end by themselves. Throws `StoreUnavailableError`. */
export function redisRateLimiter({ client, prefix = "itera:", clock }: RedisRateLimiterOptions): RateLimiter {
  let script: Promise<Script> | undefined;

  async function run(key: string, args: readonly string[]): Promise<unknown> {
    const { sha, text } = await (script ??= scriptOf(TAKE));
    try {
      return await client.send(key, ["EVALSHA", sha, "1", key, ...args]);
    } catch (error) {
      if (replyCode(error) !== "NOSCRIPT") throw error;
      return client.send(key, ["EVAL", text, "1", key, ...args]);
    }
  }

  return {
    async take(bucket, policy) {
      const args = [String(policy.limit), String(policy.periodMs), clock ? String(clock()) : ""];
      try {
        // The cast: what the script answers.
        const [emptyAt, allowed, now] = (await run(`${prefix}rate:${bucket}`, args)) as [string, number, string];
        return decisionOf(Number(emptyAt), allowed === 1, Number(now), policy);
      } catch (error) {
        throw translate(error);
      }
    },
  };
}
