// A benchmark in a process whose disk syncs take a given time, whatever the disk: its files are in memory, and strace delays the call.

import { spawnSync } from "node:child_process";
import { accessSync, constants, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BenchOptions, Row } from "./row.ts";

const VARIABLE = "BENCH_SYNC_MS";
const MEMORY = "/dev/shm";

/** How long a sync takes in this process, in words. */
export function syncsInWords(): string {
  const given = process.env[VARIABLE];
  return given === undefined ? "syncs as they are" : `syncs of ${given} ms`;
}

/** How long a sync takes in this process, in milliseconds; null: as long as the disk wants. */
export function syncMs(): number | null {
  const given = process.env[VARIABLE];
  return given === undefined ? null : Number(given);
}

/** A new folder for databases: in memory where there is such a place, else with the temporary files. */
export function databaseFolder(): string {
  try {
    accessSync(MEMORY, constants.W_OK);
    return mkdtempSync(join(MEMORY, "bench-"));
  } catch {
    return mkdtempSync(join(tmpdir(), "bench-"));
  }
}

/** Runs a benchmark's file in a process whose syncs take `ms`; there it prints its rows as JSON. Without strace: null, and a word on standard error. */
export function withSyncsOf(ms: number, file: string, { quick }: BenchOptions): Row[] | null {
  const strace = ["-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync"];
  const inject = ["-e", `inject=fsync,fdatasync:delay_exit=${ms * 1000}`];
  const command = [...strace, ...inject, process.execPath, file, ...(quick ? ["--quick"] : [])];
  const env = { ...process.env, [VARIABLE]: String(ms) };
  const { status, stdout, stderr } = spawnSync("strace", command, { encoding: "utf8", env, maxBuffer: 1e8 });
  if (status === 0) return JSON.parse(stdout) as Row[];
  console.error(`skipped: syncs of ${ms} ms need strace, which ${status === null ? "is not installed" : `failed: ${stderr}`}`);
  return null;
}

/** Whether strace can be run; if not, a word on standard error. */
export function straceIsHere(): boolean {
  const here = spawnSync("strace", ["-V"]).status === 0;
  if (!here) console.error("skipped: syncs of a given time need strace, which is not installed");
  return here;
}
