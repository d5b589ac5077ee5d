// The least versions of what this package is built on: below them are known faults that would break a promise of SECURITY.md.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";

const ROOT = new URL("../../", import.meta.url);
const json = (path: string): unknown => JSON.parse(readFileSync(new URL(path, ROOT), "utf8"));

/** Name, least version, and what was wrong before. */
const LEAST: readonly (readonly [name: string, version: string, why: string])[] = [
  ["hono", "4.13.5", "advisories on its routing and its middleware"],
  ["@hono/node-server", "2.1.8", "the one whose requests were tried byte by byte"],
  ["jose", "6.2.0", "the major version that runs on Web Crypto alone"],
  ["zod", "4.6.0", "the one whose checks the contract was tried with"],
];

const numbers = (version: string): number[] =>
  version
    .split("-")[0]!
    .split(".")
    .map((part) => Number(part));

/** Whether a version is at least another. */
function isAtLeast(version: string, least: string): boolean {
  const [a, b] = [numbers(version), numbers(least)];
  for (let i = 0; i < 3; i++) if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) > (b[i] ?? 0);
  // A version before the release is not the release.
  return !version.includes("-") || least.includes("-");
}

/** The lowest version that a range of `package.json` lets in; null: it has no lower end that is known. */
function lowest(range: string): string | null {
  return /^(?:\^|~|>=)?(\d+\.\d+\.\d+(?:-[\w.]+)?)/.exec(range)?.[1] ?? null;
}

const lock = json("package-lock.json") as { packages: Record<string, { version?: string }> };
const own = json("package.json") as {
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
  engines: Record<string, string>;
};

describe("minimum safe versions", () => {
  it.each(LEAST)("%s is at least %s", (name, least) => {
    const installed = Object.entries(lock.packages).filter(
      ([path]) => path === `node_modules/${name}` || path.endsWith(`/node_modules/${name}`),
    );
    expect(installed.length).toBeGreaterThan(0);
    for (const [path, { version }] of installed) expect(isAtLeast(version!, least), `${path} is ${version}`).toBe(true);
    const range = own.dependencies[name] ?? own.peerDependencies[name];
    expect(range === undefined ? null : isAtLeast(lowest(range)!, least), `package.json lets in ${range}`).toBe(true);
  });

  it("what the lock names is what is installed", () => {
    const require = createRequire(new URL("package.json", ROOT));
    for (const [name] of LEAST) {
      const main = require.resolve(name).replaceAll("\\", "/");
      const folder = main.slice(0, main.lastIndexOf(`/node_modules/${name}/`) + `/node_modules/${name}/`.length);
      expect((JSON.parse(readFileSync(`${folder}package.json`, "utf8")) as { version: string }).version, name).toBe(
        lock.packages[`node_modules/${name}`]!.version,
      );
    }
  });

  it("SQLite is at least 3.51.3, before which resetting a write-ahead log could corrupt a database", () => {
    const database = new DatabaseSync(":memory:");
    const { version } = database.prepare("SELECT sqlite_version() AS version").get() as { version: string };
    database.close();
    expect(isAtLeast(version, "3.51.3"), version).toBe(true);
  });

  it("Node is 24 or newer, and package.json says so", () => {
    expect(isAtLeast(process.versions.node, "24.0.0")).toBe(true);
    expect(isAtLeast(`${/\d+/.exec(own.engines["node"]!)![0]}.0.0`, "24.0.0")).toBe(true);
  });

  it("versions are compared by number, and one before a release is below it", () => {
    expect(isAtLeast("4.13.19", "4.13.5")).toBe(true);
    expect(isAtLeast("4.9.0", "4.13.5")).toBe(false);
    expect(isAtLeast("4.13.5-rc.1", "4.13.5")).toBe(false);
    expect(isAtLeast("5.0.0", "4.13.5")).toBe(true);
  });
});
