/**
 * The table `conversations` of a database made with the guide's SQL: renamed with all that hangs on it, so that the migrations find its
 * names free, and copied into the new one. Nothing is removed but the guide's function of the same name, and nothing is guessed.
 */
import { InvalidInputError } from "../../core/errors.ts";
import { createIdGenerator } from "../../core/id.ts";
import { tableExists, underLock, type MigrationConnection } from "./migration-lock.ts";
import { copyRows, type CopiedRows, type LeftReason } from "./upgrade-rows.ts";

/** What became of the older table. */
export interface UpgradeReport {
  /** Where the rows of before are kept, all of them. */
  readonly table: string;
  /** Rows that were copied. */
  readonly copied: number;
  /** Rows whose conversation was in the new table already. */
  readonly present: number;
  /** Rows that do not fit and are in the older table alone: how many for which reason, and some of their IDs. */
  readonly left: Readonly<Partial<Record<LeftReason, { readonly rows: number; readonly examples: readonly string[] }>>>;
}

const ASIDE = "_before_upgrade";

/** The columns of the guide, and of which types they may be: what was widened by hand is text of another length. */
const TEXT = ["character varying", "text", "character"];
const TIME = ["timestamp with time zone"];
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  id: TEXT,
  created: TIME,
  last_activity: TIME,
  status: TEXT,
  message_count: ["integer", "bigint", "smallint"],
  metadata: ["jsonb", "json", "text"],
  messages: ["jsonb", "json", "text"],
  archived_at: TIME,
  archive_reason: TEXT,
};

/** How far the copying has come; a row for each table that was set aside. */
const UPGRADES_TABLE = `CREATE TABLE IF NOT EXISTS conversation_upgrades (
  older_table TEXT NOT NULL PRIMARY KEY,
  last_id TEXT,
  last_place TEXT,
  copied BIGINT NOT NULL DEFAULT 0,
  present BIGINT NOT NULL DEFAULT 0,
  left_out JSONB NOT NULL DEFAULT '{}',
  finished_at TIMESTAMPTZ
)`;

/** A name as SQL. */
function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** The name that the older table gets, or null if there is none. Throws `InvalidInputError` for a table that is not the guide's. */
async function olderTable(connection: MigrationConnection): Promise<string | null> {
  const { rows } = await connection.query(`
    SELECT a.attname AS name, format_type(a.atttypid, NULL) AS type
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relname = 'conversations' AND c.relnamespace = current_schema()::regnamespace`);
  if (rows.length === 0) return null;
  const types = new Map((rows as { name: string; type: string }[]).map(({ name, type }) => [name, type]));
  const wrong = Object.entries(COLUMNS).flatMap(([name, allowed]) => {
    const type = types.get(name);
    if (type === undefined) return [`it has no column ${name}`];
    return allowed.includes(type) ? [] : [`its column ${name} is ${type}, not ${allowed[0]}`];
  });
  if (wrong.length > 0) {
    throw new InvalidInputError(
      `There is a table conversations that neither this program nor the guide's SQL has made: ${wrong.join("; ")}. Rename it, or give the ` +
        "conversations a schema of their own: create it, and add ?options=-c%20search_path%3D<schema> to the address",
    );
  }
  return freeName(connection, `conversations${ASIDE}`);
}

async function freeName(connection: MigrationConnection, wanted: string): Promise<string> {
  // PostgreSQL cuts longer names at 63 bytes, and two of them could become one.
  const base = wanted.slice(0, 59);
  for (let attempt = 1; ; attempt++) {
    const name = attempt === 1 ? base : `${base}_${attempt}`;
    const { rows } = await connection.query("SELECT 1 FROM pg_class WHERE relname = $1 AND relnamespace = current_schema()::regnamespace", [
      name,
    ]);
    if (rows.length === 0) return name;
  }
}

/**
 * The statements that rename the older table, its partitions, their indexes and the view, so that their names are free, and drop the
 * guide's function, which the migrations make anew. They belong into the transaction of the first migration, so that there is no moment
 * without a table. None if there is no older table. Throws like `olderTable`.
 */
