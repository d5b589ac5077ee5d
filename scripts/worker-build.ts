// `npm run worker:build`: the Worker as it would be deployed, in `.wrangler/worker-build` or the folder that is given. Needs no login and no
// network. Prints its compressed size, which must stay below the limit: every cold start loads it.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** Bytes after gzip. */
const LARGEST = 150_000;

const root = fileURLToPath(new URL("..", import.meta.url));
const target = process.argv[2] ?? join(root, ".wrangler/worker-build");

if (!existsSync(join(root, "dist/api-page"))) {
  console.error("worker:build: the files of the API page are missing; run `npm run build` once");
  process.exit(1);
}

const { status } = spawnSync(
  process.execPath,
  [
    join(root, "node_modules/wrangler/bin/wrangler.js"),
    "deploy",
    "--dry-run",
    "--minify",
    "--config",
    join(root, "wrangler.jsonc"),
    "--env",
    "production",
    "--outdir",
    target,
  ],
  { stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, WRANGLER_SEND_METRICS: "false" } },
);
if (status !== 0) {
  console.error("worker:build: wrangler failed, see above");
  process.exit(1);
}

const bundle = join(target, "main.js");
const bytes = gzipSync(readFileSync(bundle), { level: 9 }).length;
console.log(`worker:build: ${bundle} has ${bytes} bytes compressed, of ${LARGEST}`);
if (bytes > LARGEST) {
  console.error(`worker:build: it is ${bytes - LARGEST} bytes too large`);
  process.exit(1);
}
