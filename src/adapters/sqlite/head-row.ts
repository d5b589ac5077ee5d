// A head as a row: the columns that the tables of live conversations, of the archive and of the directory have in common.

import { StoredDataError } from "../../core/errors.ts";
import type { Head, Status } from "../../core/head.ts";
import type { Environment } from "../../core/id.ts";
import type { Json } from "../../core/json.ts";
import type { Cell, Row } from "./connection.ts";

/** The columns of a head, in the order of a row. */
export const HEAD_COLUMNS: readonly string[] = [
  "id status source environment incarnation version revision last_seq bytes created last_activity last_access expires_at",
  "completed_at archived_at archive_reason wiped warned_for hold token_epoch keyring subjects metadata session",
].flatMap((names) => names.split(" "));

/** How many they are; what a query selects behind them begins here. */
export const HEAD_WIDTH = HEAD_COLUMNS.length;

/** For SELECT and INSERT: the names, and as many question marks. */
export const HEAD_NAMES = HEAD_COLUMNS.join(", ");
export const HEAD_MARKS = HEAD_COLUMNS.map(() => "?").join(", ");

const setsOf = (names: readonly string[]): string => names.map((name) => `${name} = ?`).join(", ");

/** For UPDATE: every column but the ID, each with its question mark. */
export const HEAD_SETS = setsOf(HEAD_COLUMNS.slice(1));

/** The same without the status, which stands in the conditions of indexes: SQLite writes an index anew when a column of it is named. */
export const HEAD_SETS_OF_TURN = setsOf(HEAD_COLUMNS.slice(2));

const SUBJECTS = 21;
const METADATA = 22;
const SESSION = 23;

function parsed(row: Row, column: number): Json {
  try {
    return JSON.parse(row[column] as string) as Json;
  } catch (cause) {
    throw new StoredDataError(
      `The stored ${HEAD_COLUMNS[column]} of conversation ${row[0]} cannot be read; restore this conversation from a backup`,
      {
        cause,
      },
    );
  }
}

// The casts of this file: the tables are STRICT, so the columns hold what the migrations say.
function withTexts(row: Row, subjects: string[], metadata: Json, session: Json): Head {
  return {
    id: row[0] as string,
    status: row[1] as Status,
    source: row[2] as string,
    environment: row[3] as Environment,
    incarnation: row[4] as string,
    version: row[5] as number,
    revision: row[6] as number,
    lastSeq: row[7] as number,
    bytes: row[8] as number,
    created: row[9] as number,
    lastActivity: row[10] as number,
    lastAccess: row[11] as number | null,
    expiresAt: row[12] as number | null,
    completedAt: row[13] as number | null,
    archivedAt: row[14] as number | null,
    archiveReason: row[15] as string | null,
    wiped: row[16] === 1,
    warnedFor: row[17] as number | null,
    hold: row[18] === 1,
    tokenEpoch: row[19] as number,
    keyring: row[20] as string | null,
    subjects,
    metadata,
    session,
  };
}

/** The head of a row. Throws `StoredDataError` if its JSON cannot be read. */
export function headOf(row: Row): Head {
  return withTexts(row, parsed(row, SUBJECTS) as string[], parsed(row, METADATA), parsed(row, SESSION));
}

/** The head of a row for an overview: what cannot be read of it is empty, so that one damaged record does not hide all others. */
export function overviewOf(row: Row): Head {
  try {
    return headOf(row);
  } catch {
    return withTexts(row, [], {}, null);
  }
}

/**
 * The head of a row with `metadata` and `session` as the JSON texts that are stored: for the rules of a commit, which pass them on
 * without looking. It must not leave the worker.
 */
export function sealedHeadOf(row: Row): Head {
  const subjects = row[SUBJECTS] === "[]" ? [] : (parsed(row, SUBJECTS) as string[]);
  return withTexts(row, subjects, row[METADATA] as string, row[SESSION] as string);
}

function cells(head: Head, metadata: Cell, session: Cell): Row {
  return [
    head.id,
    head.status,
    head.source,
    head.environment,
    head.incarnation,
    head.version,
    head.revision,
    head.lastSeq,
    head.bytes,
    head.created,
    head.lastActivity,
    head.lastAccess,
    head.expiresAt,
    head.completedAt,
    head.archivedAt,
    head.archiveReason,
    head.wiped ? 1 : 0,
    head.warnedFor,
    head.hold ? 1 : 0,
    head.tokenEpoch,
    head.keyring,
    head.subjects.length === 0 ? "[]" : JSON.stringify(head.subjects),
    metadata,
    session,
  ];
}

/** The row of a head. */
export function rowOf(head: Head): Row {
  return cells(head, JSON.stringify(head.metadata), JSON.stringify(head.session));
}

/** The row of a sealed head. What a wiping emptied is no text any more, and becomes one. */
export function rowOfSealed(head: Head): Row {
  const { metadata, session } = head;
  return cells(
    head,
    typeof metadata === "string" ? metadata : JSON.stringify(metadata),
    typeof session === "string" ? session : JSON.stringify(session),
  );
}

/** The row of a head that is about to be emptied, without subjects, metadata and session: so that damaged ones do not keep it from being wiped. */
export function withoutTexts(row: Row): Row {
  return [...row.slice(0, SUBJECTS), "[]", "{}", "null", ...row.slice(HEAD_WIDTH)];
}
