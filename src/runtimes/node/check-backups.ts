/** What must be right about backups before a server serves. */
import { ConflictError } from "../../core/errors.ts";
import type { Records } from "../../core/records.ts";
import { restoreMark } from "../../operations/backup/restore-mark.ts";
import { backupPlace } from "./backup-target.ts";
import type { Config } from "./config.ts";

/**
 * Throws `ConflictError` if a restore was begun and not ended: such a database lacks conversations, and may show erased ones. Throws
 * `ConfigurationError` if backups are to go to a bucket whose keys are not set.
 */
export async function checkBackups(config: Config, records: Records | null): Promise<void> {
  if (config.backups) backupPlace(config);
  const mark = records && (await restoreMark(records));
  if (!mark || mark.done) return;
  throw new ConflictError(
    `Restoring the backup ${mark.backup} into this database was not finished. Run itera restore again with the same backup; it goes on where it was.`,
  );
}
