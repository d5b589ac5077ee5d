/** Backups by themselves: one server at a time, as often as BACKUP_INTERVAL_HOURS says, and the old ones removed. */
import type { Records } from "../../core/records.ts";
import { BackupBusyError } from "../../operations/backup/backup-lease.ts";
import { backupStatus, type BackupStatus } from "../../operations/backup/backup-status.ts";
import type { BackupPlace } from "../../operations/backup/backup-place.ts";
import { backupPlace } from "./backup-target.ts";
import { backUp, pruneOld } from "./backup-work.ts";
import type { Config } from "./config.ts";
import { startJob, type Job } from "./job.ts";
import type { Log } from "./log.ts";
import type { OpenService } from "./open-manager.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** After the start, so that the first requests do not wait for it. */
const FIRST_MS = 10_000;
/** Between two looks at whether one is due. Pruning is so much late at most, which it is early by design. */
const LOOK_MS = 10 * MINUTE;
/** After a failure the next try waits so long. */
const RETRY_MS = 30 * MINUTE;

/** What the job is told beside its service. */
export interface BackupJobOptions {
  readonly log: Log;
  readonly onFailed?: (job: string) => void;
  /** Whether the clock has jumped, and nothing is to be removed by it. */
  readonly purgePaused?: () => Promise<boolean>;
  readonly clock?: () => number;
  readonly firstMs?: number;
}

/** Whether a backup is due. One that lies in the future was made under a clock that has been set back since. */
export function isBackupDue({ good, failed }: BackupStatus, now: number, intervalMs: number): boolean {
  if (failed && Math.abs(now - Date.parse(failed.at)) < Math.min(RETRY_MS, intervalMs)) return false;
  return good === null || Math.abs(now - Date.parse(good.startedAt)) >= intervalMs;
}

/** Starts the job; null: backups are not enabled. Throws `ConfigurationError` if the target lacks its keys. */
export function startBackups(config: Config, service: Pick<OpenService, "jobs" | "stored">, options: BackupJobOptions): Job | null {
  const { records } = service.stored;
  if (!config.backups || records === null) return null;
  const { log, clock = Date.now } = options;
  const place = backupPlace(config);
  const intervalMs = config.backupIntervalHours * HOUR;
  const stopping = new AbortController();
  const isDue = async (): Promise<boolean> => isBackupDue(await backupStatus(records), clock(), intervalMs);

  async function make(): Promise<void> {
    try {
      await service.jobs.deliver();
      const good = await backUp(config, service.stored, place, { clock, signal: stopping.signal, isWanted: isDue });
      log.info({ ...good }, "backed up");
    } catch (error) {
      // Another server makes it, or this one stops: the next look will see.
      if (error instanceof BackupBusyError || stopping.signal.aborted) return;
      throw error;
    }
  }

  const job = startJob({
    everyMs: Math.min(LOOK_MS, intervalMs / 2),
    firstMs: options.firstMs ?? Math.min(FIRST_MS, intervalMs),
    onError(error) {
      log.error({ err: error, job: "backup" }, "a backup failed");
      options.onFailed?.("backup");
    },
    async run() {
      if (await isDue()) await make();
      if (!stopping.signal.aborted && !(await options.purgePaused?.())) await prune(config, place, records, clock, log);
    },
  });
  return {
    ...job,
    async stop() {
      stopping.abort(new Error("the server stops"));
      await job.stop();
    },
  };
}

async function prune(config: Config, place: BackupPlace, records: Records, clock: () => number, log: Log): Promise<void> {
  const { good } = await backupStatus(records);
  // Only while backups are good: what was made before is all there is then.
  if (!good || clock() - Date.parse(good.startedAt) > 2 * config.backupIntervalHours * HOUR) return;
  const { removed, refused } = await pruneOld(config, place, clock());
  if (removed.length > 0) log.info({ removed }, "removed old backups");
  if (refused) {
    log.warn(
      {},
      "old backups were not removed, since the clock may have jumped between them and the newest ones. If it is right: itera backup --prune",
    );
  }
}
