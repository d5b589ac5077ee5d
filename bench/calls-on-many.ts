// The calls that many archived conversations must not slow down, and how their slowest hundredths are compared.

import type { ConversationManager } from "../src/core/manager.ts";
import { percentile } from "./load.ts";
import { someWords } from "./many-archived.ts";
import { within, type BenchOptions, type Row } from "./row.ts";
import { said, WINDOW } from "./what-is-said.ts";

/** How many are many, and how many a store has that counts as empty. */
export const MANY = 1_000_000;
export const FEW = 1000;

const LIVE = 100;
const CALLS = 3000;
const SEARCH_MS = 100;

/** Stores with archived conversations, of which these are some, and a few live ones. */
export interface FilledStore {
  manager: ConversationManager;
  archived: string[];
  live: string[];
}

let made = 0;

/** Adds live conversations to a store that holds archived ones. */
export async function withLive(manager: ConversationManager, archived: string[]): Promise<FilledStore> {
  const live: string[] = [];
  for (let i = 0; i < LIVE; i++) live.push((await manager.createConversation({ messages: [said("user", ++made)] })).id);
  await manager.deliver();
  return { manager, archived, live };
}

const oneOf = (ids: readonly string[]): string => ids[Math.floor(Math.random() * ids.length)]!;

const CALLS_OF: Readonly<Record<string, (store: FilledStore) => Promise<unknown>>> = {
  async get({ manager, archived }) {
    if ((await manager.getConversation(oneOf(archived))) === null) throw new Error("an archived conversation is not there");
  },
  append: ({ manager, live }) => manager.appendMessages(oneOf(live), [said("user", ++made)], { window: WINDOW }),
  async "list, first page"({ manager }) {
    if ((await manager.listConversations()).data.length === 0) throw new Error("the list is empty");
  },
  search: ({ manager }) => manager.listConversations({ q: someWords() }),
};

/** The times of each store in milliseconds, in order; the stores take turns, call by call. */
async function timesOf(stores: readonly FilledStore[], call: (store: FilledStore) => Promise<unknown>, calls: number): Promise<number[][]> {
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

/** The rows of a store of many against one of few. `where`: what is said after the number, as " on PostgreSQL". */
export async function measureCalls(stores: readonly FilledStore[], count: number, where: string, { quick }: BenchOptions): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [name, call] of Object.entries(CALLS_OF)) {
    const [many = [], few = []] = await timesOf(stores, call, quick ? CALLS / 10 : CALLS);
    const what = `p99 of ${name} with ${count.toLocaleString("en")} archived conversations${where}`;
    const ours = percentile(many, 0.99);
    if (name === "search") {
      rows.push(within(what, ours, SEARCH_MS, "ms"));
      continue;
    }
    const theirs = percentile(few, 0.99);
    const yardstick = `with ${FEW.toLocaleString("en")}`;
    rows.push({ what, ours, yardstick, yardstickRate: theirs, ratio: ours / theirs, reach: "≤ 1.5×", unit: "ms" });
  }
  return rows;
}
