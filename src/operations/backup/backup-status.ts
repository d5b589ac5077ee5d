/** What is known of the backups of a database: the last good one and the last failure, kept where all its servers and commands see it. */
import { isoTime } from "../../core/conversation.ts";
import { isJsonObject, type Json } from "../../core/json.ts";
import type { Records } from "../../core/records.ts";

const KIND = "job";
const KEY = "backup";

/** The last backup that was finished. Times are ISO 8601 in UTC. */
export interface GoodBackup {
  readonly id: string;
  /** When it was begun: what happened later is not in it. */
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly conversations: number;
  readonly messages: number;
  readonly bytes: number;
}

/** Null: none yet. `failed` is null again after a good one. */
export interface BackupStatus {
  readonly good: GoodBackup | null;
  readonly failed: { readonly at: string; readonly error: string } | null;
}

/** What is known now. For metrics and alerts: the age of the last good backup is the time since `good.startedAt`. */
export async function backupStatus(records: Records): Promise<BackupStatus> {
  const value = (await records.get(KIND, KEY))?.value;
  return value !== undefined && isJsonObject(value) ? (value as unknown as BackupStatus) : { good: null, failed: null };
}

/** Notes a good one. */
export async function noteGoodBackup(records: Records, good: GoodBackup): Promise<void> {
  await records.put(KIND, KEY, { good, failed: null } as unknown as Json);
}

/** Notes a failure; the last good one stays. */
export async function noteFailedBackup(records: Records, now: number, error: unknown): Promise<void> {
  const failed = { at: isoTime(now), error: error instanceof Error ? error.message : String(error) };
  await records.put(KIND, KEY, { good: (await backupStatus(records)).good, failed } as unknown as Json);
}
