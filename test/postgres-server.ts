// A PostgreSQL server of a test's own, in a temporary folder and on a free port: with any settings, to be killed, frozen and started again.

import { execFileSync } from "node:child_process";
import { accessSync, chownSync, constants, globSync, mkdirSync, realpathSync, rmSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { freePort, serverFolder, startServerProcess, type ServerProcess } from "./server-process.ts";

/** How the server is made. */
export interface PostgresServerOptions {
  /** Settings as in `postgresql.conf`, over ours: `{ fsync: "off", max_connections: 20 }`. */
  readonly settings?: Readonly<Record<string, string | number>>;
  /** An empty folder for it, removed at the end; one of its own, if not given. */
  readonly folder?: string;
}

/** A server that this process owns. Call `stop` at the end, whatever happened to it. */
export interface PostgresServer {
  /** The address of the database `postgres`, for the superuser `postgres`, without a password. The same after a restart. */
  readonly url: string;
  readonly port: number;
  /** Its first process now; it changes with `start` and `restart`. */
  pid(): number;
  /** The last of its log. */
  log(): string;
  /** SIGSTOP to all its processes: connections stay open, nothing answers. */
  freeze(): void;
  /** SIGCONT to all its processes. */
  thaw(): void;
  /** `kill -9` of all its processes. `start` brings it back. */
  kill(): Promise<void>;
  /** Starts it after `kill` or `end`, on the same port and data; resolves when it serves. */
  start(settings?: PostgresServerOptions["settings"]): Promise<void>;
  /** Ends it in order: open connections are cut, nothing is lost. */
  end(): Promise<void>;
  /** `end`, then `start`. */
  restart(settings?: PostgresServerOptions["settings"]): Promise<void>;
  /** Ends it and removes its data. May be called twice. */
  stop(): Promise<void>;
}

function runnable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The folder with `postgres` and `initdb`, or null. Debian keeps them off the PATH, in a folder for each version: the newest counts. */
export function findPostgresPrograms(): string | null {
  const byVersion = (a: string, b: string): number => Number(b.split("/")[4]) - Number(a.split("/")[4]);
  const folders = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  for (const folder of [...folders, ...globSync("/usr/lib/postgresql/*/bin").toSorted(byVersion)]) {
    const postgres = join(folder, "postgres");
    // A link on the PATH leads to the folder with all of them.
    if (runnable(postgres)) {
      const programs = dirname(realpathSync(postgres));
      if (runnable(join(programs, "initdb"))) return programs;
    }
  }
  return null;
}

/** PostgreSQL refuses to run as root: then as the user that its package makes, or nobody. */
function ordinaryUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string, user: string): number => Number(execFileSync("id", [flag, user], { stdio: ["ignore", "pipe", "ignore"] }));
  try {
    return { uid: id("-u", "postgres"), gid: id("-g", "postgres") };
  } catch {
    return { uid: id("-u", "nobody"), gid: id("-g", "nobody") };
  }
}

/** Makes a database of a server's own and starts it. About a second and a half, most of it making the files. */
export async function startPostgresServer({ settings = {}, folder }: PostgresServerOptions = {}): Promise<PostgresServer> {
  const programs = findPostgresPrograms();
  if (programs === null) throw new Error("no programs of PostgreSQL found on the PATH or in /usr/lib/postgresql: install postgresql");
  const place = folder ?? serverFolder("postgres");
  const as = ordinaryUser();
  const data = join(place, "data");
  mkdirSync(data, { mode: 0o700 });
  if (as !== undefined) chownSync(data, as.uid, as.gid);
  const forget = (): void => rmSync(place, { recursive: true, force: true });

  const launch = async (port: number, given: PostgresServerOptions["settings"] = {}): Promise<ServerProcess> => {
    const all = { listen_addresses: "127.0.0.1", port, unix_socket_directories: "", max_connections: 100, ...settings, ...given };
    return await startServerProcess({
      program: join(programs, "postgres"),
      args: ["-D", data, ...Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`])],
      ready: "database system is ready to accept connections",
      // Without a shutdown it would leave a piece of shared memory behind.
      orphaned: "SIGQUIT",
      ...(as === undefined ? {} : { as }),
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
    const choices = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"];
    execFileSync(join(programs, "initdb"), ["--pgdata", data, ...choices], { stdio: "pipe", cwd: "/", ...as });
    started = await launchAnywhere();
  } catch (error) {
    forget();
    throw error;
  }

  const { port } = started;
  let running: ServerProcess | null = started.first;
  const now = (): ServerProcess => {
    if (running === null) throw new Error("this PostgreSQL is not running: call start() first");
    return running;
  };
  const server: PostgresServer = {
    url: `postgresql://postgres@127.0.0.1:${port}/postgres`,
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
      await ended?.end("SIGINT");
    },
    async restart(given) {
      await server.end();
      await server.start(given);
    },
    async stop() {
      // At once: what it would still write is removed anyway.
      const stopped = running;
      running = null;
      stopped?.thaw();
      await stopped?.end("SIGQUIT");
      forget();
    },
  };
  return server;
}
