/** Rows of an older table on their way into the new one: those that fit as they are in one statement, the odd ones each by itself. */
import { createIdGenerator } from "../../core/id.ts";
import type { MigrationConnection } from "./migration-lock.ts";

/** Why a row cannot be copied, in the words of the report. */
export const LEFT_REASONS = [
  "an ID of another form or prefix",
  "a status that does not exist",
  "an archive reason that is too long",
  "a time that does not exist",
  "metadata that is no JSON object",
  "messages that are no list of JSON objects",
  "an ID that another row has",
] as const;

/** One of them. */
export type LeftReason = (typeof LEFT_REASONS)[number];

/** A place in the older table: its rows are taken in the order of ID and place, so that equal IDs are not passed over. */
export interface Place {
  readonly id: string | null;
  readonly place: string | null;
}

/** What one stretch of rows became. */
export interface CopiedRows {
  readonly copied: number;
  readonly present: number;
  readonly left: readonly { readonly id: string | null; readonly reason: LeftReason }[];
  /** The last row that was looked at. */
  readonly last: Place;
  /** There are no more. */
  readonly finished: boolean;
}

/** Which rows to copy. */
export interface CopyInput {
  readonly table: string;
  readonly after: Place;
  /** Whether an ID is one of this database's. */
  readonly validate: (id: unknown) => boolean;
}

/** Rows of a stretch; a crash undoes one of them. Odd ones are read into memory, each up to 16 MiB, so they are taken one by one. */
const STRETCH = 500;

/** What is known of a row without its text. `odd`: it has to be read to be copied. */
interface Row {
  readonly id: string | null;
  readonly place: string;
  readonly reason: LeftReason | null;
  readonly odd: boolean;
}

const CLASSIC = "id, created, last_activity, status, message_count, metadata, messages, archived_at, archive_reason";

function columnsFit(type: { metadata: string; messages: string }): string {
  // Text that is no JSON cannot be asked what it is, so all rows of such a column are read.
  if (type.metadata !== "jsonb" || type.messages !== "jsonb") return "FALSE";
  return `created IS NOT NULL AND last_activity IS NOT NULL
      AND jsonb_typeof(metadata) = 'object'
      AND CASE WHEN jsonb_typeof(messages) = 'array' THEN jsonb_array_length(messages) = message_count ELSE FALSE END
      AND NOT jsonb_path_exists(messages, '$[*] ? (@.type() != "object")')`;
}

const NO_TIME = (column: string): string => `(${column} < '0001-01-01' OR ${column} >= '10000-01-01')`;

async function stretchOf(connection: MigrationConnection, { table, after }: CopyInput, fits: string): Promise<Row[]> {
  const from = after.id === null ? "id IS NOT NULL" : "(id, ctid) > ($1, $2::tid)";
  const { rows } = await connection.query(
    `SELECT id::text AS id, ctid::text AS place, (${fits}) IS NOT TRUE AS odd,
       CASE
         WHEN status IS NULL OR status NOT IN ('active', 'completed', 'archived', 'deleted') THEN '${LEFT_REASONS[1]}'
         WHEN char_length(archive_reason) > 50 THEN '${LEFT_REASONS[2]}'
         WHEN ${["created", "last_activity", "archived_at"].map(NO_TIME).join(" OR ")} THEN '${LEFT_REASONS[3]}'
       END AS reason
     FROM ${table} WHERE ${from} ORDER BY id, ctid LIMIT ${STRETCH}`,
    after.id === null ? [] : [after.id, after.place],
  );
  return rows as Row[];
}

/**
 * The months of these IDs, before their rows: rows that come into the default partition would have to be moved out of it again. Not those
 * that hold something there already, nor those of IDs whose time is no time of ours: the server sees to them.
 */
const MAKE_MONTHS = `
WITH months AS (SELECT DISTINCT to_date(left(split_part(id, '_', 2), 6), 'YYYYMM') AS month FROM unnest($1::text[]) AS ids (id))
SELECT itera_make_month('conversations', month), itera_make_month('conversation_texts', month),
  itera_attach_month('conversations', month), itera_attach_month('conversation_texts', month)
FROM months
WHERE NOT itera_has_table(itera_partition('conversations', month))
  AND month BETWEEN now() - INTERVAL '30 years' AND now() + INTERVAL '2 years'
  AND NOT EXISTS (
    SELECT FROM conversations_default
    WHERE id >= itera_bound(month) AND id < itera_bound((month + INTERVAL '1 month')::DATE)
  )`;

/** Whoever makes partitions does so under this lock. */
const MONTHS_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('itera-conversations partitions in ' || current_schema(), 0))";

/** JSON that may be text in text, as some clients have written it. Null: it is no JSON, or not of this kind. */
function asJson(text: string | null, empty: string, fits: (value: unknown) => boolean): string | null {
  if (text === null) return empty;
  let inner = text;
  try {
    let value: unknown = JSON.parse(text);
    if (typeof value === "string") {
      inner = value;
      value = JSON.parse(inner);
    }
    if (value === null) return empty;
    // The text itself goes on, not what was parsed: no number changes on the way.
    return fits(value) ? inner : null;
  } catch {
    return null;
  }
}

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);
const isTranscript = (value: unknown): boolean => Array.isArray(value) && value.every(isObject);

