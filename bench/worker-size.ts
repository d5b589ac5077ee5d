// How large the Worker is as it would be deployed: bundled, minified and compressed.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { rowsAsMarkdown, within, type Row } from "./row.ts";

const BUILD = fileURLToPath(new URL("../scripts/worker-build.ts", import.meta.url));
const LARGEST_KB = 150;

/** Bundles the Worker: some seconds. The files of its API page must have been built. */
export async function run(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "bench-"));
  try {
    execFileSync(process.execPath, [BUILD, folder], { stdio: ["ignore", "ignore", "inherit"] });
    const bytes = gzipSync(readFileSync(join(folder, "main.js")), { level: 9 }).length;
    return [within("the Worker's bundle, compressed", bytes / 1000, LARGEST_KB, "kB")];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (import.meta.main) console.log(rowsAsMarkdown(await run()));
