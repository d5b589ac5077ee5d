// Whether a million archived conversations slow anything down: the slowest hundredth of each call, against that of a store of a thousand.

import { rmSync, statfsSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sqliteStores } from "../src/adapters/sqlite/sqlite-stores.ts";
import { ConversationManager } from "../src/core/manager.ts";
import { addArchived, someWords } from "./many-archived.ts";
import { percentile } from "./load.ts";
import { optionsOf, rowsAsMarkdown, within, type BenchOptions, type Row } from "./row.ts";
import { databaseFolder } from "./slow-syncs.ts";
import { said, WINDOW } from "./what-is-said.ts";

const MANY = 1_000_000;
const FEW = 1000;
const LIVE = 100;
const CALLS = 3000;
const SEARCH_MS = 100;
/** What a million of them need, and some more. */
const ROOM = 10 * 1024 ** 3;

interface Store {
  manager: ConversationManager;
  archived: string[];
  live: string[];
}

let made = 0;

async function makeStore(path: string, count: number): Promise<Store> {
  const stores = await sqliteStores({ path });
  const manager = new ConversationManager(stores, { environment: "D" });
  const archived = await addArchived(stores, count);
  const live: string[] = [];
  for (let i = 0; i < LIVE; i++) live.push((await manager.createConversation({ messages: [said("user", ++made)] })).id);
  await manager.deliver();
  return { manager, archived, live };
}

const oneOf = (ids: readonly string[]): string => ids[Math.floor(Math.random() * ids.length)]!;

const CALLS_OF: Readonly<Record<string, (store: Store) => Promise<unknown>>> = {
  get: ({ manager, archived }) => manager.getConversation(oneOf(archived)),
  append: ({ manager, live }) => manager.appendMessages(oneOf(live), [said("user", ++made)], { window: WINDOW }),
  "list, first page": ({ manager }) => manager.listConversations(),
  search: ({ manager }) => manager.listConversations({ q: someWords() }),
};

/** The times of each store in milliseconds, in order; the stores take turns, call by call. */
async function timesOf(stores: readonly Store[], call: (store: Store) => Promise<unknown>, calls: number): Promise<number[][]> {
  const times: number[][] = stores.map(() => []);
  for (let i = -calls / 10; i < calls; i++) {
    for (const [index, store] of stores.entries()) {
      const start = performance.now();
      await call(store);
      if (i >= 0) times[index]!.push(performance.now() - start);
    }
  }
  return times.map((one) => one.toSorted((a, b) => a - b));
}

function rowOf(name: string, count: number, [many = [], few = []]: number[][]): Row {
  const what = `p99 of ${name} with ${count.toLocaleString("en")} archived conversations`;
  const ours = percentile(many, 0.99);
  if (name === "search") return within(what, ours, SEARCH_MS, "ms");
  const theirs = percentile(few, 0.99);
  return {
    what,
    ours,
    yardstick: `with ${FEW.toLocaleString("en")}`,
    yardstickRate: theirs,
    ratio: ours / theirs,
    reach: "≤ 1.5×",
    unit: "ms",
  };
}

async function folderWithRoom(): Promise<string> {
  const folder = databaseFolder();
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize >= ROOM) return folder;
  rmSync(folder, { recursive: true });
  return mkdtemp(join(tmpdir(), "bench-"));
}

/** Measures calls: some minutes, most of them for filling; with `quick` over a twentieth as many. */
export async function run({ quick }: BenchOptions): Promise<Row[]> {
  const folder = await folderWithRoom();
  const count = quick ? MANY / 20 : MANY;
  const stores: Store[] = [];
  try {
    for (const size of [count, FEW]) stores.push(await makeStore(join(folder, `${size}.db`), size));
    const rows: Row[] = [];
    for (const [name, call] of Object.entries(CALLS_OF))
      rows.push(rowOf(name, count, await timesOf(stores, call, quick ? CALLS / 10 : CALLS)));
    return rows;
  } finally {
    for (const { manager } of stores) await manager.close();
    rmSync(folder, { recursive: true });
  }
}

if (import.meta.main) console.log(rowsAsMarkdown(await run(optionsOf(process.argv))));
