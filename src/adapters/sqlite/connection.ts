// One connection to the database file, with the settings that everything else relies on: set at each open, and read back.

import { DatabaseSync, type StatementSync } from "node:sqlite";
import { InvalidInputError, StoreUnavailableError } from "../../core/errors.ts";

/** What a column holds here: no BLOBs, and no integers beyond 2^53. */
export type Cell = string | number | null;

/** A row of a result, its columns in the order of the query. */
export type Row = Cell[];

/** A connection. Statements are prepared once for each SQL text, so pass constants, and values as parameters. */
export interface Connection {
  /** The first row. */
  get(sql: string, ...values: Cell[]): Row | undefined;
  all(sql: string, ...values: Cell[]): Row[];
  /** Rows one by one, as they are wanted, of a statement of its own. End it with `return`: until then it holds back checkpoints. */
  each(sql: string, ...values: Cell[]): IterableIterator<Row>;
  /** How many rows were changed. */
  run(sql: string, ...values: Cell[]): number;
  /** Runs all statements of a script. */
  script(sql: string): void;
  readonly inTransaction: boolean;
  close(): void;
}

/** Who opens: a reader cannot write; a writer retries a locked file by itself, so SQLite does not wait for it. */
export type Role = "reader" | "writer";

/** Before this, a checkpoint at the wrong moment could corrupt the file. */
const OLDEST_SQLITE = [3, 51, 3] as const;

/** How long SQLite itself waits for a lock, in ms: while opening, and then. Readers meet one only while another process recovers the file or closes it. */
const OPENING_BUSY_MS = 5000;
const BUSY_MS: Record<Role, number> = { reader: 1000, writer: 0 };

/** Pages of 4 KiB in the write-ahead log before a commit checkpoints it, and the size in bytes to which it is cut back. */
const CHECKPOINT_PAGES = 2000;
const LOG_BYTES = 16 * 1024 * 1024;

/** What is set at each open, and what must be read back. How long to wait comes last: until then opening waits for others. */
function settings(role: Role): [pragma: string, set: string, wanted: Cell][] {
  return [
    ["journal_mode", "WAL", "wal"],
    ["synchronous", "FULL", 2],
    ["secure_delete", "ON", 1],
    ["temp_store", "MEMORY", 2],
    ["journal_size_limit", String(LOG_BYTES), LOG_BYTES],
    ["wal_autocheckpoint", String(CHECKPOINT_PAGES), CHECKPOINT_PAGES],
    ["cache_size", "-8000", -8000],
    ["trusted_schema", "OFF", 0],
    ["query_only", role === "reader" ? "ON" : "OFF", role === "reader" ? 1 : 0],
    ["busy_timeout", String(BUSY_MS[role]), BUSY_MS[role]],
  ];
}

/** Throws `InvalidInputError` for a version of SQLite below 3.51.3. */
export function checkVersion(version: string): void {
  const parts = version.split(".").map(Number);
  for (const [i, wanted] of OLDEST_SQLITE.entries()) {
    const part = parts[i] ?? 0;
    if (part > wanted) return;
    if (part < wanted) {
      throw new InvalidInputError(
        `SQLite ${version} can corrupt a write-ahead log; use a Node with SQLite ${OLDEST_SQLITE.join(".")} or newer`,
      );
    }
  }
}

/** Reads every setting back. Throws `StoreUnavailableError` naming the first that did not take: without it, what is acknowledged could be lost. */
export function checkSettings(connection: Pick<Connection, "get">, role: Role): void {
  for (const [pragma, , wanted] of settings(role)) {
    const found = connection.get(`PRAGMA ${pragma}`)?.[0];
    if (found !== wanted) {
      throw new StoreUnavailableError(
        `SQLite did not take the setting ${pragma} (it is ${String(found)}, it must be ${wanted}); put the database on a local disk that supports it`,
      );
    }
  }
}

/** Opens the file, which must exist. Throws SQLite's own errors, and those of the two checks. */
export function openConnection(path: string, role: Role): Connection {
  const db = new DatabaseSync(path, { returnArrays: true, timeout: OPENING_BUSY_MS, enableForeignKeyConstraints: false });
  const statements = new Map<string, StatementSync>();
  const prepared = (sql: string): StatementSync => {
    let statement = statements.get(sql);
    if (statement === undefined) statements.set(sql, (statement = db.prepare(sql)));
    return statement;
  };

  // The casts: with `returnArrays` rows are arrays, which the types of node:sqlite do not know.
  const connection: Connection = {
    get: (sql, ...values) => prepared(sql).get(...values) as Row | undefined,
    all: (sql, ...values) => prepared(sql).all(...values) as unknown as Row[],
    each: (sql, ...values) => db.prepare(sql).iterate(...values) as unknown as IterableIterator<Row>,
    run: (sql, ...values) => Number(prepared(sql).run(...values).changes),
    script: (sql) => db.exec(sql),
    get inTransaction() {
      return db.isTransaction;
    },
    close() {
      statements.clear();
      if (db.isOpen) db.close();
    },
  };

  try {
    checkVersion(String(connection.get("SELECT sqlite_version()")?.[0]));
    for (const [pragma, set] of settings(role)) db.exec(`PRAGMA ${pragma} = ${set}`);
    checkSettings(connection, role);
  } catch (error) {
    connection.close();
    throw error;
  }
  return connection;
}
