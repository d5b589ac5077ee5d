// Writes what is made from the numbered migrations of PostgreSQL: their texts as a module, for runtimes without files, and the whole schema
// for `psql -f`. Run it after a migration was added: `npm run schema`. A test says when it was forgotten.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Migration } from "../src/adapters/postgres/migration.ts";
import { migrationScript } from "../src/adapters/postgres/migration-script.ts";

const ROOT = new URL("..", import.meta.url);
const FOLDER = new URL("src/adapters/postgres/migrations/", ROOT);

/** Where the two are, from the root. */
export const TEXTS_PATH = "src/adapters/postgres/migration-texts.ts";
export const SCHEMA_PATH = "database/conversation-schema.sql";

/** The numbered files, in their order. Throws if a number is missing or there twice. */
export function readMigrations(): Migration[] {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith(".sql"));
  return files.toSorted().map((file, i) => {
    const [, number, name] = /^(\d{3})-([a-z0-9-]+)\.sql$/.exec(file) ?? [];
    if (name === undefined || Number(number) !== i + 1) {
      throw new Error(`${file}: migrations are named 001-what.sql, 002-what.sql … without a gap; expected number ${i + 1}`);
    }
    return { number: i + 1, name, sql: readFileSync(new URL(file, FOLDER), "utf8").replaceAll("\r\n", "\n") };
  });
}

/** The module with the texts. */
export function textsModule(migrations: readonly Migration[]): string {
  const entries = migrations.map(({ number, name, sql }) => {
    const literal = sql.replaceAll("\\", "\\\\").replaceAll("`", "\\`").replaceAll("${", "\\${");
    return `  {\n    number: ${number},\n    name: ${JSON.stringify(name)},\n    sql: \`${literal}\`,\n  },\n`;
  });
  return `/** The texts of the files in \`migrations/\`, for runtimes without files. Made by \`npm run schema\`; change the files, not this. */
/* oxlint-disable max-lines -- it is as long as the files are */
import type { Migration } from "./migration.ts";

/** All migrations, in their order. */
export const MIGRATIONS: readonly Migration[] = [
${entries.join("")}];
`;
}

/** The whole schema as one script. */
export async function wholeSchema(migrations: readonly Migration[]): Promise<string> {
  const script = await migrationScript({ pending: migrations, first: true, before: [] });
  return `-- The whole schema of itera-conversations for PostgreSQL 14 or later, for an empty schema of a database:
--
--   psql -h your-db-host -U username -d database -f database/conversation-schema.sql
--
-- It needs no superuser: the role must be allowed to create in the schema. It is the numbered migrations in one transaction, and
-- \`itera migrate\` finds nothing to do after it. A database that has a table conversations already is upgraded by
-- \`itera migrate\`, not by this file. For IDs with another prefix than ITERA set PGOPTIONS="-c itera.id_prefix=NAME" for that command. Made by \`npm run schema\`; change the migrations, not this.

\\set ON_ERROR_STOP on

${script}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const migrations = readMigrations();
  mkdirSync(new URL("database/", ROOT), { recursive: true });
  writeFileSync(new URL(TEXTS_PATH, ROOT), textsModule(migrations));
  writeFileSync(new URL(SCHEMA_PATH, ROOT), await wholeSchema(migrations));
  console.log(`schema: ${migrations.length} migrations written to ${TEXTS_PATH} and ${SCHEMA_PATH}`);
}
