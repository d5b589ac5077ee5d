/** Archive, directory and records over a D1 database of Cloudflare: what Workers keep for years. The hot store is another one. */
import type { Archive } from "../../core/archive.ts";
import type { Directory } from "../../core/directory.ts";
import type { Records } from "../../core/records.ts";
import { d1Archive } from "./archive.ts";
import { d1Directory } from "./directory.ts";
import type { D1DatabaseLike } from "./d1-database.ts";
import { openEngine } from "./engine.ts";
import { d1Records } from "./records.ts";

export type { D1DatabaseLike, D1StatementLike } from "./d1-database.ts";
export { migrateD1, type MigrateD1Options } from "./migrate.ts";

/** Options of `d1Stores`. */
export interface D1Options {
  /** The binding. */
  database: D1DatabaseLike;
  /** The prefix of conversation IDs. A new database is made with it (`ITERA` by default) and keeps it; another one is refused. */
  idPrefix?: string;
  /** The engine's own time in epoch milliseconds; by default the database's. */
  clock?: () => number;
}

/** The three ports over one database. Each of their methods is one round trip. */
export interface D1Stores {
  archive: Archive;
  directory: Directory;
  records: Records;
  /** Makes the tables if they are missing; answers the prefix that the database was made with. Throws as `migrateD1` does. */
  ready: () => Promise<string>;
}

/**
 * Opens a D1 database. Nothing is asked of it until the first use, which also makes the tables or brings them up to date: one
 * more round trip, once in each isolate. What goes wrong there is thrown by the method that was used: `InvalidInputError` for a
 * database of another prefix or of a newer version, `StoreUnavailableError` if it does not answer.
 *
 * @example
 * const stores = { hot, ...d1Stores({ database: env.CONVERSATIONS_DB }) };
 */
export function d1Stores(options: D1Options): D1Stores {
  const engine = openEngine(options);
  return { archive: d1Archive(engine), directory: d1Directory(engine), records: d1Records(engine), ready: () => engine.idPrefix() };
}
