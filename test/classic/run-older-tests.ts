// Test files as older code has them, run by a vitest of their own: jest's globals, the older module paths, nothing else changed.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Test files by name. */
export type TestFiles = Readonly<Record<string, string>>;

/** What came of a run. */
export interface RunResult {
  readonly passed: number;
  readonly failed: number;
  /** Of vitest: 0 only if nothing at all went wrong. */
  readonly exitCode: number | null;
  /** The output, for when something failed. */
  readonly output: string;
}

const NAMES = ["conversation-id-system.test.js", "conversation-api.integration.test.js"] as const;

/** The guide that older code was written to, if it lies beside this project. */
const GUIDE = join(ROOT, "../shared/000_62fc8776a3571858.txt");

/** The two files in our own words and, where the guide is at hand, its own two. Only the length of IDs differs: 36, not 32. */
export function olderTests(): [title: string, files: TestFiles][] {
  const own = Object.fromEntries(NAMES.map((name) => [name, readFileSync(new URL(`older-tests/${name}`, import.meta.url), "utf8")]));
  const sets: [string, TestFiles][] = [["in our own words", own]];
  if (existsSync(GUIDE)) {
    const blocks = [...readFileSync(GUIDE, "utf8").matchAll(/```javascript\n\/\/ \/api\/tests\/(\S+)\n([\s\S]*?)```/g)];
    const files = blocks.map(([, name = "", code = ""]) => [name, code.replace("toHaveLength(32)", "toHaveLength(36)")]);
    sets.push(["of the guide itself", Object.fromEntries(files) as TestFiles]);
  }
  return sets;
}

/**
 * Runs test files in `folder`, which must have a `node_modules`. `modules` says what stands for a module path as older
 * code has it (`../src/app.js`).
 */
export async function runOlderTests(folder: string, files: TestFiles, modules: Readonly<Record<string, string>>): Promise<RunResult> {
  mkdirSync(join(folder, "tests"), { recursive: true });
  for (const [name, code] of Object.entries(files)) writeFileSync(join(folder, "tests", name), code);
  writeFileSync(join(folder, "jest.js"), `import { vi } from "vitest";\nglobalThis.jest = vi;\n`);
  const alias = Object.entries(modules).map(([find, replacement]) => ({ find, replacement }));
  const config = {
    resolve: { alias },
    test: { globals: true, setupFiles: ["./jest.js"], pool: "forks", maxWorkers: 1, testTimeout: 30_000 },
  };
  writeFileSync(join(folder, "vitest.config.js"), `export default ${JSON.stringify(config)};\n`);

  const { DATABASE_URL: _database, ENVIRONMENT: _environment, ...env } = process.env;
  const child = spawn(
    process.execPath,
    [
      join(ROOT, "node_modules/vitest/vitest.mjs"),
      "run",
      "--root",
      folder,
      "--reporter=default",
      "--reporter=json",
      "--outputFile.json=result.json",
    ],
    { cwd: folder, env: { ...env, VITEST: "", NODE_ENV: "test", NO_COLOR: "1" }, stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const [exitCode] = (await once(child, "close")) as [number | null];
  const result = JSON.parse(readFileSync(join(folder, "result.json"), "utf8")) as { numPassedTests: number; numTotalTests: number };
  return { passed: result.numPassedTests, failed: result.numTotalTests - result.numPassedTests, exitCode, output };
}
