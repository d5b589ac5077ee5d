// Writes of the service's small things, each inside a transaction of the write worker.

import type { Row } from "./connection.ts";
import type { Work } from "./work.ts";

const SELECT_RECORD = "SELECT value, version FROM records WHERE kind = ? AND key = ? AND (until IS NULL OR until > ?)";
const PUT_RECORD = "INSERT OR REPLACE INTO records (kind, key, value, version, until) VALUES (?, ?, ?, ?, ?)";
const DELETE_RECORD = "DELETE FROM records WHERE kind = ? AND key = ?";
const FORGET = `DELETE FROM records WHERE (kind, key) IN
  (SELECT kind, key FROM records WHERE until IS NOT NULL AND until <= ?1 ORDER BY until LIMIT ?2)`;

/** `Records.put`: whether it was written, and the value (as JSON text, null: none) and version that are stored afterwards. */
export function putRecord(
  { connection, now }: Work,
  kind: string,
  key: string,
  value: string,
  ifVersion: number | null,
  until: number | null,
): [won: boolean, value: string | null, version: number] {
  const there: Row | undefined = connection.get(SELECT_RECORD, kind, key, now);
  const version = (there?.[1] as number | undefined) ?? 0;
  if (ifVersion !== null && ifVersion !== version) return [false, (there?.[0] as string | undefined) ?? null, version];
  connection.run(PUT_RECORD, kind, key, value, version + 1, until);
  return [true, value, version + 1];
}

/** `Records.remove`. */
export function removeRecord({ connection }: Work, kind: string, key: string): void {
  connection.run(DELETE_RECORD, kind, key);
}

/** `Records.forget`. */
export function forgetRecords({ connection }: Work, now: number, limit: number): number {
  return connection.run(FORGET, now, limit);
}
