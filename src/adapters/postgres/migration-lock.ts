/** The transaction of a migration, one after another however many servers start. */
import { migrationFailure } from "./migration-failure.ts";

/**
 * One connection, on which statements run in their order: a client, not a pool. It should have no limit of time for a statement on
 * its own side, since an upgrade may take long; the server's is lifted for each transaction.
 */
export interface MigrationConnection {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

/** One lock for each schema, so that two of them in one database do not wait for each other. It ends with its transaction. */
const LOCK = `SELECT pg_advisory_xact_lock(hashtextextended('itera-conversations migrations in ' || current_schema(), 0))`;

/** Others may wait for their turn as long as it takes; a statement waits for a table only so long that readers behind it do not notice. */
const BEGIN = [
  "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
  "SET LOCAL statement_timeout = 0",
  "SET LOCAL lock_timeout = 0",
  "SET LOCAL idle_in_transaction_session_timeout = 0",
  "SET LOCAL client_min_messages = warning",
];
const BRIEF_LOCKS = "SET LOCAL lock_timeout = '3s'";

/**
 * Whether a table can be seen by its bare name. Reads the catalog's rows: what `to_regclass` knows may be of before the lock was given,
 * since nothing but a lock on a table has a session look at what others have made.
 */
export async function tableExists(connection: MigrationConnection, name: string): Promise<boolean> {
  const { rows } = await connection.query("SELECT 1 FROM pg_class WHERE relname = $1 AND pg_table_is_visible(oid)", [name]);
  return rows.length > 0;
}

/** Runs something in a transaction of its own, under the lock. `what`: what it is called if it fails. */
export async function underLock<T>(connection: MigrationConnection, what: () => string, run: () => Promise<T>): Promise<T> {
  try {
    for (const statement of [...BEGIN, LOCK, BRIEF_LOCKS]) await connection.query(statement);
    const result = await run();
    await connection.query("COMMIT");
    return result;
  } catch (error) {
    // A connection that is gone has nothing to undo.
    await connection.query("ROLLBACK").catch(() => {});
    throw migrationFailure(error, what());
  }
}
