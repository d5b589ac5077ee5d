/** One backup or restore of a database at a time, whichever server or command does it. */
import { setInterval } from "node:timers";
import { isoTime } from "../../core/conversation.ts";
import { ConflictError, StoreUnavailableError } from "../../core/errors.ts";
import type { Stores } from "../../core/stores.ts";

const KIND = "job";
const KEY = "backup-lease";
/** What dies without giving its lease back holds up the next one for so long, in ms. */
export const LEASE_MS = 20_000;

/** Another one has it. */
export class BackupBusyError extends ConflictError {}

/**
 * Does something while holding the lease; `signal` is aborted when the lease is lost. Throws `BackupBusyError` if another one holds it.
 * `holder` is a text of this run's own.
 */
export async function withBackupLease<T>(
  { hot, records }: Pick<Stores, "hot" | "records">,
  holder: string,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const lost = new AbortController();
  if (!records) return run(lost.signal);

  async function take(renew: boolean): Promise<void> {
    const { now } = await hot.probe();
    const there = await records!.get(KIND, KEY);
    const mine = there !== null && (there.value as { holder?: unknown } | null)?.holder === holder;
    if (there !== null && !mine) throw busy();
    // One that has ended while this process was held up may have been another's in between.
    if (renew && there === null) throw new StoreUnavailableError("The backup was held up for too long and was given up. Run it again.");
    const value = { holder, at: isoTime(now) };
    const { won } = await records!.put(KIND, KEY, value, { ifVersion: there?.version ?? 0, until: now + LEASE_MS });
    if (!won) throw busy();
  }

  await take(false);
  let renewing: Promise<void> = Promise.resolve();
  let failedSince: number | null = null;
  const timer = setInterval(() => {
    renewing = take(true).then(
      () => void (failedSince = null),
      (error: unknown) => {
        // A store that is away for a moment is no loss of the lease.
        failedSince ??= performance.now();
        if (!(error instanceof StoreUnavailableError) || performance.now() - failedSince > LEASE_MS / 3) lost.abort(error);
      },
    );
  }, LEASE_MS / 4);
  try {
    return await run(lost.signal);
  } finally {
    clearInterval(timer);
    await renewing;
    if (!lost.signal.aborted) await records.remove(KIND, KEY).catch(() => {});
  }
}

function busy(): BackupBusyError {
  return new BackupBusyError("Another backup or restore of this database is under way; try again when it has ended, or in half a minute");
}
