// A SQLite database with conversations of every kind, and backups of it in a folder.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Stores } from "../../src/core/stores.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import type { BackupPlace } from "../../src/operations/backup/backup-place.ts";
import type { GoodBackup } from "../../src/operations/backup/backup-status.ts";
import { folderPlace } from "../../src/operations/backup/folder-place.ts";
import { runBackup, type RunOptions } from "../../src/operations/backup/run-backup.ts";
import { allThatPortsAnswer } from "../all-that-ports-answer.ts";
import { openedAt, temporaryPath } from "../adapters/temporary-database.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { varyConversations, type Varied } from "../varied-conversations.ts";

/** Stores of a new SQLite file that nothing is in. */
export async function emptyStores(path = temporaryPath()): Promise<Stores> {
  const { hot, archive, directory, records } = await openedAt(path);
  return { hot, archive, directory, records };
}

/** A database, its manager, a folder for backups, and what is in the database. */
export interface BackupWorld {
  readonly path: string;
  readonly stores: Stores;
  readonly manager: ConversationManager;
  readonly folder: string;
  readonly place: BackupPlace;
  readonly varied: Varied;
}

/** Fills a new one. */
export async function backupWorld(): Promise<BackupWorld> {
  const path = temporaryPath();
  const stores = await emptyStores(path);
  const manager = new ConversationManager(stores, { environment: "D" });
  const varied = await varyConversations(manager);
  const folder = join(temporaryFolder(), "backups");
  return { path, stores, manager, folder, place: folderPlace(folder, "here"), varied };
}

/** Backs up stores as they are. */
export function backUp(stores: Stores, place: BackupPlace, options: Partial<RunOptions> = {}): Promise<GoodBackup> {
  return runBackup(stores, place, {
    program: "1.2.3",
    idPrefix: "ITERA",
    clock: Date.now,
    masterOf: (keyring) => keyring.split(".")[1] ?? "",
    source: async () => ({ stores, consistency: "conversation", close: async () => {} }),
    ...options,
  });
}

/** What all ports answer, but for incarnations, which a restore draws anew. */
export async function answersOf(stores: Stores): Promise<unknown> {
  const answers = await allThatPortsAnswer(stores);
  return JSON.parse(
    JSON.stringify(answers, (key, value: unknown) => {
      if (key === "incarnation") return "any";
      // A sum, which rounds in the order in which it was made.
      return key === "seconds" && typeof value === "number" ? Math.round(value * 1000) : value;
    }),
  );
}

/** Everything that a backup says, decompressed. */
export function textOf(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)))
    .map((bytes) => (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString())
    .join("\n");
}
