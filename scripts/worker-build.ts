// `npm run worker:build`: the Worker as it would be deployed, in `.wrangler/worker-build` or the folder that is given, from `wrangler.jsonc`, or the configuration given after it. Needs no login and no
// network. Prints its compressed size, which must stay below the limit: every cold start loads it.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** Bytes after gzip, by the name of the main module. The client of PostgreSQL takes its part. */
const LARGEST: Readonly<Record<string, number>> = { "main-postgres.js": 165_000 };
const LARGEST_ELSE = 150_000;

const root = fileURLToPath(new URL("..", import.meta.url));
const configuration = process.argv[3] ?? join(root, "wrangler.jsonc");
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
    configuration,
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

// It is named after `main` of the configuration.
const main = /^\s*"main":\s*"(.+?)"/m.exec(readFileSync(configuration, "utf8"))?.[1] ?? "main.ts";
const bundle = join(target, basename(main).replace(/\.[cm]?[jt]sx?$/, ".js"));
const bytes = gzipSync(readFileSync(bundle), { level: 9 }).length;
const largest = LARGEST[basename(bundle)] ?? LARGEST_ELSE;
console.log(`worker:build: ${bundle} has ${bytes} bytes compressed, of ${largest}`);
if (bytes > largest) {
  console.error(`worker:build: it is ${bytes - largest} bytes too large`);
  process.exit(1);
}
