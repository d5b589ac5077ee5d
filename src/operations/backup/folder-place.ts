/** Backups in a folder: a folder each, written under another name, synced, and renamed last. */
import { constants } from "node:fs";
import { lstat, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { StoreUnavailableError } from "../../core/errors.ts";
import { BackupNotFoundError, damaged } from "./backup-error.ts";
import { timeOfBackup } from "./backup-id.ts";
import { MANIFEST, type BackupPlace } from "./backup-place.ts";

const DRAFT = ".partial";

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * A folder with backups. It is made when the first one is written. `owner`: names the database, so that drafts of others, which may
 * be under way, are left alone.
 */
export function folderPlace(path: string, owner: string): BackupPlace {
  const mine = `.${owner}${DRAFT}`;

  async function onDisk<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      const code = codeOf(error);
      if (code === undefined || (error as NodeJS.ErrnoException).syscall === undefined) throw error;
      const full = code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG";
      throw new StoreUnavailableError(
        full
          ? `There is no room for the backup in ${path} (${code}). Free space there; backups that were made before are as they were.`
          : `The backups in ${path} cannot be reached (${code}). Check that the folder is there, and who may read and write it.`,
        { cause: error },
      );
    }
  }

  async function names(): Promise<string[]> {
    try {
      return await readdir(path);
    } catch (error) {
      if (codeOf(error) === "ENOENT") return [];
      throw error;
    }
  }

  return {
    name: path,
    list: () => onDisk(async () => (await names()).filter((name) => timeOfBackup(name) !== null).toSorted()),

    begin: (id) =>
      onDisk(async () => {
        await mkdir(path, { recursive: true, mode: 0o700 });
        const draft = join(path, `.${id}${mine}`);
        await mkdir(draft, { mode: 0o700 });
        return {
          put: (name, bytes) => onDisk(() => writeSynced(join(draft, name), bytes)),
          finish: (manifest) =>
            onDisk(async () => {
              await writeSynced(join(draft, MANIFEST), manifest);
              await syncFolder(draft);
              await rename(draft, join(path, id));
              await syncFolder(path);
            }),
          abandon: () => onDisk(() => rm(draft, { recursive: true, force: true })),
        };
      }),

    files: (id) =>
      onDisk(async () => {
        const folder = join(path, id);
        const found = await lstat(folder).catch((error: unknown) => {
          if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return null;
          throw error;
        });
        if (found === null) throw new BackupNotFoundError(`There is no backup ${id} in ${path}`);
        // A link could lead anywhere.
        if (!found.isDirectory()) throw damaged(`${id} is no folder`);
        return Promise.all(
          (await readdir(folder)).toSorted().map(async (name) => {
            const file = await lstat(join(folder, name));
            return { name, kind: file.isFile() ? ("file" as const) : ("other" as const), bytes: file.size };
          }),
        );
      }),

    read: (id, name, limit) =>
      onDisk(async () => {
        const file = await open(join(path, id, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
          (error: unknown) => {
            if (codeOf(error) === "ENOENT") throw damaged(`${name} is missing`);
            if (codeOf(error) === "ELOOP") throw damaged(`${name} is no plain file`);
            throw error;
          },
        );
        try {
          const stat = await file.stat();
          if (!stat.isFile()) throw damaged(`${name} is no plain file`);
          if (stat.size > limit) throw damaged(`${name} has ${stat.size} bytes, more than ${limit}`);
          return await file.readFile();
        } finally {
          await file.close();
        }
      }),

    remove: (id) =>
      onDisk(async () => {
        // Without its manifest it is none, whatever stops the rest of this.
        const gone = join(path, `.${id}${mine}`);
        await rename(join(path, id), gone).catch((error: unknown) => {
          if (codeOf(error) !== "ENOENT") throw error;
        });
        await rm(gone, { recursive: true, force: true });
      }),

    tidy: () =>
      onDisk(async () => {
        for (const name of await names()) {
          if (name.startsWith(".") && name.endsWith(mine) && timeOfBackup(name.slice(1, -mine.length)) !== null)
            await rm(join(path, name), { recursive: true, force: true });
        }
      }),
  };
}
