// The Worker as it would be deployed, bundled and minified, in workerd on this machine: with the bindings that a test chooses, on a port of its own.

import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { onTestFinished } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const run = promisify(execFile);

/** A new folder that is removed when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "itera-worker-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Bundles what a configuration of wrangler describes, or another module with it; answers the path of the main module. */
export async function bundle(configPath: string, env: string | null, folder: string, module?: string): Promise<string> {
  const wrangler = join(ROOT, "node_modules/wrangler/bin/wrangler.js");
  const args = [
    "deploy",
    ...(module === undefined ? [] : [join(ROOT, module)]),
    "--dry-run",
    "--minify",
    "--config",
    join(ROOT, configPath),
    ...(env === null ? [] : ["--env", env]),
    "--outdir",
    folder,
  ];
  await run(process.execPath, [wrangler, ...args], { cwd: ROOT, env: { ...process.env, WRANGLER_SEND_METRICS: "false" } });
  const built = (await readdir(folder)).find((name) => name.endsWith(".js"));
  if (built === undefined) throw new Error(`wrangler made no module in ${folder}`);
  return join(folder, built);
}

/** The module that is started, and the texts that were bundled beside it. */
async function modulesOf(scriptPath: string): Promise<{ type: "ESModule" | "Text"; path: string }[]> {
  const folder = dirname(scriptPath);
  const texts = (await readdir(folder)).filter((name) => name.endsWith(".html"));
  return [{ type: "ESModule", path: scriptPath }, ...texts.map((name) => ({ type: "Text" as const, path: join(folder, name) }))];
}

/** What is bound. */
export interface Bindings {
  readonly kv?: readonly string[];
  readonly d1?: readonly string[];
  /** Names of bindings of objects, with their classes. */
  readonly objects?: Readonly<Record<string, string>>;
  readonly hyperdrive?: string;
  readonly variables?: Readonly<Record<string, string>>;
}

/** What the types of the runtime leave out. */
interface Schedulable {
  scheduled(controller: { cron: string; scheduledTime: Date }): Promise<{ outcome: string }>;
}

/** A Worker that runs. */
export interface RunningWorker {
  /** Without a slash at the end. */
  readonly url: string;
  /** Fires a cron; answers whether it went well. */
  readonly scheduled: (cron: string) => Promise<boolean>;
  /** The KV namespace of a binding. */
  readonly kv: (name: string) => Promise<{
    get(key: string): Promise<string | null>;
    put(key: string, value: string): Promise<void>;
    list(): Promise<{ keys: { name: string }[] }>;
  }>;
  /** Lines that it logged. */
  readonly lines: readonly string[];
  /** Ends the runtime. What is stored stays in its folder. */
  readonly stop: () => Promise<void>;
}

/** Starts a module over data in a folder. It is stopped when the test ends, if it has not been before. */
export async function startWorker(
  scriptPath: string,
  folder: string,
  { kv = [], d1 = [], objects = {}, hyperdrive, variables = {} }: Bindings,
): Promise<RunningWorker> {
  const lines: string[] = [];
  const worker = new Miniflare(
    convertV4MiniflareOptions({
      name: "worker",
      // Modules are named relative to it, and cannot be named from outside.
      modulesRoot: dirname(scriptPath),
      modules: await modulesOf(scriptPath),
      cf: false,
      logRequests: false,
      compatibilityDate: "2026-10-01",
      compatibilityFlags: ["nodejs_compat"],
      kvNamespaces: [...kv],
      d1Databases: [...d1],
      durableObjects: Object.fromEntries(Object.entries(objects).map(([name, className]) => [name, { className, useSQLite: true }])),
      ...(hyperdrive === undefined ? {} : { hyperdrives: { HYPERDRIVE: hyperdrive } }),
      bindings: { ...variables },
      resourcePersistencePath: folder,
      handleStructuredLogs: ({ message }) => void lines.push(message),
    }),
  );
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= worker.dispose());
  onTestFinished(stop);
  const url = (await worker.ready).href.replace(/\/$/, "");
  return {
    url,
    async scheduled(cron) {
      const fetcher = (await worker.getWorker()) as unknown as Schedulable;
      return (await fetcher.scheduled({ cron, scheduledTime: new Date() })).outcome === "ok";
    },
    kv: (name) => worker.getKVNamespace(name) as never,
    lines,
    stop,
  };
}
