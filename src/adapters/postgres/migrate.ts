/** Brings a PostgreSQL database up to date: numbered migrations, each once and in a transaction, however many servers start at the same time. */
import { BOOKS, pendingAfter, ranIn, remember } from "./books.ts";
import { announcePrefix, checkPrefix } from "./id-prefix.ts";
import { migrationTitle, type Migration } from "./migration.ts";
import { migrationFailure } from "./migration-failure.ts";
import { underLock, type MigrationConnection } from "./migration-lock.ts";
import { MIGRATIONS } from "./migration-texts.ts";
import { asideStatements, copyOlder, unfinishedUpgrade, type CopyStep, type UpgradeReport } from "./upgrade.ts";

/** What was just done: a migration, `001-conversations`; or some rows of a table of the guide's time were copied, with what was copied so far. */
export type MigrateStep = { readonly ran: string } | CopyStep;

/** How to migrate. */
export interface MigrateOptions {
  /** The prefix of conversation IDs, `ITERA` if it is not given. A database keeps the one it was made with. */
  readonly idPrefix?: string;
  /** Told of each step when it is done, for a person or a log. */
  readonly onStep?: (step: MigrateStep) => void;
  /** Others than ours; for tests. */
  readonly migrations?: readonly Migration[];
}

/** What was done. */
export interface MigrateReport {
  /** The migrations that ran now, in their order. */
  readonly ran: readonly { readonly number: number; readonly name: string }[];
  /** What became of a table of the guide's time, if there was one and it was copied now; else null. */
  readonly upgrade: UpgradeReport | null;
}

/** What would be done. */
export interface MigratePlan {
  readonly pending: readonly Migration[];
  /** No migration ran yet. */
  readonly first: boolean;
  /** A table `conversations` of the guide's time is there: the statements that rename it, before the first migration. */
  readonly aside: readonly string[];
  /** A table that was set aside earlier, and whose rows are not all copied yet. */
  readonly toCopy: string | null;
}

const DEFAULT_PREFIX = "ITERA";

/** What `migratePostgres` would do now; changes nothing. Throws like it. */
export async function planPostgres(
  connection: MigrationConnection,
  { migrations = MIGRATIONS, idPrefix }: MigrateOptions = {},
): Promise<MigratePlan> {
  try {
    const ran = await ranIn(connection);
    const pending = await pendingAfter(ran, migrations);
    if (idPrefix !== undefined) await checkPrefix(connection, idPrefix);
    return {
      pending,
      first: ran.length === 0,
      aside: ran.length === 0 ? await asideStatements(connection) : [],
      toCopy: await unfinishedUpgrade(connection),
    };
  } catch (error) {
    throw migrationFailure(error, "reading what has run");
  }
}

/** One migration, unless others have run it meanwhile; null when there is none left. */
function step(
  connection: MigrationConnection,
  migrations: readonly Migration[],
  idPrefix: string,
  next: Migration,
): Promise<Migration | null> {
  // Which one it is shows under the lock.
  let due: Migration | undefined = next;
  const what = (): string => `migration ${migrationTitle(due ?? next)}`;
  return underLock(connection, what, async () => {
    const ran = await ranIn(connection);
    [due] = await pendingAfter(ran, migrations);
    if (!due) return null;
    if (ran.length === 0) {
      for (const statement of await asideStatements(connection)) await connection.query(statement);
      await connection.query(BOOKS);
      await announcePrefix(connection, idPrefix);
    }
    await connection.query(due.sql);
    await remember(connection, due);
    return due;
  });
}

/**
 * Runs what has not run yet, each migration once and in a transaction of its own, under a lock: of several servers that start at
 * the same time one does it and the others wait. A table `conversations` made by the guide's SQL is renamed before, and its rows are
 * copied after; broken off anywhere, it goes on from there. Where nothing is to be done it only reads, so a role that may not create
 * tables can serve a database that another one has migrated.
 *
 * Throws `InvalidInputError` if a migration was changed after it ran, if the database is newer than this program, was made for another
 * prefix, holds tables of another program, or does not allow it; `StoreUnavailableError` if PostgreSQL is away or the tables are busy.
 *
 * @example
 * const { ran } = await migratePostgres(client, { idPrefix: "ITERA" });
 */
export async function migratePostgres(connection: MigrationConnection, options: MigrateOptions = {}): Promise<MigrateReport> {
  const { migrations = MIGRATIONS, idPrefix = DEFAULT_PREFIX, onStep = () => {} } = options;
  const ran: { number: number; name: string }[] = [];
  let plan = await planPostgres(connection, { migrations, idPrefix });
  while (plan.pending[0]) {
    const done = await step(connection, migrations, idPrefix, plan.pending[0]);
    if (done) {
      ran.push({ number: done.number, name: done.name });
      onStep({ ran: migrationTitle(done) });
    }
    plan = await planPostgres(connection, { migrations, idPrefix });
  }
  const upgrade = plan.toCopy === null ? null : await copyOlder(connection, idPrefix, onStep);
  return { ran, upgrade };
}
