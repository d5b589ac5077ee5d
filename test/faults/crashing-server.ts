// Servers that go down without a warning, and are started again over what is left.

import { join } from "node:path";
import { MAIN, startServing, type Place, type Running } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { cuttableDisk } from "./power-cut.ts";

/** A server's life. It ends for good with the test. */
export interface CrashingServer {
  /** Where it serves, or last did. */
  readonly url: () => string;
  /** Its working folder. */
  readonly folder: () => string;
  /** The process that runs, or last did. */
  running(): Running;
  /** Starts it; answers how many milliseconds it took until it served. */
  start(): Promise<number>;
  /** Resolves when it is down. */
  crash(): Promise<void>;
}

type Crash = (running: Running) => Promise<void>;

/**
 * Starts a server. What Node compiles is kept between starts, so that a restart takes no longer than in production, where there is nothing
 * to compile.
 */
async function startCrashing(script: string, folder: () => string, env: Place["env"], crash: Crash): Promise<CrashingServer> {
  const compiled = temporaryFolder();
  const serve = () => startServing(script, { folder: folder(), env: { ...env, NODE_COMPILE_CACHE: join(compiled, "cache") } });
  // The cache is written by a process that ends well.
  const first = await serve();
  first.child.kill("SIGTERM");
  await first.ended;
  let running = await serve();
  return {
    url: () => running.url,
    folder,
    running: () => running,
    async start() {
      const started = performance.now();
      running = await serve();
      return performance.now() - started;
    },
    crash: () => crash(running),
  };
}

/** A server that crashes by SIGKILL: that of `npm start`, unless another script is given. */
export function startKillable(env: Place["env"], script = MAIN): Promise<CrashingServer> {
  const folder = temporaryFolder();
  return startCrashing(
    script,
    () => folder,
    env,
    async ({ child, ended }) => {
      child.kill("SIGKILL");
      await ended;
    },
  );
}

/** A server that crashes by a power cut. */
export function startPowered(env: Place["env"]): Promise<CrashingServer> {
  const disk = cuttableDisk();
  return startCrashing(MAIN, disk.folder, env, disk.cut);
}
