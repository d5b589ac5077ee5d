/** What is needed of a D1 database: Cloudflare's `D1Database` has it. */

/** What a column holds here: no BLOBs, and no integers beyond 2^53. */
export type Cell = string | number | null;

/** A row of a result by the names of its columns. */
export type Row = Readonly<Record<string, Cell>>;

/** A prepared statement. */
export interface D1StatementLike {
  bind(...values: Cell[]): D1StatementLike;
}

/** A database. `batch` runs statements one after the other in one transaction: all of them, or none. */
export interface D1DatabaseLike {
  prepare(sql: string): D1StatementLike;
  batch(statements: D1StatementLike[]): Promise<{ results?: unknown[] | null }[]>;
}

/** A statement with its values, which it numbers `?1`, `?2`, …: at most 100 of them, and 100 KB of text. */
export type Statement = readonly [sql: string, ...values: Cell[]];