/** Copies rows that fit as they are; how many were not there yet. */
async function copyPlain(connection: MigrationConnection, table: string, plain: readonly Row[]): Promise<number> {
  // Where the columns hold text no row is plain, and the statement would not even be understood.
  if (plain.length === 0) return 0;
  const { rows } = await connection.query(
    `INSERT INTO conversations (${CLASSIC})
     SELECT ${CLASSIC} FROM ${table} WHERE id = ANY ($1) AND ctid = ANY ($2::tid[])
     ON CONFLICT (id) DO NOTHING RETURNING 1`,
    [plain.map(({ id }) => id), plain.map(({ place }) => place)],
  );
  return rows.length;
}

/** Copies one row that does not fit as it is: JSON in text, nothing where something is wanted, another count. */
async function copyOdd(connection: MigrationConnection, table: string, { id, place }: Row): Promise<LeftReason | "copied" | "present"> {
  const { rows } = await connection.query(
    `SELECT metadata::text AS metadata, messages::text AS messages FROM ${table} WHERE id = $1 AND ctid = $2::tid`,
    [id, place],
  );
  const row = rows[0] as { metadata: string | null; messages: string | null };
  const metadata = asJson(row.metadata, "{}", isObject);
  if (metadata === null) return LEFT_REASONS[4];
  const messages = asJson(row.messages, "[]", isTranscript);
  if (messages === null) return LEFT_REASONS[5];
  // What an ID says of its time is what older code went by where no time was written.
  const made = createIdGenerator({ prefix: id!.slice(0, id!.indexOf("_")) }).parse(id!).timestamp;
  await connection.query("SAVEPOINT odd_row");
  try {
    const { rows: stored } = await connection.query(
      `INSERT INTO conversations (${CLASSIC})
       SELECT id, coalesce(created, last_activity, $3::timestamptz), coalesce(last_activity, created, $3::timestamptz), status,
         jsonb_array_length($5::jsonb), $4::jsonb, $5::jsonb, archived_at, archive_reason
       FROM ${table} WHERE id = $1 AND ctid = $2::tid
       ON CONFLICT (id) DO NOTHING RETURNING 1`,
      [id, place, made.toISOString(), metadata, messages],
    );
    await connection.query("RELEASE SAVEPOINT odd_row");
    return stored.length === 1 ? "copied" : "present";
  } catch (error) {
    // 22P05: a character that PostgreSQL's JSON cannot hold.
    if ((error as { code?: unknown }).code !== "22P05") throw error;
    await connection.query("ROLLBACK TO SAVEPOINT odd_row");
    return /\\u0000/.test(metadata) ? LEFT_REASONS[4] : LEFT_REASONS[5];
  }
}

/** Copies the next stretch of rows, in the transaction that the connection is in. */
export async function copyRows(connection: MigrationConnection, input: CopyInput): Promise<CopiedRows> {
  const table = `"${input.table}"`;
  const { rows: types } = await connection.query(
    `SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute
     WHERE attrelid = $1::regclass AND attname IN ('metadata', 'messages')`,
    [table],
  );
  const typeOf = Object.fromEntries((types as { name: string; type: string }[]).map(({ name, type }) => [name, type]));
  const rows = await stretchOf(connection, { ...input, table }, columnsFit(typeOf as { metadata: string; messages: string }));

  const left: { id: string | null; reason: LeftReason }[] = [];
  if (input.after.id === null) {
    // A table without a key may have rows without an ID; the order of IDs does not come to them.
    const { rows: nameless } = await connection.query(`SELECT 1 FROM ${table} WHERE id IS NULL`);
    for (const _ of nameless) left.push({ id: null, reason: LEFT_REASONS[0] });
  }
  const plain: Row[] = [];
  const odd: Row[] = [];
  let previous = input.after.id;
  for (const row of rows) {
    const reason = !input.validate(row.id) ? LEFT_REASONS[0] : (row.reason ?? (row.id === previous ? LEFT_REASONS[6] : null));
    previous = row.id;
    if (reason !== null) left.push({ id: row.id, reason });
    else if (row.odd) odd.push(row);
    else plain.push(row);
  }

  const fitting = [...plain, ...odd].map(({ id }) => id);
  await connection.query(MONTHS_LOCK);
  await connection.query(MAKE_MONTHS, [fitting]);
  const stored = await copyPlain(connection, table, plain);
  let copied = stored;
  let present = plain.length - stored;
  for (const row of odd) {
    const became = await copyOdd(connection, table, row);
    if (became === "copied") copied += 1;
    else if (became === "present") present += 1;
    else left.push({ id: row.id, reason: became });
  }

  const finished = rows.length < STRETCH;
  const last = rows.at(-1);
  return { copied, present, left, last: last ? { id: last.id, place: last.place } : input.after, finished };
}
