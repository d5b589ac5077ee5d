/** A head as PostgreSQL answers it: a list of its columns, in the order of `itera_live_head`. */
import { StoredDataError } from "../../core/errors.ts";
import type { Head, Status } from "../../core/head.ts";
import type { Environment } from "../../core/id.ts";
import type { Json } from "../../core/json.ts";

/** The columns of a head; metadata and session are JSON as text. */
export type HeadRow = [
  id: string,
  status: Status,
  source: string,
  environment: Environment,
  incarnation: string,
  version: number,
  revision: number,
  lastSeq: number,
  bytes: number,
  created: number,
  lastActivity: number,
  lastAccess: number | null,
  expiresAt: number | null,
  completedAt: number | null,
  archivedAt: number | null,
  archiveReason: string | null,
  wiped: boolean,
  warnedFor: number | null,
  hold: boolean,
  tokenEpoch: number,
  keyring: string | null,
  subjects: string[],
  metadata: string,
  session: string,
];

function parsed(text: string, field: string, id: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new StoredDataError(`The stored ${field} of conversation ${id} cannot be read; restore this conversation from a backup`, {
      cause,
    });
  }
}

/** The head of a row. Throws `StoredDataError` if its JSON cannot be read. */
export function headOf(row: HeadRow): Head {
  const [id, status, source, environment, incarnation, version, revision, lastSeq, bytes, created, lastActivity, lastAccess, ...rest] = row;
  const [expiresAt, completedAt, archivedAt, archiveReason, wiped, warnedFor, hold, tokenEpoch, keyring, subjects, metadata, session] =
    rest;
  return {
    id,
    status,
    source,
    environment,
    incarnation,
    version,
    revision,
    lastSeq,
    bytes,
    created,
    lastActivity,
    lastAccess,
    expiresAt,
    completedAt,
    archivedAt,
    archiveReason,
    wiped,
    warnedFor,
    hold,
    tokenEpoch,
    keyring,
    subjects,
    metadata: parsed(metadata, "metadata", id),
    session: parsed(session, "session", id),
  };
}

/** The same among several: one that is damaged counts as not there, so that the others are answered. */
export function readableHeadOf(row: HeadRow | null): Head | null {
  try {
    return row && headOf(row);
  } catch (error) {
    if (error instanceof StoredDataError) return null;
    throw error;
  }
}

/** What `itera_create` makes a row of. Metadata and session travel beside it, as texts. */
export function columnsOf(head: Head): string {
  return JSON.stringify({
    id: head.id,
    status: head.status,
    source: head.source,
    environment: head.environment,
    incarnation: head.incarnation,
    version: head.version,
    revision: head.revision,
    last_seq: head.lastSeq,
    bytes: head.bytes,
    created: head.created,
    last_activity: head.lastActivity,
    last_access: head.lastAccess,
    expires_at: head.expiresAt,
    completed_at: head.completedAt,
    archived_at: head.archivedAt,
    archive_reason: head.archiveReason,
    wiped: head.wiped,
    warned_for: head.warnedFor,
    hold: head.hold,
    token_epoch: head.tokenEpoch,
    keyring: head.keyring,
    subjects: head.subjects,
  });
}
