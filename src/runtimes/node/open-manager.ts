/** From a configuration to a manager over open stores: what server and command line share. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { makeFolder } from "../../adapters/sqlite/make-folder.ts";
import { StoreUnavailableError } from "../../core/errors.ts";
import { createIdGenerator } from "../../core/id.ts";
import { ConversationManager } from "../../core/manager.ts";
import type { ManagerOptions } from "../../core/settings.ts";
import type { Stores } from "../../core/stores.ts";
import type { Config } from "./config.ts";
import { keptSecret } from "./kept-secret.ts";

/**
 * How stores are opened. `create` (default true): make the database if it is not there; else that is an error. `stores`:
 * take these instead of the configured ones.
 */
export interface OpenOptions extends Pick<ManagerOptions, "onEvent" | "onError"> {
  create?: boolean;
  stores?: Stores;
}

/** Opens the configured stores. Throws `StoreUnavailableError` with a sentence that names the file or folder. */
export async function openStores(config: Config, { create = true }: OpenOptions = {}): Promise<Stores> {
  const { path } = config.database;
  if (!create && !existsSync(path)) {
    throw new StoreUnavailableError(
      `There is no database at ${path}. Set DATABASE_URL to the one you mean, or start the server once to make it.`,
    );
  }
  await onDisk(`The folder ${dirname(path)} cannot be made`, () => makeFolder(dirname(path), 0o700));
  const { sqliteStores } = await import("../../adapters/sqlite/sqlite-stores.ts");
  return onDisk(`The database ${path} cannot be opened`, () => sqliteStores({ path, idPrefix: config.idPrefix }));
}

/** Opens the stores and puts a manager over them. Closing the manager closes them. */
export async function openManager(config: Config, options: OpenOptions = {}): Promise<ConversationManager> {
  const stores = options.stores ?? (await openStores(config, options));
  try {
    const { onEvent, onError } = options;
    const secret = await onDisk("The secret beside the database cannot be kept", () => keptSecret(config));
    return new ConversationManager(stores, {
      environment: config.letter,
      ids: createIdGenerator({ prefix: config.idPrefix }),
      ttlHours: config.ttlHours,
      maxExtensionHours: config.maxExtensionHours,
      reactivationHours: config.reactivationHours,
      retentionYears: config.retentionYears,
      eventRetentionDays: config.eventRetentionDays,
      subjectKeys: config.subjectKeys,
      secret,
      backupRetentionDays: config.backups ? config.backupRetentionDays : null,
      ...(onEvent && { onEvent }),
      ...(onError && { onError }),
    });
  } catch (error) {
    await stores.hot.close();
    await stores.archive?.close();
    throw error;
  }
}

/** Does something with files; what the file system throws becomes a sentence. */
async function onDisk<T>(what: string, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (code === undefined || syscall === undefined) throw error;
    throw new StoreUnavailableError(`${what} (${code}). Check who may write there, and that the disk is not full.`, { cause: error });
  }
}
