// The lock of the writer, shared fairly with other processes that write the same file.

import { StoreUnavailableError } from "../../core/errors.ts";
import type { Connection } from "./connection.ts";
import { isBusy } from "./sqlite-errors.ts";

/** For so long a group waits for another process before it is refused. */
const WAIT_MS = 4000;
const POLL_MS = 1;

/** For so long after another process was met, this one pauses before each group, so that the other gets its turn. */
const SHARED_MS = 1000;

const never = new Int32Array(new SharedArrayBuffer(4));
let metAt = -Infinity;
let lastBegan = 0;

function pause(ms: number): void {
  Atomics.wait(never, 0, 0, ms);
}

/**
 * Begins a transaction that may write. Whoever waits polls every millisecond, rather than ever more slowly as SQLite does; whoever has
 * met another waits a moment before taking the lock again. Throws `StoreUnavailableError` after four seconds.
 */
export function beginFairly(connection: Connection): void {
  const start = performance.now();
  if (start - metAt < SHARED_MS && start - lastBegan < SHARED_MS) pause(POLL_MS + Math.random());
  for (;;) {
    try {
      connection.run("BEGIN IMMEDIATE");
      lastBegan = performance.now();
      return;
    } catch (error) {
      if (!isBusy(error)) throw error;
      metAt = performance.now();
      if (metAt - start > WAIT_MS) {
        throw new StoreUnavailableError(
          `The database file was locked by another process for ${WAIT_MS / 1000} seconds; try again, and look for a backup or a shell that keeps it locked`,
          { cause: error },
        );
      }
      pause(POLL_MS * (0.5 + Math.random()));
    }
  }
}
