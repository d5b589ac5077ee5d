// The lint rules, tried: each is broken on purpose in a copy of the project's set-up, and `npm run lint` must find just that.

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PORTABLE, ROOMS, type Room } from "../scripts/import-table.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const SETUP = ["package.json", "tsconfig.json", "oxlint.config.ts", "scripts"];

interface Finding {
  readonly code: string;
  readonly message: string;
  readonly filename: string;
}

/** The files to be linted, by path from the root of the copy. */
const planted = new Map<string, string>();
let folder = "";
let exitCode: number | null = null;
let findings: readonly Finding[] = [];

const rooms = Object.keys(ROOMS);
const folders = rooms.filter((room) => !room.endsWith(".ts"));
const fileIn = (room: string, name: string): string => (room.endsWith(".ts") ? room : `${room}/${name}.ts`);
const route = (from: string, to: string): string => {
  const path = relative(dirname(from), to);
  return path.startsWith(".") ? path : `./${path}`;
};
const may = (list: readonly string[] | "any" | undefined, name: string): boolean => list === "any" || (list ?? []).includes(name);

/** What a room must not do, as pairs of a line of code and what lint has to say about it. */
function violations(room: string, file: string): [line: string, message: string][] {
  const { rooms: allowed, types = [], packages, node } = ROOMS[room] as Room;
  const lines: [string, string][] = rooms
    .filter((other) => other !== room && !allowed.includes(other))
    .map((other, index) => {
      const target = route(file, fileIn(other, "target"));
      if (types.includes(other)) return [`import { target as value${index} } from "${target}"; void value${index};`, `types of ${other}`];
      return [`import type { Target as Type${index} } from "${target}"; export type Alias${index} = Type${index};`, `import ${other};`];
    });
  if (!may(packages, "pg"))
    lines.push([`export const client = await import("pg");`, "import pg;"], [`export * from "redis";`, "import redis;"]);
  if (!may(node, "node:fs"))
    lines.push([`export type Stats = import("node:fs").Stats;`, "import node:fs;"], [`import "fs";`, "import fs;"]);
  return lines;
}

/** What a room may do, all of it. */
function permitted(room: string, file: string): string {
  const { rooms: allowed, types = [], packages, node } = ROOMS[room] as Room;
  const values = allowed.map((other, index) => `export { target as value${index} } from "${route(file, fileIn(other, "target"))}";`);
  const kinds = types.map((other, index) => `export type { Target as Type${index} } from "${route(file, fileIn(other, "target"))}";`);
  const outside = [...(packages === "any" ? ["pg"] : (packages ?? [])), ...(node === "any" ? ["node:fs"] : (node ?? []))];
  return [...values, ...kinds, ...outside.map((name) => `import "${name}";`), "export const good = true;"].join("\n");
}

function plant(path: string, text: string): void {
  planted.set(path, `${text}\n`);
}

for (const room of folders) {
  plant(fileIn(room, "target"), `export interface Target { readonly name: string }\nexport const target: Target = { name: "${room}" };`);
  plant(fileIn(room, "good"), permitted(room, fileIn(room, "good")));
  plant(fileIn(room, "deep/good"), permitted(room, fileIn(room, "deep/good")));
  plant(
    fileIn(room, "bad"),
    violations(room, fileIn(room, "bad"))
      .map(([line]) => line)
      .join("\n"),
  );
  plant(fileIn(room, "any.test"), `import "pg";\nimport "../cli/target.ts";\nimport "node:fs";`);
  if (PORTABLE.includes(room)) plant(fileIn(room, "globals"), `export const size = process.pid + Buffer.byteLength("");`);
}
plant(
  "src/index.ts",
  violations("src/index.ts", "src/index.ts")
    .map(([line]) => line)
    .join("\n"),
);
plant("src/lost/file.ts", `import "../core/target.ts";`);
plant("src/core/egg.ts", `import { hen } from "./hen.ts";\nexport const egg = (): unknown => hen;`);
plant("src/core/hen.ts", `import { egg } from "./egg.ts";\nexport const hen = (): unknown => egg;`);
plant("src/core/floating.ts", `const later = async (): Promise<number> => 1;\nexport function start(): void {\n  later();\n}`);
plant(
  "src/core/misused.ts",
  `const later = async (): Promise<boolean> => true;\nexport const answer = (): number => {\n  if (later()) return 1;\n  return 2;\n};`,
);
plant("src/core/anything.ts", `export const parse = (text: string): any => JSON.parse(text);`);
plant("src/core/default.ts", `export default 1;`);
plant("src/classic/default.ts", `export default 1;`);
const lines = (count: number): string => Array.from({ length: count }, (_, index) => `export const line${index} = ${index};`).join("\n");
plant("src/core/long.ts", lines(301));
plant("src/core/full.ts", `// a comment and a blank line do not count\n\n${lines(300)}`);
plant("src/core/long.test.ts", lines(501));
plant("src/core/full.test.ts", lines(500));

/** What lint found in one file, as "rule: message". */
function found(path: string): string[] {
  return findings.filter((finding) => finding.filename === path).map(({ code, message }) => `${code}: ${message}`);
}

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "itera-lint-")));
  for (const name of SETUP) cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  for (const [path, text] of planted) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const run = spawnSync("npm", ["run", "--silent", "lint", "--", "--format", "json"], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  exitCode = run.status;
  findings = (JSON.parse(run.stdout) as { diagnostics: Finding[] }).diagnostics;
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

it("a violation fails the command", () => {
  expect(exitCode).toBe(1);
});

describe.each(rooms)("room %s", (room) => {
  const bad = fileIn(room, "bad");
  const cases = violations(room, bad);

  it("may not import what the table does not give it", () => {
    expect(cases.length).toBeGreaterThan(0);
    for (const [line, message] of cases) {
      expect(found(bad), line).toContainEqual(expect.stringMatching(`^rooms\\(imports\\): .*${message}`));
    }
    expect(found(bad).filter((text) => text.startsWith("rooms(imports)"))).toHaveLength(cases.length);
  });
});

it.each(folders)("room %s may import what the table gives it, from any depth, and its tests anything", (room) => {
  for (const name of ["good", "deep/good", "any.test"]) expect(found(fileIn(room, name))).toEqual([]);
});

it.each(folders.filter((room) => PORTABLE.includes(room)))("room %s has no global of Node's", (room) => {
  expect(found(fileIn(room, "globals"))).toEqual([expect.stringContaining("process"), expect.stringContaining("Buffer")]);
});

it("a folder in src that the table does not know is refused", () => {
  expect(found("src/lost/file.ts")).toEqual([expect.stringContaining("lies in no room")]);
});

it.each([
  ["a cycle", "src/core/egg.ts", "import(no-cycle)"],
  ["a promise that nobody awaits", "src/core/floating.ts", "no-floating-promises"],
  ["a promise taken for its value", "src/core/misused.ts", "no-misused-promises"],
  ["any", "src/core/anything.ts", "no-explicit-any"],
  ["a default export", "src/core/default.ts", "no-default-export"],
  ["a file of more than 300 lines", "src/core/long.ts", "max-lines"],
  ["a test of more than 500 lines", "src/core/long.test.ts", "max-lines"],
])("%s is found", (_, path, rule) => {
  expect(found(path)).toContainEqual(expect.stringContaining(rule));
});

it.each(["src/core/full.ts", "src/core/full.test.ts", "src/classic/default.ts"])("%s is at its limit, and passes", (path) => {
  expect(found(path)).toEqual([]);
});
