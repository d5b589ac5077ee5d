/** Migrations as one script for `psql`, which remembers what ran as `itera migrate` does. */
import { BOOKS } from "./books.ts";
import { migrationChecksum, migrationTitle, type Migration } from "./migration.ts";

/** What the script does. */
export interface ScriptInput {
  readonly pending: readonly Migration[];
  /** Nothing ran yet: the books are made first. */
  readonly first: boolean;
  /** What comes before everything else, statement by statement. */
  readonly before: readonly string[];
  /** The prefix of IDs for which the database is made; not given: the usual, or what the session's `itera.id_prefix` says. */
  readonly idPrefix?: string | undefined;
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The script: one transaction, all or nothing. Empty if there is nothing to do. */
export async function migrationScript({ pending, first, before, idPrefix }: ScriptInput): Promise<string> {
  if (pending.length === 0) return "";
  const parts = await Promise.all(
    pending.map(async (migration) => {
      const values = `${migration.number}, ${literal(migration.name)}, ${literal(await migrationChecksum(migration.sql))}`;
      return [
        `-- Migration ${migrationTitle(migration)}`,
        migration.sql.trim(),
        `INSERT INTO conversation_migrations (number, name, checksum) VALUES\n  (${values});`,
      ].join("\n\n");
    }),
  );
  return [
    "BEGIN;",
    ...before.map((statement) => `${statement};`),
    ...(first ? [`${BOOKS.replace(" IF NOT EXISTS", "")};`] : []),
    ...(idPrefix === undefined ? [] : [`SELECT set_config('itera.id_prefix', ${literal(idPrefix)}, true);`]),
    ...parts,
    "COMMIT;\n",
  ].join("\n\n");
}
