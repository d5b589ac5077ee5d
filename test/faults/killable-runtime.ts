// The runtime of Workers with the whole Worker in it, as a group of processes that is killed without a warning and started again over what is left.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { temporaryFolder } from "../temporary-folder.ts";

const HUNG_MS = 120_000;
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A runtime's life. It ends for good with the test. */
export interface KillableRuntime {
  /** Where it serves, or last did. */
  readonly url: () => string;
  /** Starts it over the same state; resolves when it serves. */
  start(): Promise<void>;
  /** Kills it, with everything that it has started. */
  kill(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Starts the Worker of `wrangler.jsonc`, in its development environment; `script`: another main module under the same configuration. */
export async function startKillableRuntime(script?: string): Promise<KillableRuntime> {
  const home = temporaryFolder();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const options = [
    "--config",
    join(ROOT, "wrangler.jsonc"),
    "--env",
    "development",
    "--ip",
    "127.0.0.1",
    "--port",
    String(port),
    "--inspector-port",
    String(await freePort()),
  ];
  let child: ChildProcess | null = null;
  let said = "";

  async function start(): Promise<void> {
    const wrangler = join(ROOT, "node_modules/wrangler/bin/wrangler.js");
    const started = spawn(
      process.execPath,
      [wrangler, "dev", ...(script === undefined ? [] : [script]), "--local", "--persist-to", join(home, "state"), ...options],
      {
        cwd: ROOT,
        env: { PATH: process.env.PATH ?? "", HOME: home, CLOUDFLARE_CF_FETCH_ENABLED: "false", WRANGLER_SEND_METRICS: "false", CI: "1" },
        stdio: ["ignore", "pipe", "pipe"],
        detached: true,
      },
    );
    child = started;
    said = "";
    const begun = performance.now();
    for (const stream of [started.stdout, started.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-20_000)));
    for (;;) {
      if (started.exitCode !== null || started.signalCode !== null) throw new Error(`the runtime ended: ${said}`);
      const status = await fetch(`${url}/health`).then(
        (response) => response.status,
        () => 0,
      );
      if (status === 200) return;
      if (performance.now() - begun > HUNG_MS) throw new Error(`the runtime does not serve: ${said}`);
      await sleep(50);
    }
  }

  async function kill(): Promise<void> {
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "close");
    process.kill(-child.pid!, "SIGKILL");
    await ended;
  }

  // It is a group of its own, and would outlive a test process that is ended from outside.
  const killAtExit = () => {
    if (child !== null && child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, "SIGKILL");
  };
  process.once("exit", killAtExit);
  onTestFinished(async () => {
    process.off("exit", killAtExit);
    await kill();
  });
  await start();
  return { url: () => url, start, kill };
}
