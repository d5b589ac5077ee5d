/** What the ports of one database share: statements that are retried where that is harmless, and whose errors are ours. */
import type { PgPoolLike } from "./pool.ts";
import { isRetryable, translate } from "./postgres-errors.ts";

/** So often a statement is sent again after a serialization failure or a deadlock. */
const RETRIES = 20;

/** A statement that answers one row with one column, `answer`: JSON as text, or null. Prepared under its name. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** What the ports are made from. */
export interface Engine {
  readonly pool: PgPoolLike;
  /** The engine's time for a statement's parameter: null, so that PostgreSQL's own clock counts, unless a clock was given. */
  now(): number | null;
  /** Runs a statement; answers what its `answer` says. The cast to `T` is the caller's knowledge of its own SQL. */
  ask<T>(statement: Statement, values: unknown[]): Promise<T>;
}

/** Options of every factory over PostgreSQL. */
export interface EngineOptions {
  /** The engine's own time in epoch milliseconds, for tests; PostgreSQL's clock by default. */
  clock?: () => number;
  /** False behind a pooler that hands connections around between statements and knows no prepared ones. True by default. */
  prepare?: boolean;
}

/** An engine over a pool. */
export function openEngine(pool: PgPoolLike, { clock, prepare = true }: EngineOptions = {}): Engine {
  async function run({ name, text }: Statement, values: unknown[]): Promise<unknown[]> {
    for (let tries = 0; ; tries++) {
      try {
        return (await pool.query(prepare ? { name, text, values } : { text, values })).rows;
      } catch (error) {
        if (tries >= RETRIES || !isRetryable(error)) throw translate(error);
      }
    }
  }

  return {
    pool,
    now: () => clock?.() ?? null,
    async ask<T>(statement: Statement, values: unknown[]): Promise<T> {
      const [row] = (await run(statement, values)) as { answer: string | null }[];
      const text = row?.answer ?? null;
      return (text === null ? null : JSON.parse(text)) as T;
    },
  };
}
