// A copy of the database file as it is at one instant, made while it is written to.

import { closeSync, openSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { Worker } from "node:worker_threads";
import { StoreUnavailableError } from "../../core/errors.ts";

const MARK = ".snapshot-";

/** The file of the worker, next to this one: `tsc` does not rewrite the extension inside `new URL`. */
const FILE = new URL(`./snapshot-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

/** Removes copies that a process has left behind which died with them. Call it only where no other one can be at work on this file. */
export function removeSnapshots(path: string): void {
  const folder = dirname(path);
  for (const name of readdirSync(folder)) if (name.startsWith(`${basename(path)}${MARK}`)) rmSync(join(folder, name), { force: true });
}

/**
 * Makes a copy beside the file, readable for its owner alone, and answers its path. What was deleted is not in it. It takes as much room as the
 * file, and a thread of its own. Throws `StoreUnavailableError`. `unique`: a text that no other copy has.
 */
export async function takeSnapshot(path: string, unique: string): Promise<string> {
  const to = `${path}${MARK}${unique}`;
  try {
    closeSync(openSync(to, "wx", 0o600));
    await new Promise<void>((resolve, reject) => {
      const worker = new Worker(FILE, { workerData: { path, to }, name: "sqlite snapshot", execArgv: [] });
      worker.once("error", reject);
      worker.once("exit", (code) => (code === 0 ? resolve() : reject(new Error(`exit code ${code}`))));
    });
    return to;
  } catch (cause) {
    rmSync(to, { force: true });
    throw new StoreUnavailableError(
      "No snapshot of the database could be made. It needs as much room beside the database's file as the file has; free space there, and try again.",
      { cause },
    );
  }
}
