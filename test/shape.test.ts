// The shape of the package: what it exports exists and loads, and what is said in two places agrees.

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { PORTABLE, ROOMS } from "../scripts/import-table.ts";

const root = new URL("../", import.meta.url);
const json = (path: string): unknown => JSON.parse(readFileSync(new URL(path, root), "utf8"));

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const manifest = json("package.json") as Manifest;

/** The subpaths that are code, with the source that each is built from. */
const subpaths = Object.entries(manifest.exports).flatMap(([subpath, target]) => {
  if (typeof target === "string") return [];
  return [{ subpath, ...target, source: target.default.replace("./dist/", "src/").replace(/\.js$/, ".ts") }];
});

/** What only workerd can load; the tests that run there do. */
const ON_WORKERS = ["./worker"];

describe.each(subpaths)("the subpath $subpath", ({ types, default: code, source }) => {
  it("is built from a file in src, and has the types of the same file", () => {
    expect(existsSync(new URL(source, root)), `${source} is missing`).toBe(true);
    expect(code).toMatch(/^\.\/dist\/[a-z0-9/-]+\.js$/);
    expect(types).toBe(code.replace(/\.js$/, ".d.ts"));
  });
});

it.each(subpaths.filter(({ subpath }) => !ON_WORKERS.includes(subpath)))(
  "the subpath $subpath loads and exports something",
  async ({ source }) => {
    const module = (await import(fileURLToPath(new URL(source, root)))) as Record<string, unknown>;
    expect(Object.keys(module).length).toBeGreaterThan(0);
  },
);

it("every subpath is listed by hand, without wildcards", () => {
  expect(subpaths.length).toBeGreaterThan(0);
  expect(Object.keys(manifest.exports).filter((subpath) => subpath.includes("*"))).toEqual([]);
});

it("every command of the package exists", () => {
  for (const path of Object.values(manifest.bin)) expect(existsSync(new URL(path, root)), path).toBe(true);
});

it("every dependency has an exact version", () => {
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
    expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
  }
});

it("the lock file names no registry", () => {
  expect(readFileSync(new URL("package-lock.json", root), "utf8")).not.toContain('"resolved"');
});

it("the front door is at most 40 lines", () => {
  expect(readFileSync(new URL("src/index.ts", root), "utf8").trimEnd().split("\n").length).toBeLessThanOrEqual(40);
});

it("the rooms that run anywhere are type-checked without Node's types", () => {
  const { include } = json("tsconfig.portable.json") as { include: string[] };
  const withoutNode = PORTABLE.filter((room) => ROOMS[room]?.node === undefined);
  expect(include.toSorted()).toEqual(withoutNode.toSorted());
});
