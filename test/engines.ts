// Which outside engines and tools a test can count on here, and one way to skip, with a printed reason, where one is missing.

import { spawnSync } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe } from "vitest";
import { findPostgresPrograms } from "./postgres-server.ts";
import { findRedisProgram } from "./redis-server.ts";
import { demandEngine, type StartableEngine } from "./started-engine.ts";

/** How an engine is found: by an address in the environment, by a program on the PATH, or either. */
interface Search {
  readonly variable?: string;
  readonly program?: string;
  /** Without an address the run starts one of its own, if its programs are here. */
  readonly own?: { readonly engine: StartableEngine; readonly programs: () => string | null };
  /** Tries it out in an empty folder; false: this machine does not let us, whatever is installed. */
  readonly tried?: (folder: string) => boolean;
}

function runs(program: string, ...args: string[]): boolean {
  return spawnSync(program, args, { stdio: "ignore" }).status === 0;
}

/** Whether an image with a file system can be mounted. */
function mountsImage(folder: string): boolean {
  const image = join(folder, "image");
  writeFileSync(image, "");
  truncateSync(image, 8 * 1024 * 1024);
  return runs("mkfs.ext4", "-q", "-F", image) && runs("mount", "-o", "loop", image, folder) && runs("umount", folder);
}

/** Everything that a test may ask for. A new engine is a line here. */
const ENGINES = {
  strace: { program: "strace", tried: () => runs("strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=fsync", "true") },
  prlimit: { program: "prlimit" },
  tmpfs: { program: "mount", tried: (folder) => runs("mount", "-t", "tmpfs", "itera-test", folder) && runs("umount", folder) },
  script: { program: "script", tried: () => runs("script", "-qec", "true", "/dev/null") },
  ext4: { program: "mkfs.ext4", tried: mountsImage },
  postgresql: {
    variable: "TEST_POSTGRES_URL",
    program: "postgresql",
    own: { engine: "postgresql", programs: findPostgresPrograms },
  },
  redis: { variable: "TEST_REDIS_URL", program: "redis-server", own: { engine: "redis", programs: findRedisProgram } },
} as const satisfies Record<string, Search>;

/** The name of an engine or tool that tests may need. */
export type EngineName = keyof typeof ENGINES;

/**
 * Where an engine was found: the address given in the environment, else the path of its program. `missing`: it could be installed; else
 * the machine does not let us use it.
 */
export type Engine =
  | { readonly available: true; readonly at: string }
  | { readonly available: false; readonly missing: boolean; readonly reason: string };

function onPath(program: string): string | null {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not in this folder: the next one
    }
  }
  return null;
}

function works({ tried }: Search): boolean {
  if (tried === undefined) return true;
  const folder = mkdtempSync(join(tmpdir(), "itera-"));
  try {
    return tried(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** An engine of this run's own, started at the first demand and shared by all its tests. */
function started(name: EngineName, engine: StartableEngine): Engine {
  const kept = demandEngine(engine);
  if ("url" in kept) return { available: true, at: kept.url };
  return { available: false, missing: true, reason: `${name} could not be started: ${kept.reason}` };
}

/** Looks for an engine; where it is missing, `reason` says what to set or install. One that the run can start for itself is started. */
export function findEngine(name: EngineName): Engine {
  const search: Search = ENGINES[name];
  const address = search.variable === undefined ? undefined : process.env[search.variable];
  if (!address && search.own?.programs()) return started(name, search.own.engine);
  const at = address || (search.program === undefined || search.own ? null : onPath(search.program));
  if (!at) {
    const ways = [search.variable && `set ${search.variable}`, search.program && `install ${search.program}`].filter(Boolean);
    return { available: false, missing: true, reason: `${name} is missing: ${ways.join(" or ")}` };
  }
  if (works(search)) return { available: true, at };
  return {
    available: false,
    missing: false,
    reason: `${name} is not allowed on this machine: run as root, outside a restricted container`,
  };
}

/**
 * A `describe` whose tests need `name`; `run` is given where it was found. Without the engine the suite is skipped and the reason printed,
 * unless it could be installed and `REQUIRE_ENGINES=1`, as in CI: then it fails.
 */
export function describeWith(name: EngineName, title: string, run: (at: string) => void): void {
  const engine = findEngine(name);
  if (engine.available) {
    describe(title, () => {
      run(engine.at);
    });
    return;
  }
  if (engine.missing && process.env.REQUIRE_ENGINES === "1") {
    throw new Error(`${title}: ${engine.reason} (REQUIRE_ENGINES=1 allows no skipping)`);
  }
  console.warn(`skipped: ${title}: ${engine.reason}`);
  describe.skip(`${title} (${engine.reason})`, () => {
    run("");
  });
}
