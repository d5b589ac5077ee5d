// Reads of the service's small things.

import type { Connection, Row } from "./connection.ts";

const SELECT_RECORD = "SELECT value, version FROM records WHERE kind = ? AND key = ? AND (until IS NULL OR until > ?)";
const LIST_FIRST = "SELECT key, value, version FROM records WHERE kind = ?1 AND (until IS NULL OR until > ?2) ORDER BY key LIMIT ?3";
const LIST_AFTER = `SELECT key, value, version FROM records
  WHERE kind = ?1 AND (until IS NULL OR until > ?2) AND key > ?4 ORDER BY key LIMIT ?3`;

/** A row of value (JSON text) and version. */
export function readRecord(connection: Connection, kind: string, key: string, now: number): Row | undefined {
  return connection.get(SELECT_RECORD, kind, key, now);
}

/** Rows of key, value (JSON text) and version. */
export function listRecords(connection: Connection, kind: string, after: string | null, now: number, limit: number): Row[] {
  return after === null ? connection.all(LIST_FIRST, kind, now, limit) : connection.all(LIST_AFTER, kind, now, limit, after);
}
