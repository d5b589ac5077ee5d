// A Redis (or Valkey) server of a test's own, in a temporary folder and on a free port: with any flags, to be killed, frozen and started again.

import { accessSync, constants, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { freePort, serverFolder, startServerProcess, type ServerProcess } from "./server-process.ts";

/** How the server is made. */
export interface RedisServerOptions {
  /** Flags without their dashes: `{ appendonly: "yes", appendfsync: "always" }`. Without any it keeps nothing on disk. */
  readonly flags?: Readonly<Record<string, string | number>>;
  /** An empty folder for it, removed at the end; one of its own, if not given. */
  readonly folder?: string;
}

/** A server that this process owns. Call `stop` at the end, whatever happened to it. */
export interface RedisServer {
  /** Its address, `redis://127.0.0.1:<port>`; the same after a restart. */
  readonly url: string;
  readonly port: number;
  /** Its process now; it changes with `start` and `restart`. */
  pid(): number;
  /** The last of its log. */
  log(): string;
  /** SIGSTOP: connections stay open, nothing answers. */
  freeze(): void;
  /** SIGCONT. */
  thaw(): void;
  /** `kill -9`. `start` brings it back with what its files hold. */
  kill(): Promise<void>;
  /** Starts it after `kill` or `end`, on the same port and data; resolves when it serves. `flags` come on top of the first ones. */
  start(flags?: RedisServerOptions["flags"]): Promise<void>;
  /** Ends it in order. */
  end(): Promise<void>;
  /** `end`, then `start`. */
  restart(flags?: RedisServerOptions["flags"]): Promise<void>;
  /** Ends it and removes its data. May be called twice. */
  stop(): Promise<void>;
}

/** The path of `redis-server` or `valkey-server`, or null. */
export function findRedisProgram(): string | null {
  for (const program of ["redis-server", "valkey-server"]) {
    for (const folder of (process.env.PATH ?? "").split(delimiter).filter(Boolean)) {
      try {
        accessSync(join(folder, program), constants.X_OK);
        return join(folder, program);
      } catch {
        // not in this folder: the next one
      }
    }
  }
  return null;
}

/** Starts a server. A few milliseconds. */
export async function startRedisServer({ flags = {}, folder }: RedisServerOptions = {}): Promise<RedisServer> {
  const program = findRedisProgram();
  if (program === null) throw new Error("no redis-server or valkey-server found on the PATH: install redis-server");
  const place = folder ?? serverFolder("redis");

  const launch = async (port: number, given: RedisServerOptions["flags"] = {}): Promise<ServerProcess> => {
    const all = { bind: "127.0.0.1", port, dir: place, save: "", appendonly: "no", ...flags, ...given };
    return await startServerProcess({
      program,
      args: Object.entries(all).flatMap(([name, value]) => [`--${name}`, String(value)]),
      ready: "Ready to accept connections",
      orphaned: "SIGKILL",
    });
  };
  const launchAnywhere = async (attempts = 5): Promise<{ port: number; first: ServerProcess }> => {
    const port = await freePort();
    try {
      return { port, first: await launch(port) };
    } catch (error) {
      // Somebody else may have taken the port in between.
      if (attempts === 1 || !String(error).includes("in use")) throw error;
      return launchAnywhere(attempts - 1);
    }
  };

  let started: { port: number; first: ServerProcess };
  try {
    started = await launchAnywhere();
  } catch (error) {
    rmSync(place, { recursive: true, force: true });
    throw error;
  }
  const { port } = started;
  let running: ServerProcess | null = started.first;
  const now = (): ServerProcess => {
    if (running === null) throw new Error("this Redis is not running: call start() first");
    return running;
  };
  const server: RedisServer = {
    url: `redis://127.0.0.1:${port}`,
    port,
    pid: () => now().pid,
    log: () => now().said(),
    freeze: () => now().freeze(),
    thaw: () => now().thaw(),
    async kill() {
      const killed = now();
      running = null;
      await killed.kill();
    },
    async start(given) {
      if (running === null) running = await launch(port, given);
    },
    async end() {
      const ended = running;
      running = null;
      ended?.thaw();
      await ended?.end("SIGTERM");
    },
    async restart(given) {
      await server.end();
      await server.start(given);
    },
    async stop() {
      await server.end();
      rmSync(place, { recursive: true, force: true });
    },
  };
  return server;
}
