// Makes the database file ready: folder, mode, tables. Migrations are the numbered files of `migrations/`, each run once.

import { closeSync, openSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { InvalidInputError } from "../../core/errors.ts";
import { openConnection, type Connection } from "./connection.ts";
import { makeFolder } from "./make-folder.ts";
import { beginFairly } from "./write-lock.ts";

/** "itc1" in ASCII: by this the file is known as one of ours. */
const APPLICATION_ID = 0x69746331;

const DEFAULT_PREFIX = "ITERA";
const MIGRATIONS = new URL("./migrations/", import.meta.url);
const NUMBERED = /^(\d{3})-.+\.sql$/;

/** What is fixed for the life of a database, and where it is. */
export interface DatabaseFacts {
  /** The true path of the file: absolute, and no symbolic link. */
  path: string;
  /** The prefix of its conversation IDs. */
  idPrefix: string;
  /** Drawn when it was made. */
  databaseId: string;
}

function migrations(): { number: number; sql: string }[] {
  return readdirSync(MIGRATIONS)
    .toSorted()
    .flatMap((name) => {
      const number = NUMBERED.exec(name)?.[1];
      return number === undefined ? [] : [{ number: Number(number), sql: readFileSync(new URL(name, MIGRATIONS), "utf8") }];
    });
}

/** Creates the file, readable for its owner alone, unless it is there; answers its true path, beside which SQLite keeps its log. */
function createFile(path: string): string {
  try {
    makeFolder(dirname(path), 0o700);
    closeSync(openSync(path, "a", 0o600));
    return realpathSync(path);
  } catch (cause) {
    throw new InvalidInputError(
      `The database file cannot be created or opened: ${String(cause)}; give another path, or check owner and mode of the folder`,
      {
        cause,
      },
    );
  }
}

function valueOf(connection: Connection, name: string): string | null {
  return (connection.get("SELECT value FROM meta WHERE name = ?", name)?.[0] as string | undefined) ?? null;
}

function put(connection: Connection, name: string, value: string): void {
  connection.run("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", name, value);
}

function migrate(connection: Connection, path: string, idPrefix: string | undefined): DatabaseFacts {
  const application = connection.get("PRAGMA application_id")?.[0];
  const isNew = connection.get("SELECT 1 FROM sqlite_schema") === undefined;
  if (application !== APPLICATION_ID && !isNew) {
    throw new InvalidInputError(`${path} is the database of another program; give another path`);
  }
  const all = migrations();
  const newest = all.at(-1)?.number ?? 0;
  const schema = isNew ? 0 : Number(valueOf(connection, "schema_version"));
  if (schema > newest) {
    throw new InvalidInputError(
      `${path} has schema version ${schema}, and this program knows versions up to ${newest}; use the program that wrote it, or a newer one`,
    );
  }
  for (const { number, sql } of all) if (number > schema) connection.script(sql);
  if (isNew) {
    connection.script(`PRAGMA application_id = ${APPLICATION_ID}`);
    put(connection, "id_prefix", idPrefix ?? DEFAULT_PREFIX);
    put(connection, "database_id", crypto.randomUUID().slice(0, 8));
  }
  if (schema !== newest) {
    put(connection, "schema_version", String(newest));
    connection.script(`PRAGMA user_version = ${newest}`);
  }
  const facts = { path, idPrefix: valueOf(connection, "id_prefix") ?? "", databaseId: valueOf(connection, "database_id") ?? "" };
  if (idPrefix !== undefined && idPrefix !== facts.idPrefix) {
    throw new InvalidInputError(
      `${path} was made for conversation IDs that begin with ${facts.idPrefix}, not ${idPrefix}; set the prefix to ${facts.idPrefix}, or use another database`,
    );
  }
  return facts;
}

/**
 * Creates the file and its folder if they are missing, and brings its tables up to date; however many processes do it at once, each
 * migration runs once. Throws `InvalidInputError` for a file of another program, a newer schema, or another prefix.
 */
export function prepareFile(path: string, idPrefix: string | undefined): DatabaseFacts {
  const full = createFile(resolve(path));
  const connection = openConnection(full, "writer");
  try {
    beginFairly(connection);
    const facts = migrate(connection, full, idPrefix);
    connection.run("COMMIT");
    return facts;
  } finally {
    if (connection.inTransaction) connection.run("ROLLBACK");
    connection.close();
  }
}
