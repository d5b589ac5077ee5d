// Real processes of this project: the command `itera` and the server, run from source in a folder of their own, with no variables but the given ones.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Where a process runs and what it is given. */
export interface Place {
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What is sent to its standard input. */
  readonly input?: string | Buffer;
  /** A program and arguments that run it, such as `strace`. */
  readonly under?: readonly string[];
}

/** How a process ended, and all that it wrote. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process that runs. It is killed when the test ends, if it has not ended by then. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What it wrote to standard output up to now. */
  stdout(): string;
  stderr(): string;
  /** Waits until its standard output holds the text. */
  saying(text: string): Promise<void>;
}

function start(script: string, args: readonly string[], { folder, env, input, under = [] }: Place): Running {
  const [program = "", ...rest] = [...under, process.execPath, `${ROOT}${script}`, ...args];
  const child = spawn(program, rest, {
    cwd: folder,
    env: { PATH: process.env.PATH ?? "", HOME: folder, TZ: "UTC", ...env },
    stdio: ["pipe", "pipe", "pipe"],
    // What runs under another program outlives it, unless their group is ended as a whole.
    detached: under.length > 0,
  });
  const written = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (written.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (written.stderr += text));
  // A process that ends early does not read its input to the end.
  child.stdin.on("error", () => {}).end(input);
  const ended = once(child, "close").then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
    ...written,
  }));
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) process.kill(under.length > 0 ? -child.pid! : child.pid!, "SIGKILL");
    await ended;
  });
  return {
    child,
    ended,
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    async saying(text) {
      while (!written.stdout.includes(text)) {
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(`it ended without saying ${text}: ${written.stderr}`);
        await Promise.race([once(child.stdout, "data"), once(child, "close")]);
      }
    },
  };
}

/** Runs `itera` with these arguments to its end. */
export function itera(args: readonly string[], place: Place): Promise<Ended> {
  return start("src/cli/main.ts", args, place).ended;
}

/** Starts `itera` and lets it run. */
export function startItera(args: readonly string[], place: Place): Running {
  return start("src/cli/main.ts", args, place);
}

/** What `npm start` runs. */
export const MAIN = "src/runtimes/node/main.ts";

/** Starts what `npm start` runs, on any free port unless told otherwise, and waits until it serves. */
export function startMain(place: Place): Promise<Running & { url: string }> {
  return startServing(MAIN, place);
}

/** The same of another script that greets in the same way. */
export async function startServing(script: string, place: Place): Promise<Running & { url: string }> {
  const running = start(script, [], { ...place, env: { PORT: "0", ...place.env } });
  await running.saying("Stop with Ctrl+C.");
  const url = /serves on (\S+)/.exec(running.stdout())![1]!;
  return { ...running, url };
}

/** Runs what `npm start` runs, to its end. */
export function main(place: Place): Promise<Ended> {
  return start(MAIN, [], place).ended;
}
