// Ten minutes of chats at half of what the server can do: what grows that should not.

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chatAway } from "./chats.ts";
import { openClient, type Client } from "./load.ts";
import { optionsOf, rowsAsMarkdown, within, type BenchOptions, type Row } from "./row.ts";
import { startServed } from "./served.ts";

const MINUTES = 10;
/** Until then the heap takes the size that it needs. */
const SETTLED_MINUTES = 3;
const CLIENTS = 8;
const LOG_MB = 64;
const LOOK_MS = 1000;

/** How much a value grows in a minute: the slope of the line through all points, each of which has its minute. */
function slope(points: readonly { minute: number; value: number }[]): number {
  const mean = (of: (point: { minute: number; value: number }) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [minute, value] = [mean((point) => point.minute), mean((point) => point.value)];
  return mean((point) => (point.minute - minute) * (point.value - value)) / mean((point) => (point.minute - minute) ** 2);
}

/** Runs for ten minutes with `long`, else not at all. */
export async function run({ long }: BenchOptions): Promise<Row[]> {
  if (!long) return [];
  const folder = mkdtempSync(join(tmpdir(), "bench-"));
  const served = await startServed({ which: "ours", folder });
  const clients: Client[] = [];
  for (let i = 0; i < CLIENTS; i++) clients.push(await openClient(served.url));
  const start = performance.now();
  const memory: { minute: number; value: number }[] = [];
  const files: { minute: number; value: number }[] = [];
  let log = 0;
  const looking = setInterval(() => {
    const minute = (performance.now() - start) / 60_000;
    log = Math.max(log, statSync(join(folder, "served.db-wal"), { throwIfNoEntry: false })?.size ?? 0);
    if (minute < SETTLED_MINUTES) return;
    memory.push({ minute, value: served.residentMb() });
    files.push({ minute, value: served.openFiles() });
  }, LOOK_MS);
  await chatAway(clients, MINUTES * 60_000);
  clearInterval(looking);
  for (const client of clients) client.close();
  await served.stop();
  rmSync(folder, { recursive: true });
  const span = `${MINUTES} minutes of load`;
  return [
    within(`growth of resident memory in ${span}`, slope(memory), 1, "MB/min"),
    within(`the largest write-ahead log in ${span}`, log / 1024 / 1024, LOG_MB, "MB"),
    within(`growth of open files in ${span}`, slope(files), 0.1, "/min"),
  ];
}

if (import.meta.main) console.log(rowsAsMarkdown(await run({ ...optionsOf(process.argv), long: true })));
