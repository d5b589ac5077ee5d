// The servers that a run of the tests starts for itself: one of each kind, at the first demand from whichever test process, for all of them.

import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The engines that can be started from their programs. */
export type StartableEngine = "postgresql" | "redis";

/** What the keeper of an engine leaves in the run's folder: its process, and where the engine serves or why it does not. */
export type Kept = { readonly keeper: number; readonly url: string } | { readonly keeper: number; readonly reason: string };

const KEEPER = fileURLToPath(new URL("engine-keeper.ts", import.meta.url));
const LONGEST_START_MS = 60_000;

/** Makes the folder of a run, whose engines end when the process `owner` has gone, and makes it known to all processes started later. */
export function openEngineFolder(owner: number): string {
  const folder = mkdtempSync(join(tmpdir(), "itera-engines-"));
  // PostgreSQL may run as another user and has to pass through.
  chmodSync(folder, 0o711);
  process.env.ITERA_TEST_ENGINES = folder;
  process.env.ITERA_TEST_OWNER = String(owner);
  return folder;
}

/** Where the keeper of an engine says what became of it. */
export function keptPath(folder: string, engine: StartableEngine): string {
  return join(folder, `${engine}.json`);
}

/** Reads what the keeper said; null: it has not spoken yet. */
export function readKept(folder: string, engine: StartableEngine): Kept | null {
  const path = keptPath(folder, engine);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Kept) : null;
}

/** True for the one process that is to start this engine: making a folder succeeds once. */
function isFirst(folder: string, engine: StartableEngine): boolean {
  try {
    mkdirSync(join(folder, engine), { mode: 0o711 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Where this run's own engine serves; started now, if nobody has asked before. Waits without yielding, since suites are declared so. */
export function demandEngine(engine: StartableEngine): { url: string } | { reason: string } {
  const folder = process.env.ITERA_TEST_ENGINES ?? openEngineFolder(process.pid);
  if (isFirst(folder, engine)) {
    const owner = process.env.ITERA_TEST_OWNER ?? String(process.pid);
    spawn(process.execPath, [KEEPER, engine, folder, owner], { detached: true, stdio: "ignore" }).unref();
  }
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; waited < LONGEST_START_MS; waited += 20) {
    const kept = readKept(folder, engine);
    if (kept !== null) return kept;
    Atomics.wait(pause, 0, 0, 20);
  }
  return { reason: `it did not start within ${LONGEST_START_MS / 1000} seconds` };
}
