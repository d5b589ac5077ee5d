// Overwriting what was wiped: the log is moved into the file, and what was left behind in its pages is overwritten by a process of its own.

import { spawn, type ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { StoreUnavailableError } from "../../core/errors.ts";
import type { Connection } from "./connection.ts";

/** The exit code of the process when others left it no room; 0: all is overwritten. */
export const BUSY = 3;

const SELECT_UNSCRUBBED =
  "SELECT 1 FROM meta AS wiped JOIN meta AS scrubbed WHERE wiped.name = 'wiped' AND scrubbed.name = 'scrubbed' AND wiped.value <> scrubbed.value";
const COUNT_WIPED = "UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'wiped'";

/** So long a caller waits for the process, in ms: enough to see the end of a short one when asking again and again, too little to hold up a request. */
const MOMENT_MS = 50;

/** The file of the process, next to this one: `tsc` does not rewrite the extension inside `new URL`. */
const FILE = fileURLToPath(new URL(`./scrub-process${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url));

/** Notes, inside its transaction, that something was wiped. */
export function noteWiped(connection: Connection): void {
  connection.run(COUNT_WIPED);
}

/** Whether something was wiped since everything was last overwritten. */
export function isUnscrubbed(connection: Connection): boolean {
  return connection.get(SELECT_UNSCRUBBED) !== undefined;
}

/** Runs the process, one at a time. */
export interface Scrubber {
  /** Starts the process unless it runs, and waits for it a moment. Throws `StoreUnavailableError` if it, or the one before it, failed. */
  advance(): Promise<void>;
  /** Ends the process. Whatever it has not done yet is done by the next one. */
  stop(): Promise<void>;
}

interface Run {
  child: ChildProcess;
  /** Resolves when it has ended. */
  ended: Promise<void>;
  isRunning: boolean;
  failure: Error | null;
}

function start(path: string): Run {
  // Without what the host program loads into every Node.
  const env = { ...process.env, NODE_OPTIONS: "" };
  const child = spawn(process.execPath, [FILE, path], { stdio: ["ignore", "ignore", "pipe"], windowsHide: true, env });
  // It does not keep this process alive: it finishes without it.
  child.unref();
  // The cast: a pipe is a socket, which its type does not say.
  const stderr = child.stderr as Socket;
  stderr.unref();
  let said = "";
  stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const run: Run = { child, ended: Promise.resolve(), isRunning: true, failure: null };
  run.ended = new Promise((resolve) => {
    child.on("error", (cause) => {
      run.failure = cause;
      run.isRunning = false;
      resolve();
    });
    child.on("close", (code) => {
      if (code !== 0 && code !== BUSY) run.failure ??= new Error(said.trim() || `exit code ${code}`);
      run.isRunning = false;
      resolve();
    });
  });
  return run;
}

/** A scrubber for a database file. */
export function scrubberOf(path: string): Scrubber {
  let run: Run | null = null;
  let isStopped = false;

  function check(): void {
    const failure = run?.isRunning === false ? run.failure : null;
    if (failure === null || isStopped) return;
    run = null;
    throw new StoreUnavailableError("Overwriting what was wiped failed; it is tried again with the next scrub", { cause: failure });
  }

  return {
    async advance() {
      check();
      if (isStopped) return;
      if (run === null || !run.isRunning) run = start(path);
      await Promise.race([run.ended, sleep(MOMENT_MS)]);
      check();
    },
    async stop() {
      isStopped = true;
      if (run === null || !run.isRunning) return;
      run.child.kill();
      // Its end is waited for now: without this the host could end first, with the waiting unfinished.
      run.child.ref();
      (run.child.stderr as Socket).ref();
      await run.ended;
    },
  };
}
