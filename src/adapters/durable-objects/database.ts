/** The tables of one object. They are made with the conversation, so that asking for one that does not exist stores nothing. */
import type { Cell, DurableObjectStateLike } from "./durable-object-state.ts";

/**
 * One conversation. `head` is JSON, since nobody looks for anything in it. `outbox`: events to pass on, and (`type` null)
 * at most one mark that the conversation has changed, whose `version` counts only when the conversation itself is gone.
 */
const TABLES = `
  CREATE TABLE IF NOT EXISTS object (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    head TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS messages (
    seq INTEGER PRIMARY KEY,
    stored_at INTEGER NOT NULL,
    key TEXT NOT NULL,
    digest TEXT,
    body TEXT NOT NULL,
    size INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS messages_key ON messages (key) WHERE digest IS NOT NULL;
  CREATE TABLE IF NOT EXISTS once (
    key TEXT NOT NULL PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    until INTEGER NOT NULL,
    answer TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS outbox (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    type TEXT,
    at INTEGER,
    details TEXT,
    cut INTEGER
  ) STRICT;
`;

const IS_MADE = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'head'";
const PUT = "INSERT OR REPLACE INTO object (name, value) VALUES (?, ?)";
const ADD = "INSERT OR IGNORE INTO object (name, value) VALUES (?, ?)";
const GET = "SELECT value FROM object WHERE name = ?";
const IS_USED = "SELECT 1 FROM head UNION ALL SELECT 1 FROM outbox LIMIT 1";

/** What is kept of the object itself. */
type ObjectValue = "schema" | "name" | "failures";

/** The database of one object. */
export class ObjectDatabase {
  readonly #state: DurableObjectStateLike;
  #made: boolean;

  constructor(state: DurableObjectStateLike) {
    this.#state = state;
    this.#made = this.#rows(IS_MADE).length > 0;
  }

  /** Whether there are tables. Without them nothing may be read or written but through `make`. */
  get made(): boolean {
    return this.#made;
  }

  #rows(statement: string, ...parameters: Cell[]): Cell[][] {
    // The cast: no column of these tables is a blob.
    return [...this.#state.storage.sql.exec(statement, ...parameters).raw()] as Cell[][];
  }

  /** All rows that a statement finds. */
  all(statement: string, ...parameters: Cell[]): Cell[][] {
    return this.#rows(statement, ...parameters);
  }

  /** The first of them. */
  get(statement: string, ...parameters: Cell[]): Cell[] | undefined {
    return this.#rows(statement, ...parameters)[0];
  }

  /** Runs a statement that finds nothing. */
  run(statement: string, ...parameters: Cell[]): void {
    this.#state.storage.sql.exec(statement, ...parameters);
  }

  /** Stores everything that `work` does, or, if it throws, nothing. `make`: there are tables afterwards. */
  transaction<T>(work: () => T, make: boolean = false): T {
    const result = this.#state.storage.transactionSync(() => {
      if (make && !this.#made) {
        this.run(TABLES);
        this.run(ADD, "schema", "1");
        // An emptied object counts its events from 1 again; their names must not be those of before.
        this.run(ADD, "name", crypto.randomUUID().slice(0, 18).replaceAll("-", ""));
      }
      return work();
    });
    this.#made ||= make;
    return result;
  }

  /** A value of the object itself. */
  value(name: ObjectValue): string | null {
    return (this.get(GET, name)?.[0] as string | undefined) ?? null;
  }

  /** Sets it. */
  setValue(name: ObjectValue, value: string): void {
    this.run(PUT, name, value);
  }

  /** Whether there is a conversation, or something of it to pass on. */
  get used(): boolean {
    return this.#made && this.get(IS_USED) !== undefined;
  }

  /** Drops everything, the alarm included. */
  async drop(): Promise<void> {
    this.#made = false;
    const { storage } = this.#state;
    await Promise.all([storage.deleteAlarm(), storage.deleteAll()]);
  }
}
