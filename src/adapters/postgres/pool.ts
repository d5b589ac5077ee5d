/** The caller's client as these adapters see it: a `Pool` of `pg`, or anything that takes a statement and answers rows. */

/** A statement as `pg` takes it. With a `name` it is prepared once for each connection. */
export interface PgStatement {
  name?: string;
  text: string;
  values?: unknown[];
  /** For this statement alone, in ms. */
  query_timeout?: number;
}

/** One connection of a pool, for the few things that need several statements on the same one. */
export interface PgClientLike {
  query(statement: PgStatement): Promise<{ rows: unknown[] }>;
  /** Gives it back; with an error or `true` it is closed instead. */
  release(destroy?: Error | boolean): void;
}

/**
 * A pool of connections to PostgreSQL 14 or later; a `Pool` of `pg` is one. The adapters neither open nor end it. It needs an `error`
 * listener, a connection timeout and a query timeout, which are the caller's to set.
 */
export interface PgPoolLike {
  query(statement: PgStatement): Promise<{ rows: unknown[] }>;
  /** Used for maintenance that must not be cut short by the pool's statement timeout; without it such work runs within that timeout. */
  connect?(): Promise<PgClientLike>;
}
