/** What is needed of Cloudflare's Durable Objects, as small types of our own: the state that an object is given. */

/** What SQL takes and gives here. */
export type Cell = string | number | null;

/** What a statement has found. */
export interface SqlCursorLike {
  raw(): Iterable<unknown[]>;
}

/** The database of one object. Several statements in one text are all run; parameters belong to the last. */
export interface SqlStorageLike {
  exec(statement: string, ...parameters: Cell[]): SqlCursorLike;
}

/** The `ctx` of an object whose class is listed under `new_sqlite_classes`. */
export interface DurableObjectStateLike {
  readonly storage: {
    readonly sql: SqlStorageLike;
    /** Undone as a whole if `work` throws; `work` must not be async. */
    transactionSync<T>(work: () => T): T;
    getAlarm(): Promise<number | null>;
    setAlarm(at: number): Promise<void>;
    deleteAlarm(): Promise<void>;
    deleteAll(): Promise<void>;
  };
  blockConcurrencyWhile<T>(work: () => Promise<T>): Promise<T>;
}
