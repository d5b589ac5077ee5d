/** The four ports over one PostgreSQL database: live conversations, archive, directory and records. */
import type { Archive } from "../../core/archive.ts";
import type { Directory } from "../../core/directory.ts";
import { InvalidInputError, StoreUnavailableError } from "../../core/errors.ts";
import type { HotStore } from "../../core/hot-store.ts";
import type { Records } from "../../core/records.ts";
import { postgresArchive } from "./archive.ts";
import { postgresDirectory } from "./directory.ts";
import { openEngine } from "./engine.ts";
import { postgresHotStore, type PostgresHotOptions } from "./hot-store.ts";
import type { PgPoolLike } from "./pool.ts";
import { postgresRecords } from "./records.ts";

/** Options of `postgresStores`. */
export interface PostgresOptions extends PostgresHotOptions {
  /** A `Pool` of `pg`, or what is like it. Its connections see one schema first in their search_path: there the tables are. */
  pool: PgPoolLike;
  /** The prefix of conversation IDs; a database that was made with another one is refused. */
  idPrefix?: string;
}

const PREFIX = { name: "itera-id-prefix", text: "SELECT to_json(value)::TEXT AS answer FROM conversation_meta WHERE key = 'id_prefix'" };

/** The ports over one database. */
export interface PostgresStores {
  hot: HotStore;
  archive: Archive;
  directory: Directory;
  records: Records;
  /** The prefix that this database was made with. */
  idPrefix: string;
  /** Ends what the stores have under way, and leaves the pool to its owner. */
  close: () => Promise<void>;
}

/**
 * Stores over a database that `migratePostgres` (`itera migrate`) has prepared. Any number of servers may work over one database. Where
 * another engine is the hot store, or keeps archive and directory (`directory: false`), take the ports that are wanted and leave the others.
 * Throws `InvalidInputError` if the database was made with another prefix, `StoreUnavailableError` if it cannot be asked or is not prepared.
 *
 * @example
 * const stores = await postgresStores({ pool: new pg.Pool({ connectionString: process.env.DATABASE_URL }) });
 * const manager = new ConversationManager(stores);
 */
export async function postgresStores({ pool, idPrefix, directory = true, ...options }: PostgresOptions): Promise<PostgresStores> {
  const kept = await openEngine(pool, options).ask<string | null>(PREFIX, []);
  if (kept === null) throw new StoreUnavailableError("The database is not prepared; run `itera migrate`");
  if (idPrefix !== undefined && idPrefix !== kept) {
    throw new InvalidInputError(`The database was made with the ID prefix ${kept}; idPrefix must be that, or the database another one`);
  }
  const hot = postgresHotStore(pool, { ...options, directory });
  const archive = postgresArchive(pool, options);
  return {
    hot,
    archive,
    directory: postgresDirectory(pool, options),
    records: postgresRecords(pool, options),
    idPrefix: kept,
    async close() {
      await Promise.all([hot.close(), archive.close()]);
    },
  };
}
