/** What the commands `backup`, `verify` and `restore` do, over the configured stores and others. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createIdGenerator } from "../../core/id.ts";
import { InvalidInputError } from "../../core/errors.ts";
import { ConversationManager } from "../../core/manager.ts";
import type { Stores } from "../../core/stores.ts";
import { BackupNotFoundError } from "../../operations/backup/backup-error.ts";
import { timeOfBackup } from "../../operations/backup/backup-id.ts";
import { BackupBusyError, LEASE_MS, withBackupLease } from "../../operations/backup/backup-lease.ts";
import type { Manifest } from "../../operations/backup/backup-manifest.ts";
import type { BackupPlace } from "../../operations/backup/backup-place.ts";
import type { GoodBackup } from "../../operations/backup/backup-status.ts";
import { openBackup } from "../../operations/backup/check-backup.ts";
import { pruneBackups, type Pruned } from "../../operations/backup/prune-backups.ts";
import { restoreBackup, type RestoreOptions, type RestoreReport } from "../../operations/backup/restore-backup.ts";
import { runBackup, type RunOptions } from "../../operations/backup/run-backup.ts";
import { createMasterKeys } from "../../security/encryption/master-keys.ts";
import { sealedStores } from "../encrypt-stores.ts";
import { backupSource } from "./backup-source.ts";
import { backupPlace, namedBackup } from "./backup-target.ts";
import type { Config } from "./config.ts";
import { openService } from "./open-manager.ts";
import { openStoresAt, type StorePlaces } from "./open-stores.ts";
import { packageVersion } from "./version.ts";

export type { Manifest } from "../../operations/backup/backup-manifest.ts";
export type { GoodBackup } from "../../operations/backup/backup-status.ts";
export type { Pruned } from "../../operations/backup/prune-backups.ts";
export type { RestoreReport } from "../../operations/backup/restore-backup.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** The name of the master key of a wrapped key. No key is needed to know it. */
function masterOf(keyring: string): string {
  return createMasterKeys([{ id: "none", key: new Uint8Array(32) }]).masterOf(keyring);
}

/** How a backup is made of what is open. */
export function backUp(
  config: Config,
  stored: Stores,
  place: BackupPlace,
  options: Partial<Pick<RunOptions, "clock" | "onProgress" | "signal" | "isWanted">> = {},
): Promise<GoodBackup> {
  return runBackup(stored, place, {
    program: packageVersion(),
    idPrefix: config.idPrefix,
    masterOf,
    source: backupSource(config, stored),
    ...options,
    clock: options.clock ?? Date.now,
  });
}

/** Removes what is past BACKUP_RETENTION_DAYS. */
export function pruneOld(config: Config, place: BackupPlace, now: number, always = false): Promise<Pruned> {
  return pruneBackups(place, {
    now,
    retentionMs: config.backupRetentionDays * DAY,
    intervalMs: config.backupIntervalHours * HOUR,
    always,
  });
}

/** One that died with the lease lets go of it after a while. */
async function patiently<T>(onWait: () => void, run: () => Promise<T>): Promise<T> {
  const until = performance.now() + LEASE_MS + 5000;
  for (let waits = 0; ; waits++) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof BackupBusyError) || performance.now() > until) throw error;
      if (waits === 0) onWait();
      await sleep(1000);
    }
  }
}

/** What a command is told while it works. */
export interface Watching {
  readonly onProgress: (part: number | null, text: string) => void;
  readonly onNote: (sentence: string) => void;
}

/** Backs up the configured stores, and removes what is past its time if `prune` says so. */
export async function backUpConfigured(
  config: Config,
  options: { target?: string | undefined; prune: boolean } & Watching,
): Promise<{ good: GoodBackup; place: string; pruned: Pruned | null }> {
  const place = backupPlace(config, options.target);
  const { jobs, stored } = await openService(config, {
    create: false,
    patience: "work",
    onError: (error, during) => options.onNote(`${during}: ${error instanceof Error ? error.message : String(error)}`),
  });
  const stopping = new AbortController();
  const stop = (): void => stopping.abort(new Error("The backup was stopped, and nothing of it was kept"));
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    await jobs.deliver();
    const onProgress = (done: number, total: number): void =>
      options.onProgress(done / Math.max(1, total), `${done} of about ${total} conversations`);
    const wait = (): void => options.onNote("another backup is under way, or was broken off a moment ago; waiting for it");
    const good = await patiently(wait, () => backUp(config, stored, place, { onProgress, signal: stopping.signal }));
    return { good, place: place.name, pruned: options.prune ? await pruneOld(config, place, Date.now(), true) : null };
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
    await jobs.close();
  }
}

