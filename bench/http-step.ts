// What a step costs over HTTP, against a bare Hono route that runs the same raw statements.

import { rmSync } from "node:fs";
import { closedLoop, jsonRequest, openClient, type Client } from "./load.ts";
import { pace, race, rowOf } from "./race.ts";
import { optionsOf, rowsAsMarkdown, type BenchOptions, type Row } from "./row.ts";
import { startServed, type Served, type ServedOptions } from "./served.ts";
import { databaseFolder, straceIsHere } from "./slow-syncs.ts";
import { METADATA, said, WINDOW } from "./what-is-said.ts";

const CLIENTS = 64;
const SYNC_MS = 0.1;
const FILLED = 30;

const API = "/api/v1/conversations";
let made = 0;

/** A server with a conversation for each of its clients. */
export interface Stage {
  readonly served: Served;
  readonly clients: readonly Client[];
  /** Where the messages of each conversation go. */
  readonly paths: readonly string[];
  /** The step of a client: the visitor's message, answered with the newest 20. */
  readonly step: (client: number) => string;
  readonly close: () => Promise<void>;
}

/** Opens connections to a server, and a conversation of 30 messages for each. */
export async function setStage(options: Omit<ServedOptions, "folder">, connections: number): Promise<Stage> {
  const folder = databaseFolder();
  const served = await startServed({ ...options, folder });
  const clients: Client[] = [];
  const paths: string[] = [];
  const step = (client: number): string => jsonRequest("POST", `${paths[client % paths.length]!}?window=${WINDOW}`, said("user", ++made));
  for (let i = 0; i < connections; i++) clients.push(await openClient(served.url));
  for (let i = 0; i < Math.min(CLIENTS, connections); i++) {
    const { body } = await clients[i]!.send(jsonRequest("POST", API, { initialContext: METADATA }));
    paths.push(`${API}/${(JSON.parse(body) as { conversationId: string }).conversationId}/messages`);
    for (let n = 0; n < FILLED; n++) await clients[i]!.send(step(i));
  }
  return {
    served,
    clients,
    paths,
    step,
    async close() {
      for (const client of clients) client.close();
      await served.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

async function measure(syncMs: number | null, options: BenchOptions): Promise<Row[]> {
  const { rounds, sliceMs } = pace(options);
  const ours = await setStage({ which: "ours", syncMs }, CLIENTS);
  const bare = await setStage({ which: "bare route", syncMs }, CLIENTS);
  const run = async ({ clients, step }: Stage, count: number): Promise<number> => {
    const { rate, failed, shed } = await closedLoop(clients.slice(0, count), 2 * sliceMs, step);
    if (failed + shed.length > 0) throw new Error(`${failed} requests failed, ${shed.length} were shed`);
    return rate;
  };
  const rows: Row[] = [];
  try {
    // One client alone is compared where a sync costs something, as it does on every disk.
    for (const count of syncMs === null ? [CLIENTS] : [CLIENTS, 1]) {
      const [mine = [], theirs = []] = await race([() => run(ours, count), () => run(bare, count)], rounds);
      const syncs = syncMs === null ? "syncs that cost nothing" : `syncs of ${syncMs} ms`;
      const what = `a step over HTTP, ${syncs}, ${count === 1 ? "1 client" : `${count} clients`}`;
      rows.push(rowOf({ what, yardstick: "a bare Hono route", reach: "≥ 0.5×" }, mine, theirs));
    }
    return rows;
  } finally {
    await ours.close();
    await bare.close();
  }
}

/** Measures steps over HTTP: about half a minute. */
export async function run(options: BenchOptions): Promise<Row[]> {
  return [...(await measure(null, options)), ...(straceIsHere() ? await measure(SYNC_MS, options) : [])];
}

if (import.meta.main) console.log(rowsAsMarkdown(await run(optionsOf(process.argv))));