export async function asideStatements(connection: MigrationConnection): Promise<string[]> {
  const table = await olderTable(connection);
  if (table === null) return [];
  // Indexes keep their names when their table is renamed, and carry the names of their constraints with them.
  const { rows } = await connection.query(`
    WITH family AS (SELECT relid FROM pg_partition_tree('conversations') UNION SELECT 'conversations'::regclass)
    SELECT c.relname AS name FROM pg_class c
    WHERE c.oid <> 'conversations'::regclass
      AND (c.oid IN (SELECT relid FROM family) OR c.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid IN (SELECT relid FROM family)))
    UNION ALL
    SELECT c.relname FROM pg_class c
    WHERE c.relname = 'conversation_analytics' AND c.relkind IN ('v', 'm') AND c.relnamespace = current_schema()::regnamespace`);
  const statements = [`ALTER TABLE conversations RENAME TO ${quoted(table)}`];
  for (const { name } of rows as { name: string }[]) {
    // ALTER TABLE renames partitions, indexes and views alike.
    statements.push(`ALTER TABLE ${quoted(name)} RENAME TO ${quoted(await freeName(connection, `${name}${ASIDE}`))}`);
  }
  statements.push("DROP FUNCTION IF EXISTS cleanup_old_conversations()", UPGRADES_TABLE);
  statements.push(`INSERT INTO conversation_upgrades (older_table) VALUES ('${table.replaceAll("'", "''")}')`);
  return statements;
}

/** A table that was set aside and is not copied to its end yet; null: none. */
export async function unfinishedUpgrade(connection: MigrationConnection): Promise<string | null> {
  if (!(await tableExists(connection, "conversation_upgrades"))) return null;
  const { rows: open } = await connection.query("SELECT older_table FROM conversation_upgrades WHERE finished_at IS NULL");
  return (open[0] as { older_table: string } | undefined)?.older_table ?? null;
}

/** Where the copying stands. */
interface Progress {
  readonly last_id: string | null;
  readonly last_place: string | null;
  readonly copied: string;
  readonly present: string;
  readonly left_out: UpgradeReport["left"];
}

/** Some rows were copied. `rows`: how many the older table has, for a bar. */
export interface CopyStep {
  readonly copied: UpgradeReport;
  readonly rows: number;
}

const EXAMPLES = 5;

/** How many rows the older table has. */
async function rowsOf(connection: MigrationConnection): Promise<number> {
  const table = await unfinishedUpgrade(connection);
  if (table === null) return 0;
  const { rows } = await connection.query(`SELECT count(*) AS n FROM ${quoted(table)}`);
  return Number((rows[0] as { n: string }).n);
}

/** What was left before, and what was left now. */
function together(left: UpgradeReport["left"], now: CopiedRows["left"]): UpgradeReport["left"] {
  const sums = { ...left };
  for (const { id, reason } of now) {
    const { rows = 0, examples = [] } = sums[reason] ?? {};
    sums[reason] = { rows: rows + 1, examples: examples.length < EXAMPLES && id !== null ? [...examples, id] : examples };
  }
  return sums;
}

/**
 * Copies what is left to copy of the table that was set aside, some hundred rows in a transaction; with each it notes how far it has come.
 * Answers the counts of the whole table, also if it goes on where another run was broken off; null if another run has finished it meanwhile.
 */
export async function copyOlder(
  connection: MigrationConnection,
  idPrefix: string,
  onStep: (step: CopyStep) => void,
): Promise<UpgradeReport | null> {
  const { validate } = createIdGenerator({ prefix: idPrefix });
  const rows = await rowsOf(connection);
  for (;;) {
    const result = await underLock(
      connection,
      () => "copying the older conversations",
      async () => {
        const table = await unfinishedUpgrade(connection);
        if (table === null) return null;
        const { rows } = await connection.query("SELECT * FROM conversation_upgrades WHERE older_table = $1", [table]);
        const before = rows[0] as Progress;
        const now = await copyRows(connection, { table, after: { id: before.last_id, place: before.last_place }, validate });
        const report: UpgradeReport = {
          table,
          copied: Number(before.copied) + now.copied,
          present: Number(before.present) + now.present,
          left: together(before.left_out, now.left),
        };
        await connection.query(
          `UPDATE conversation_upgrades SET
           last_id = $2, last_place = $3, copied = $4, present = $5, left_out = $6,
           finished_at = CASE WHEN $7::boolean THEN clock_timestamp() END
         WHERE older_table = $1`,
          [table, now.last.id, now.last.place, report.copied, report.present, JSON.stringify(report.left), now.finished],
        );
        return { report, finished: now.finished };
      },
    );
    if (result === null) return null;
    onStep({ copied: result.report, rows });
    if (result.finished) return result.report;
  }
}
