// The package as others get it: built, packed, unpacked into a project of their own, used under its subpaths.

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { olderTests, ROOT, runOlderTests } from "./run-older-tests.ts";

const MODULES = {
  "../src/utils/conversation-id-generator.js": "itera-conversations/utils/conversation-id-generator",
  "../src/storage/conversation-storage-manager.js": "itera-conversations/storage/conversation-storage-manager",
  "../src/app.js": "itera-conversations/app",
};

const BUILT_FROM = [
  "src",
  "scripts",
  "bin",
  "package.json",
  "tsconfig.json",
  "tsconfig.build.json",
  "web-globals.d.ts",
  "README.md",
  "LICENSE",
];

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
}
const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as Manifest;

/** Links packages of this project into another one, as an installation would put them there. */
function link(names: readonly string[], folder: string): void {
  for (const name of names) {
    const target = join(folder, "node_modules", name);
    mkdirSync(dirname(target), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", name), target);
  }
}

/** Runs a program to its end; if it fails, with what it said. */
function run(program: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} failed:\n${stdout}\n${stderr}`);
  return stdout;
}

/** A project in `folder` that has the package installed. The build is one of its own, in the folder `build`. */
function install(folder: string, build: string): void {
  mkdirSync(build);
  for (const each of BUILT_FROM) cpSync(join(ROOT, each), join(build, each), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(build, "node_modules"));
  run(process.execPath, ["scripts/build.ts"], build);
  run("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", build], build);
  const tarball = readdirSync(build).find((name) => name.endsWith(".tgz"))!;

  const target = join(folder, "node_modules/itera-conversations");
  mkdirSync(target, { recursive: true });
  run("tar", ["-xzf", join(build, tarball), "-C", target, "--strip-components=1"], folder);
  link([...Object.keys(manifest.dependencies), "vitest", "supertest"], folder);
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
}

describe("the packed package", () => {
  const both = mkdtempSync(join(tmpdir(), "itera-"));
  const folder = join(both, "project");

  beforeAll(() => {
    install(folder, join(both, "build"));
  });
  afterAll(() => {
    rmSync(both, { recursive: true, force: true });
  });

  it.each(olderTests())("older code's two test files %s pass with nothing changed but their imports", async (_title, files) => {
    const changed = Object.fromEntries(
      Object.entries(files).map(([name, code]) => [
        name,
        Object.entries(MODULES).reduce(
          (text, [from, to]) => text.replaceAll(`'${from}'`, `'${to}'`).replaceAll(`"${from}"`, `"${to}"`),
          code,
        ),
      ]),
    );
    const { passed, failed, exitCode, output } = await runOlderTests(folder, changed, {});
    expect({ exitCode, failed, several: passed > 10 }, output).toEqual({ exitCode: 0, failed: 0, several: true });
  });

  it("every subpath but the Worker's loads under plain Node, the older ones with a default export", () => {
    // The Worker imports what only its runtime has.
    const subpaths = Object.keys(manifest.exports).filter((subpath) => subpath !== "./package.json" && !subpath.startsWith("./worker"));
    const script = `
      for (const subpath of ${JSON.stringify(subpaths)}) {
        const module = await import("itera-conversations" + subpath.slice(1));
        console.log(subpath, Object.keys(module).includes("default"));
      }`;
    writeFileSync(join(folder, "load.mjs"), script);
    const lines = run(process.execPath, ["load.mjs"], folder).trim().split("\n");
    expect(lines.map((line) => line.split(" ")[0])).toEqual(subpaths);
    expect(lines.filter((line) => line.endsWith("true")).map((line) => line.split(" ")[0])).toEqual([
      "./utils/conversation-id-generator",
      "./storage/conversation-storage-manager",
      "./routes/conversations",
      "./app",
    ]);
  });
});
