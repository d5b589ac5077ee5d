// How long the built server takes to its first answer, and how much memory it holds, at rest and under load.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { chatAway } from "./chats.ts";
import { jsonRequest, openClient, type Client } from "./load.ts";
import { median } from "./race.ts";
import { optionsOf, rowsAsMarkdown, within, type BenchOptions, type Row } from "./row.ts";
import { startServed, type Served } from "./served.ts";

const STARTS = 9;
const SETTLED_MS = 3000;
const LOAD_MS = 30_000;
const CLIENTS = 8;
const FIRST_ANSWER_MS = 400;
const IDLE_MB = 120;
const LOADED_MB = 256;

async function withServer<T>(use: (served: Served) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "bench-"));
  const served = await startServed({ which: "ours", folder });
  try {
    return await use(served);
  } finally {
    await served.stop();
    rmSync(folder, { recursive: true });
  }
}

/** Milliseconds from the start of the process, on an empty folder, to the answer that a conversation was created. */
function firstAnswer(): Promise<number> {
  return withServer(async ({ url, startedMs }) => {
    const listening = performance.now();
    const client = await openClient(url);
    const { status } = await client.send(jsonRequest("POST", "/api/v1/conversations"));
    client.close();
    if (status !== 200) throw new Error(`the first answer was of status ${status}`);
    return startedMs + performance.now() - listening;
  });
}

/** Resident megabytes at rest and the most of them under load. */
function memory(quick: boolean): Promise<{ idle: number; loaded: number }> {
  return withServer(async (served) => {
    await sleep(SETTLED_MS);
    const idle = served.residentMb();
    const clients: Client[] = [];
    for (let i = 0; i < CLIENTS; i++) clients.push(await openClient(served.url));
    let loaded = 0;
    const looking = setInterval(() => (loaded = Math.max(loaded, served.residentMb())), 100);
    await chatAway(clients, quick ? LOAD_MS / 10 : LOAD_MS);
    clearInterval(looking);
    for (const client of clients) client.close();
    return { idle, loaded };
  });
}

/** Measures starts and memory: about a minute. */
export async function run({ quick }: BenchOptions): Promise<Row[]> {
  const times: number[] = [];
  for (let i = 0; i < (quick ? 3 : STARTS); i++) times.push(await firstAnswer());
  const { idle, loaded } = await memory(quick);
  return [
    within("start of the server to its first conversation", median(times), FIRST_ANSWER_MS, "ms"),
    within("resident memory at rest", idle, IDLE_MB, "MB"),
    within(`resident memory under load of ${CLIENTS} clients`, loaded, LOADED_MB, "MB"),
  ];
}

if (import.meta.main) console.log(rowsAsMarkdown(await run(optionsOf(process.argv))));
