// What a step costs through the library on a Durable Object in workerd on this machine, against a hand-written object that does the same.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { optionsOf, rowsAsMarkdown, type BenchOptions, type Row } from "./row.ts";
import { measureSteps } from "./step.ts";

const DATE = "2026-10-01";
const WORKER = fileURLToPath(new URL("./object-worker.ts", import.meta.url));
const WRANGLER = fileURLToPath(new URL("../node_modules/wrangler/bin/wrangler.js", import.meta.url));

function bundled(folder: string): string {
  const config = join(folder, "wrangler.json");
  writeFileSync(config, JSON.stringify({ name: "bench", main: WORKER, compatibility_date: DATE, send_metrics: false }));
  const target = join(folder, "built");
  execFileSync(process.execPath, [WRANGLER, "deploy", "--dry-run", "--minify", "--config", config, "--outdir", target], { stdio: "pipe" });
  return join(
    target,
    readdirSync(target).find((name) => name.endsWith(".js"))!,
  );
}

/** Measures steps on objects: about half a minute. */
export async function run(options: BenchOptions): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "bench-"));
  let worker: Miniflare | undefined;
  try {
    const path = bundled(folder);
    worker = new Miniflare(
      convertV4MiniflareOptions({
        name: "bench",
        modulesRoot: join(folder, "built"),
        modules: [{ type: "ESModule", path }],
        cf: false,
        compatibilityDate: DATE,
        durableObjects: { OURS: { className: "OurObject", useSQLite: true }, HAND: { className: "HandObject", useSQLite: true } },
        resourcePersistencePath: join(folder, "data"),
      }),
    );
    const url = await worker.ready;
    const ask = async (route: string): Promise<number> => {
      const response = await fetch(new URL(route, url));
      if (!response.ok) throw new Error(`${route}: ${await response.text()}`);
      return (await response.json()) as number;
    };
    const contest = {
      engine: "an object",
      yardstick: "a hand-written object",
      trips: "calls",
      countTrips: () => ask("/trips"),
      ours: (clients: number, ms: number) => ask(`/ours?clients=${clients}&ms=${ms}`),
      library: (clients: number, ms: number) => ask(`/library?clients=${clients}&ms=${ms}`),
      theirs: (clients: number, ms: number) => ask(`/theirs?clients=${clients}&ms=${ms}`),
      async atSize(size: number) {
        await ask(`/fill?size=${size}`);
        return (ms: number) => ask(`/at-size?size=${size}&ms=${ms}`);
      },
    };
    return await measureSteps(contest, options);
  } finally {
    await worker?.dispose();
    rmSync(folder, { recursive: true });
  }
}

if (import.meta.main) console.log(rowsAsMarkdown(await run(optionsOf(process.argv))));
