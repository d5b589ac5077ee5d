/** The books of the database: which migrations ran in it, and whether they are ours. */
import { InvalidInputError } from "../../core/errors.ts";
import { migrationChecksum, migrationTitle, type Migration } from "./migration.ts";
import { tableExists, type MigrationConnection } from "./migration-lock.ts";

/** A migration that ran, as the database remembers it. */
interface Ran {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
}

/** What ran: the one table that is there before the first migration. */
export const BOOKS = `CREATE TABLE IF NOT EXISTS conversation_migrations (
  number INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  checksum TEXT NOT NULL,
  ran_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
)`;

/** The migrations that ran. Throws `InvalidInputError` if the address names no schema. */
export async function ranIn(connection: MigrationConnection): Promise<Ran[]> {
  const { rows } = await connection.query("SELECT current_schema() AS schema");
  if ((rows[0] as { schema: string | null }).schema === null) {
    throw new InvalidInputError(
      "The address of the database names no schema that exists: create the one in its search_path, or leave search_path out",
    );
  }
  if (!(await tableExists(connection, "conversation_migrations"))) return [];
  const { rows: ran } = await connection.query("SELECT number, name, checksum FROM conversation_migrations ORDER BY number");
  return ran as Ran[];
}

/** Those that have not run, in their order. Throws `InvalidInputError` if what ran is not what we have. */
export async function pendingAfter(ran: readonly Ran[], all: readonly Migration[]): Promise<Migration[]> {
  const known = new Map(all.map((migration) => [migration.number, migration]));
  const newest = Math.max(0, ...known.keys());
  for (const { number, name, checksum } of ran) {
    const ours = known.get(number);
    if (!ours) {
      throw new InvalidInputError(
        `The database is newer than this program: it has migration ${migrationTitle({ number, name })}, and this program knows them up to ` +
          `${newest}. Use the version of the program that migrated it, or a newer one`,
      );
    }
    if ((await migrationChecksum(ours.sql)) !== checksum) {
      throw new InvalidInputError(
        `Migration ${migrationTitle({ number, name })} is not the one that ran in this database: its file was changed since. Put back the ` +
          "file as it was, and make the change in a migration of its own",
      );
    }
  }
  const done = new Set(ran.map(({ number }) => number));
  return all.filter(({ number }) => !done.has(number));
}

/** Notes that a migration ran, in the transaction in which it did. */
export async function remember(connection: MigrationConnection, { number, name, sql }: Migration): Promise<void> {
  await connection.query("INSERT INTO conversation_migrations (number, name, checksum) VALUES ($1, $2, $3)", [
    number,
    name,
    await migrationChecksum(sql),
  ]);
}
