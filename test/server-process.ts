// A program that serves on a loopback port for tests: started as its own user if it must not be root, frozen, killed, started again, and
// ended with the process that started it.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What to run, and how one sees that it serves. */
export interface ServerProgram {
  readonly program: string;
  readonly args: readonly string[];
  /** What it writes, on either stream, when it serves. */
  readonly ready: string;
  /** The signal that ends it when the process that started it has gone; the one with which it leaves nothing behind. */
  readonly orphaned: "SIGKILL" | "SIGQUIT";
  /** The user and group that it runs as; ours, if not given. */
  readonly as?: { readonly uid: number; readonly gid: number };
}

/** A running program. */
export interface ServerProcess {
  readonly pid: number;
  /** The last of what it wrote. */
  said(): string;
  /** Its processes are stopped, its connections stay open and silent. */
  freeze(): void;
  thaw(): void;
  /** `kill -9` of it and all its processes; resolves when it is gone. */
  kill(): Promise<void>;
  /** Sends the signal and waits until it has ended. */
  end(signal: NodeJS.Signals): Promise<void>;
}

const KEPT_OUTPUT = 8_000;

/** A port of the loopback interface that nobody listens on. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

/** An empty folder for a server's data, inside the folder of this run of the tests if there is one, so that it never outlives it. */
export function serverFolder(name: string): string {
  const run = process.env.ITERA_TEST_ENGINES;
  const folder = mkdtempSync(join(run !== undefined && existsSync(run) ? run : tmpdir(), `itera-${name}-`));
  // A server that runs as another user has to pass through.
  chmodSync(folder, 0o711);
  return folder;
}

/** The processes that this one has started, and theirs, itself first. */
function family(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      // The name in brackets may hold spaces; the parent is the second field after it.
      parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // it has ended since
    }
  }
  const all = [pid];
  for (const one of all) for (const [child, parent] of parents) if (parent === one) all.push(child);
  return all;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Waits until it says that it serves. A server that was killed may start by recovering; a minute is a hang. */
async function served(child: ChildProcess, ready: string, output: () => string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const look = (): void => {
    if (output().includes(ready)) resolve();
  };
  const ended = (): void => reject(new Error(`it ended before it served: ${output()}`));
  const hung = setTimeout(() => reject(new Error(`it did not serve within a minute: ${output()}`)), 60_000);
  child.stdout!.on("data", look);
  child.stderr!.on("data", look);
  child.once("close", ended).once("error", reject);
  try {
    await promise;
  } finally {
    clearTimeout(hung);
    child.stdout!.off("data", look);
    child.stderr!.off("data", look);
    child.off("close", ended);
  }
}

/** Starts a program and waits until it serves; fails with what it said if it ends first. */
export async function startServerProcess({ program, args, ready, orphaned, as }: ServerProgram): Promise<ServerProcess> {
  // The kernel itself ends it when its parent is gone, however that ended.
  const guard = existsSync("/usr/bin/setpriv") ? ["/usr/bin/setpriv", "--pdeathsig", orphaned.slice(3)] : [];
  const user = as === undefined ? [] : [`--reuid=${as.uid}`, `--regid=${as.gid}`, "--clear-groups"];
  const guarded = guard.length > 0;
  const command = guarded ? [...guard, ...user, program, ...args] : [program, ...args];
  const child = spawn(command[0]!, command.slice(1), {
    stdio: ["ignore", "pipe", "pipe"],
    cwd: "/",
    // Away from the terminal's group: Ctrl+C ends the tests, and they end it.
    detached: true,
    env: { PATH: process.env.PATH ?? "", LC_ALL: "C.UTF-8", TZ: "UTC" },
    ...(guarded || as === undefined ? {} : as),
  });
  let output = "";
  const keep = (text: string): void => {
    output = (output + text).slice(-KEPT_OUTPUT);
  };
  child.stdout.setEncoding("utf8").on("data", keep);
  child.stderr.setEncoding("utf8").on("data", keep);
  const ended = once(child, "close");
  const end = async (name: NodeJS.Signals): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) signal(child.pid!, name);
    await ended;
  };
  try {
    await served(child, ready, () => output);
  } catch (error) {
    await end("SIGKILL");
    throw error;
  }
  const pid = child.pid!;
  return {
    pid,
    said: () => output,
    // The parent first, so that it starts nothing and mourns nobody in between.
    freeze: () => family(pid).forEach((one) => signal(one, "SIGSTOP")),
    thaw: () => family(pid).forEach((one) => signal(one, "SIGCONT")),
    async kill() {
      family(pid).forEach((one) => signal(one, "SIGKILL"));
      await ended;
    },
    end,
  };
}
