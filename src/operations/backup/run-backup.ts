/** One backup from its beginning to its end: alone, tidied up before, noted afterwards. */
import { randomBytes } from "node:crypto";
import { isoTime } from "../../core/conversation.ts";
import type { Stores } from "../../core/stores.ts";
import { backupId } from "./backup-id.ts";
import { BackupBusyError, withBackupLease } from "./backup-lease.ts";
import type { BackupPlace } from "./backup-place.ts";
import { noteFailedBackup, noteGoodBackup, type GoodBackup } from "./backup-status.ts";
import { makeBackup, type BackupOptions } from "./make-backup.ts";

/** What is read for a backup: the stores as they are, or a snapshot of them. */
export interface BackupSource {
  readonly stores: Stores;
  readonly consistency: BackupOptions["consistency"];
  close(): Promise<void>;
}

/** How a backup is run. */
export interface RunOptions extends Omit<BackupOptions, "id" | "consistency"> {
  /** Opens what is read. Asked for when the lease is held. */
  readonly source: () => Promise<BackupSource>;
  /** Asked when the lease is held; false: another one has made it meanwhile. */
  readonly isWanted?: () => Promise<boolean>;
}

/**
 * Makes a backup of `stores`, the last good one then. Throws `BackupBusyError` when another one is under way, and what `makeBackup` throws;
 * a failure is noted, and leaves nothing behind.
 */
export async function runBackup(stores: Stores, place: BackupPlace, options: RunOptions): Promise<GoodBackup> {
  const { records } = stores;
  const { clock, signal: given, source: open } = options;
  try {
    return await withBackupLease(stores, randomBytes(8).toString("hex"), async (lost) => {
      const signal = given ? AbortSignal.any([given, lost]) : lost;
      if (options.isWanted && !(await options.isWanted())) throw new BackupBusyError("Another server has just made the backup");
      await place.tidy(clock());
      const startedAt = clock();
      const id = backupId(startedAt, randomBytes(4).toString("hex"));
      const source = await open();
      try {
        signal.throwIfAborted();
        const { consistency } = source;
        const manifest = await makeBackup(source.stores, await place.begin(id), { ...options, id, consistency, signal });
        const good: GoodBackup = {
          id,
          startedAt: isoTime(startedAt),
          finishedAt: manifest.finishedAt,
          conversations: manifest.tables.conversations.rows,
          messages: manifest.messages,
          bytes: manifest.files.reduce((sum, { bytes }) => sum + bytes, 0),
        };
        if (records) await noteGoodBackup(records, good);
        return good;
      } finally {
        await source.close();
      }
    });
  } catch (error) {
    const stopped = given?.aborted === true || error instanceof BackupBusyError;
    if (records && !stopped) await noteFailedBackup(records, clock(), error).catch(() => {});
    throw error;
  }
}
