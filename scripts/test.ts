// `npm test`: the tests on Node, then those inside workerd, then those inside workerd with PostgreSQL. Arguments go to all; a report that is
// written to `x.json` is `x-workers.json` for the second and `x-workers-postgres.json` for the third.

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findPostgresPrograms } from "../test/postgres-server.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const given = process.argv.slice(2);

/** Whether only some tests are asked for: then a suite may have none of them. */
const some = given.some((argument, index) => !argument.startsWith("-") && !["-t", "--testNamePattern"].includes(given[index - 1] ?? ""));

/** The arguments of a suite: its reports are files of its own. */
function argumentsOf(suite: string): string[] {
  return given.map((argument) => argument.replace(/^(--outputFile[^=]*=.*?)(\.\w+)?$/, `$1${suite}$2`));
}

function run(config: string, suite: string): number {
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const args = [vitest, "run", "--config", config, ...(some ? ["--passWithNoTests"] : []), ...argumentsOf(suite)];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
  return status ?? 1;
}

/** The third suite does not start without PostgreSQL; where that could be installed and is not, it is left out, but not in CI. */
function runWithPostgres(suite: string): number {
  // Vite does not end well when it has started a runtime for nothing.
  if (some && !given.some((argument) => argument.includes("postgres"))) return 0;
  if (process.env["TEST_POSTGRES_URL"] || findPostgresPrograms() || process.env["REQUIRE_ENGINES"] === "1")
    return run("vitest.workers-postgres.config.ts", suite);
  console.warn("skipped: the tests in workerd with PostgreSQL: set TEST_POSTGRES_URL or install postgresql");
  for (const argument of argumentsOf(suite)) {
    const [, file] = /^--outputFile[^=]*=(.*\.json)$/.exec(argument) ?? [];
    if (file !== undefined) writeFileSync(file, JSON.stringify({ testResults: [] }));
  }
  return 0;
}

const codes = [run("vitest.config.ts", ""), run("vitest.workers.config.ts", "-workers"), runWithPostgres("-workers-postgres")];
process.exitCode = codes.find((code) => code !== 0) ?? 0;