/** The backups of a place, newest first. One that cannot be read is there with what is wrong. */
export async function listBackups(
  config: Config,
  target?: string,
): Promise<{ place: string; backups: { id: string; manifest: Manifest | null; wrong: string | null }[] }> {
  const place = backupPlace(config, target);
  const backups: { id: string; manifest: Manifest | null; wrong: string | null }[] = [];
  for (const id of (await place.list()).toReversed()) {
    const read = await openBackup(place, id).catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
    backups.push(typeof read === "string" ? { id, manifest: null, wrong: read } : { id, manifest: read, wrong: null });
  }
  return { place: place.name, backups };
}

/** Finds the backup that was named. Throws `BackupNotFoundError`. */
async function found(config: Config, given: string): Promise<{ place: BackupPlace; id: string }> {
  const { place, id } = namedBackup(config, given);
  if (id !== "latest") {
    if (timeOfBackup(id) === null) {
      throw new InvalidInputError(
        `${JSON.stringify(id)} is no name of a backup; they look like 20260131T020000Z-0a1b2c3d, and itera backup --list shows them`,
      );
    }
    return { place, id };
  }
  const newest = (await place.list()).at(-1);
  if (newest === undefined) throw new BackupNotFoundError(`There is no backup in ${place.name}`);
  return { place, id: newest };
}

function watched({ onProgress, onNote }: Watching): Pick<RestoreOptions, "onProgress" | "onWarning"> {
  return {
    onProgress: (step, part, done) => onProgress(part, step === "checking" ? "checked" : `${done} conversations restored`),
    onWarning: onNote,
  };
}

/** Checks every hash of a backup, and restores it into a database that is thrown away. */
export async function verifyBackup(
  config: Config,
  given: string,
  watching: Watching,
): Promise<{ manifest: Manifest; trial: RestoreReport }> {
  const { place, id } = await found(config, given);
  const manifest = await openBackup(place, id);
  const folder = mkdtempSync(join(tmpdir(), "itera-verify-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const stop = (signal: NodeJS.Signals): void => {
    remove();
    process.exit(signal === "SIGINT" ? 130 : 143);
  };
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    const { sqliteStores } = await import("../../adapters/sqlite/sqlite-stores.ts");
    const { idPrefix } = manifest;
    const { hot, archive, directory, records, close } = await sqliteStores({ path: join(folder, "trial.db"), idPrefix });
    try {
      return { manifest, trial: await restoreBackup(place, id, { hot, archive, directory, records }, { idPrefix, ...watched(watching) }) };
    } finally {
      await close();
    }
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
    remove();
  }
}

/** What a backup is, before it is restored. */
export async function describeBackup(config: Config, given: string): Promise<{ manifest: Manifest; place: BackupPlace }> {
  const { place, id } = await found(config, given);
  return { manifest: await openBackup(place, id), place };
}

/** Restores a backup into the stores of these places. What was erased after it, as far as a newer backup or the target knows, stays erased. */
export async function restoreInto(
  config: Config,
  places: StorePlaces,
  { manifest, place }: { manifest: Manifest; place: BackupPlace },
  options: { intoExisting: boolean; wanted?: { database: string; hotStore: string } } & Watching,
): Promise<RestoreReport> {
  const { wanted, onNote } = options;
  const { stores, prepare, close } = await openStoresAt(places, { onWarning: onNote, ...(wanted && { wanted }) });
  try {
    await prepare();
    const configured = backupPlace(config);
    const newer = configured.name === place.name ? [place] : [place, configured];
    const wait = (): void => onNote("another restore is under way, or was broken off a moment ago; waiting for it");
    const report = await patiently(wait, () =>
      withBackupLease(stores, crypto.randomUUID(), (signal) =>
        restoreBackup(place, manifest.id, stores, {
          idPrefix: places.idPrefix,
          intoExisting: options.intoExisting,
          newer,
          signal,
          ...watched(options),
        }),
      ),
    );
    const missing = manifest.keys.filter((id) => !config.encryptionKeys?.some((key) => key.id === id));
    if (missing.length > 0) {
      onNote(`it is encrypted: set CONVERSATION_ENCRYPTION_KEY to the master keys ${missing.join(", ")} before it is served`);
    } else {
      // So that lists and searches know all of it at once, also where no server runs.
      const sealed = sealedStores(config, stores, (error) => onNote(error instanceof Error ? error.message : String(error)));
      await new ConversationManager(sealed, { ids: createIdGenerator({ prefix: places.idPrefix }), environment: config.letter }).deliver();
    }
    return report;
  } finally {
    await close();
  }
}
