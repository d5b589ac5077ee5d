/** Brings the tables of a D1 database up to date, once, however many Workers begin at the same time. */
import { InvalidInputError } from "../../core/errors.ts";
import type { D1DatabaseLike, Row, Statement } from "./d1-database.ts";
import { checksumOf, CREATE_LOG, CREATE_META, MIGRATIONS, type Migration } from "./migrations.ts";
import { runBatch } from "./run-batch.ts";

const SELECT_LOG = "SELECT n, checksum FROM schema_migrations ORDER BY n";
const SELECT_PREFIX = "SELECT value FROM meta WHERE name = 'id_prefix'";
const KEEP_PREFIX = "INSERT INTO meta (name, value) VALUES ('id_prefix', ?1) ON CONFLICT (name) DO NOTHING";
const NOTE = `INSERT INTO schema_migrations (n, name, checksum, at)
  VALUES (?1, ?2, ?3, CAST(unixepoch('subsec') * 1000 AS INTEGER))`;

/** Databases that were found up to date in this isolate, with their prefixes. Only what is finished is kept: a promise of another request may never end. */
const known = new WeakMap<D1DatabaseLike, string>();

/** Options of `migrateD1`. */
export interface MigrateD1Options {
  /** The prefix of conversation IDs. A new database is made with it (`ITERA` by default) and keeps it; another one is refused. */
  idPrefix?: string;
}

/**
 * Runs the migrations that have not run yet; answers the prefix of IDs that the database was made with. Costs one round trip
 * when there is nothing to do, none if this isolate knows so already. Throws `InvalidInputError` if the database was made with
 * another prefix, by a newer version of this package, or by a migration of another content.
 */
export async function migrateD1(database: D1DatabaseLike, { idPrefix }: MigrateD1Options = {}): Promise<string> {
  const prefix = known.get(database) ?? (await migrated(database, idPrefix ?? "ITERA"));
  known.set(database, prefix);
  if (idPrefix !== undefined && idPrefix !== prefix) {
    throw new InvalidInputError(`The D1 database was made for IDs that begin with ${prefix}, not ${idPrefix}; set the prefix to ${prefix}`);
  }
  return prefix;
}

async function migrated(database: D1DatabaseLike, idPrefix: string): Promise<string> {
  const look: Statement[] = [[CREATE_LOG], [CREATE_META], [KEEP_PREFIX, idPrefix], [SELECT_PREFIX], [SELECT_LOG]];
  const [, , , prefix = [], log = []] = await runBatch(database, look);
  const done = await checked(log);
  for (const migration of MIGRATIONS) {
    if (!done.has(migration.n)) await runMigration(database, migration);
  }
  return String(prefix[0]?.["value"]);
}

/** The numbers of the migrations that have run. */
async function checked(log: readonly Row[]): Promise<Set<number>> {
  for (const { n, checksum } of log) {
    const migration = MIGRATIONS.find((one) => one.n === n);
    if (!migration) {
      throw new InvalidInputError(`The D1 database was migrated by a newer version (migration ${n}); deploy that version, or a newer one`);
    }
    if (checksum !== (await checksumOf(migration))) {
      throw new InvalidInputError(
        `Migration ${n} of the D1 database is not the one of this version; restore the database, or use another one`,
      );
    }
  }
  return new Set(log.map(({ n }) => Number(n)));
}

async function runMigration(database: D1DatabaseLike, migration: Migration): Promise<void> {
  const { n, name, statements } = migration;
  try {
    await runBatch(database, [[NOTE, n, name, await checksumOf(migration)], ...statements.map((sql): Statement => [sql])]);
  } catch (error) {
    // Somebody else may have been first: then the note is there, and its transaction with it.
    const [log = []] = await runBatch(database, [[SELECT_LOG]]);
    if (!(await checked(log)).has(n)) throw error;
  }
}
