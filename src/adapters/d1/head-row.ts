/** A head as a row: the columns that the tables of the archive and of the directory have in common. */
import { StoredDataError } from "../../core/errors.ts";
import type { Head, Status } from "../../core/head.ts";
import type { Environment } from "../../core/id.ts";
import type { Json } from "../../core/json.ts";
import type { Cell, Row } from "./d1-database.ts";

/** The columns of a head, in the order of `cellsOf`. */
export const HEAD_COLUMNS: readonly string[] = [
  "id status source environment incarnation version revision last_seq bytes created last_activity last_access expires_at",
  "completed_at archived_at archive_reason wiped warned_for hold token_epoch keyring subjects metadata session",
].flatMap((names) => names.split(" "));

/** For SELECT and INSERT: the names, and as many parameters, `?1` first. */
export const HEAD_NAMES = HEAD_COLUMNS.join(", ");
export const HEAD_MARKS = HEAD_COLUMNS.map((_, i) => `?${i + 1}`).join(", ");

/** The number of the parameter after those of a head. */
export const AFTER_HEAD = HEAD_COLUMNS.length + 1;

/** For ON CONFLICT: every column but the ID as it was given. */
export const HEAD_EXCLUDED = HEAD_COLUMNS.slice(1)
  .map((name) => `${name} = excluded.${name}`)
  .join(", ");

/**
 * For UPDATE: what is left of an erased conversation, as `applyChange` makes it. `?2` is the time of the erasing.
 */
export const HEAD_TOMBSTONE = `
  status = 'deleted',
  version = version + 1,
  revision = revision + 1,
  bytes = 0,
  expires_at = NULL,
  archived_at = coalesce(archived_at, ?2),
  wiped = 1,
  keyring = NULL,
  subjects = '[]',
  metadata = '{}',
  session = 'null'`;

function parsed(row: Row, column: string): Json {
  try {
    return JSON.parse(row[column] as string) as Json;
  } catch (cause) {
    const message = `The stored ${column} of conversation ${row["id"]} cannot be read; restore this conversation from a backup`;
    throw new StoredDataError(message, { cause });
  }
}

// The casts of this file: the tables are STRICT, so the columns hold what the migrations say.
function withTexts(row: Row, subjects: string[], metadata: Json, session: Json): Head {
  return {
    id: row["id"] as string,
    status: row["status"] as Status,
    source: row["source"] as string,
    environment: row["environment"] as Environment,
    incarnation: row["incarnation"] as string,
    version: row["version"] as number,
    revision: row["revision"] as number,
    lastSeq: row["last_seq"] as number,
    bytes: row["bytes"] as number,
    created: row["created"] as number,
    lastActivity: row["last_activity"] as number,
    lastAccess: row["last_access"] as number | null,
    expiresAt: row["expires_at"] as number | null,
    completedAt: row["completed_at"] as number | null,
    archivedAt: row["archived_at"] as number | null,
    archiveReason: row["archive_reason"] as string | null,
    wiped: row["wiped"] === 1,
    warnedFor: row["warned_for"] as number | null,
    hold: row["hold"] === 1,
    tokenEpoch: row["token_epoch"] as number,
    keyring: row["keyring"] as string | null,
    subjects,
    metadata,
    session,
  };
}

/** The head of a row. Throws `StoredDataError` if its JSON cannot be read. */
export function headOf(row: Row): Head {
  return withTexts(row, parsed(row, "subjects") as string[], parsed(row, "metadata"), parsed(row, "session"));
}

/** The head of a row for an overview: what cannot be read of it is empty, so that one damaged record does not hide all others. */
export function overviewOf(row: Row): Head {
  try {
    return headOf(row);
  } catch {
    return withTexts(row, [], {}, null);
  }
}

/** The values of a head. */
export function cellsOf(head: Head): Cell[] {
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
    JSON.stringify(head.subjects),
    JSON.stringify(head.metadata),
    JSON.stringify(head.session),
  ];
}
