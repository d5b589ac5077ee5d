/** A rate limiter for all servers of one PostgreSQL: one statement for each request, on a table that is not logged. */
import { decisionOf, type RateLimiter } from "../../core/rate-limiter.ts";
import type { PgPoolLike } from "./pool.ts";
import { translate } from "./postgres-errors.ts";

/** The rule of `takeOne` in the core. $2 limit, $3 period in ms, $4 the time or null. */
const TAKE = {
  name: "itera_take_rate",
  text: `WITH clock AS (SELECT coalesce($4::double precision, extract(epoch FROM clock_timestamp()) * 1000) AS now)
    INSERT INTO conversation_rate_limits AS held (bucket, empty_at, allowed)
    SELECT $1, now + $3::double precision / $2, true FROM clock
    ON CONFLICT (bucket) DO UPDATE SET (empty_at, allowed) = (
      SELECT CASE WHEN fits THEN from_then + $3::double precision / $2 ELSE from_then END, fits
      FROM (
        SELECT greatest(held.empty_at, now) AS from_then,
          greatest(held.empty_at, now) + $3::double precision / $2 - now <= $3 + 0.001 AS fits
        FROM clock
      ) AS rule
    )
    RETURNING empty_at, allowed, (SELECT now FROM clock) AS now`,
} as const;

const FORGET = {
  name: "itera_forget_rates",
  text: "DELETE FROM conversation_rate_limits WHERE empty_at < coalesce($1::double precision, extract(epoch FROM clock_timestamp()) * 1000)",
} as const;

/** Buckets that are empty again are removed after so many requests. */
const FORGET_EVERY = 1000;

/** A limiter over PostgreSQL, whose tables `itera migrate` makes. `clock`: the engine's time, for tests. Throws `StoreUnavailableError`. */
export function postgresRateLimiter(pool: PgPoolLike, { clock }: { clock?: () => number } = {}): RateLimiter {
  let count = 0;
  return {
    async take(bucket, policy) {
      const now = clock?.() ?? null;
      try {
        if (++count % FORGET_EVERY === 0) await pool.query({ ...FORGET, values: [now] });
        const { rows } = await pool.query({ ...TAKE, values: [bucket, policy.limit, policy.periodMs, now] });
        // The cast: what the statement answers.
        const [row] = rows as { empty_at: number; allowed: boolean; now: number | string }[];
        return decisionOf(row!.empty_at, row!.allowed, Number(row!.now), policy);
      } catch (error) {
        throw translate(error);
      }
    },
  };
}
