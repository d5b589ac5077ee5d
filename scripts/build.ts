// Builds `dist` from nothing: `tsc` compiles, then what it leaves aside (SQL and the like) is copied to the same place.

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, globSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const source = join(root, "src");
const target = join(root, "dist");

/** What the compiler does not carry over; everything else in `src` is TypeScript. */
const ASSETS = "**/*.{sql,lua,html,css,svg,json}";

/** The API page's files, taken from the package that is only needed to build, so that nobody who installs this one installs that one. */
const API_PAGE = ["swagger-ui-bundle.js", "swagger-ui.css", "LICENSE"];

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to);
}

rmSync(target, { recursive: true, force: true });
const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
const { status } = spawnSync(process.execPath, [compiler, "-p", join(root, "tsconfig.build.json")], { stdio: "inherit" });
if (status !== 0) {
  console.error("build: tsc failed, see above; dist is incomplete");
  process.exit(1);
}

const assets = globSync(ASSETS, { cwd: source });
for (const asset of assets) copy(join(source, asset), join(target, asset));

const page = join(root, "node_modules", "swagger-ui-dist");
if (!existsSync(page)) {
  console.error("build: swagger-ui-dist is not installed; run `npm install` with development dependencies");
  process.exit(1);
}
for (const file of API_PAGE) copy(join(page, file), join(target, "api-page", file));

console.log(`build: ${relative(root, target)} compiled, ${assets.length} assets and the API page copied`);
