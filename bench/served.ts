// A server in a process of its own: the built product, or the bare route that it is compared with.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const BUILT = join(process.env["BENCH_DIST"] ?? fileURLToPath(new URL("../dist", import.meta.url)), "runtimes/node/main.js");
const BARE = fileURLToPath(new URL("./bare-route.ts", import.meta.url));

/** A server that runs. */
export interface Served {
  readonly url: string;
  /** Milliseconds from the start of its process until it said where it listens. */
  readonly startedMs: number;
  /** Resident memory in MB, as the system counts it. Linux alone. */
  residentMb(): number;
  /** Open files. Linux alone. */
  openFiles(): number;
  stop(): Promise<void>;
}

/** How a server is run. */
export interface ServedOptions {
  which: "ours" | "bare route";
  folder: string;
  /** How long its syncs take, in ms; null: as long as the disk wants. Needs strace. */
  syncMs?: number | null;
}

function programOf({ which, syncMs = null }: ServedOptions): string[] {
  if (which === "ours" && !existsSync(BUILT)) throw new Error(`${BUILT} is not there: run "npm run build" first`);
  const program = [process.execPath, which === "ours" ? BUILT : BARE];
  if (syncMs === null) return program;
  const inject = `inject=fsync,fdatasync:delay_exit=${syncMs * 1000}`;
  return ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", inject, ...program];
}

/** Starts a server on a free port, its database in `folder`, and waits until it listens. */
export async function startServed(options: ServedOptions): Promise<Served> {
  const [program = "", ...args] = programOf(options);
  const env = {
    PATH: process.env["PATH"] ?? "",
    PORT: "0",
    LOG_LEVEL: "warn",
    DATABASE_URL: `sqlite:${join(options.folder, "served.db")}`,
  };
  const began = performance.now();
  const logPath = join(options.folder, "served.log");
  const log = openSync(logPath, "a");
  const child = spawn(program, args, { cwd: options.folder, env, stdio: ["ignore", "pipe", log] });
  closeSync(log);
  const ended = once(child, "exit");
  let said = "";
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      const found = /http:\/\/[\d.]+:\d+/.exec(said)?.[0];
      if (found !== undefined) resolve(found);
    });
    child.once("error", reject);
    void ended.then(([code]) => reject(new Error(`the server ended with code ${String(code)}:\n${readFileSync(logPath, "utf8")}`)));
  });
  // Under strace, which keeps signals from itself, the server is its only child.
  const traced = (options.syncMs ?? null) === null ? "" : readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8");
  const pid = traced === "" ? child.pid! : Number(traced.trim());
  const of = (name: string): string => `/proc/${pid}/${name}`;
  return {
    url,
    startedMs: performance.now() - began,
    residentMb: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(of("status"), "utf8"))?.[1]) / 1024,
    openFiles: () => readdirSync(of("fd")).length,
    async stop() {
      process.kill(pid, "SIGTERM");
      await ended;
    },
  };
}
