// A step over any hot store, and through the library: one commit of two messages and the state, answered with the newest 20.

import type { HotStore } from "../src/core/hot-store.ts";
import type { ConversationManager } from "../src/core/manager.ts";
import { race, rate, rowOf, pace } from "./race.ts";
import { within, type BenchOptions, type Row } from "./row.ts";
import { METADATA, said, SESSION, WINDOW, type Said } from "./what-is-said.ts";

/** Many clients, and how many messages the conversations of a race begin with. */
export const CLIENTS = 64;
export const FILLED = 30;
/** For each of the clients. */
export const CONVERSATIONS = 2;

/** The sizes at which a step shall cost the same. */
export const SIZES = [10, 1000, 5000, 49_000] as const;

/** The largest conversation grows while it is measured. */
export const UNLIMITED = { conversationMessages: 1e6, conversationBytes: 1e9 };

const BATCH = 100;
const DAY = 86_400_000;

let made = 0;

/** A message as the hand-written step stores it. */
export interface StepMessage {
  key: string;
  body: string;
  size: number;
}

function dialogue(size: number): Said[] {
  return Array.from({ length: size }, (_, i) => said(i % 2 === 0 ? "user" : "assistant", ++made));
}

/** Messages for the hand-written step. */
export function readyMessages(size: number): StepMessage[] {
  return dialogue(size).map((one) => {
    const body = JSON.stringify(one);
    return { key: `r:${(++made).toString(36).padStart(12, "0")}`, body, size: body.length };
  });
}

/** A new conversation of so many messages; its ID. */
export async function fill(manager: ConversationManager, size: number): Promise<string> {
  const { id } = await manager.createConversation({ metadata: { ...METADATA, ...SESSION } });
  for (let left = size; left > 0; left -= BATCH) await manager.appendMessages(id, dialogue(Math.min(BATCH, left)));
  return id;
}

/** The step of ours. */
export async function step(manager: ConversationManager, id: string): Promise<void> {
  const done = await manager.appendMessages(id, dialogue(2), { state: SESSION, window: WINDOW });
  if (done.window?.length !== Math.min(WINDOW, done.messageCount)) throw new Error("the window is wrong");
}

/** The same by the hot store alone. */
async function commit(hot: HotStore, id: string): Promise<void> {
  const now = Date.now();
  const append = readyMessages(2).map((one) => ({ ...one, digest: null }));
  const touch = { lastAccess: now, expiresAt: now + 2 * DAY, capMs: 7 * DAY };
  const done = await hot.commit(id, { now, require: { openAt: now }, append, session: SESSION, activity: true, touch, window: WINDOW });
  if (done.outcome !== "done" || done.window.length !== Math.min(WINDOW, done.head.lastSeq)) throw new Error(done.outcome);
}

/** What is measured on one engine, wherever the calls are made: rates are steps a second, over a slice of so many milliseconds. */
export interface Contest {
  /** "PostgreSQL". */
  engine: string;
  /** What it is compared with. */
  yardstick: string;
  /** What a step is to be one of: "round trips". */
  trips: string;
  /** How many of them a step took. */
  countTrips(): Promise<number>;
  /** The hot store alone. */
  ours(clients: number, sliceMs: number): Promise<number>;
  /** The whole library over it. */
  library(clients: number, sliceMs: number): Promise<number>;
  theirs(clients: number, sliceMs: number): Promise<number>;
  /** A conversation of this size is made ready; what is answered measures steps on it. */
  atSize(size: number): Promise<(sliceMs: number) => Promise<number>>;
}

/** The rows of one engine. */
export async function measureSteps(contest: Contest, options: BenchOptions): Promise<Row[]> {
  const { rounds, sliceMs } = pace(options);
  const { engine, yardstick } = contest;
  const rows: Row[] = [within(`${contest.trips} of a step on ${engine}`, await contest.countTrips(), 1, contest.trips)];
  for (const clients of [CLIENTS, 1]) {
    const [mine = [], all = [], hand = []] = await race(
      [() => contest.ours(clients, sliceMs), () => contest.library(clients, sliceMs), () => contest.theirs(clients, sliceMs)],
      rounds,
    );
    const who = clients === 1 ? "1 client" : `${clients} clients`;
    rows.push(rowOf({ what: `a step on ${engine}, ${who}`, yardstick, reach: "≥ 0.65×" }, mine, hand));
    rows.push(rowOf({ what: `a step on ${engine} through the library, ${who}`, yardstick, reach: "≥ 0.65×" }, all, hand));
  }
  const sizes: ((sliceMs: number) => Promise<number>)[] = [];
  for (const size of SIZES) sizes.push(await contest.atSize(size));
  const rates = await race(
    // One client alone, and differences of a few hundredths: slices are longer, since syncs do not all take the same time.
    sizes.map((measure) => () => measure(2 * sliceMs)),
    rounds,
  );
  for (const [i, size] of SIZES.entries()) {
    if (i === 0) continue;
    const what = `a step on ${engine} at ${size.toLocaleString("en")} messages`;
    rows.push(rowOf({ what, yardstick: `ours at ${SIZES[0]}`, reach: "≥ 0.83×" }, rates[i]!, rates[0]!));
  }
  return rows;
}

/** The contest of an engine that this process talks to itself. `hand`: the hand-written step on the conversation of this number. */
export async function localContest(given: {
  engine: string;
  yardstick: string;
  trips: string;
  manager: ConversationManager;
  /** How many trips there were until now. */
  counted: () => number;
  /** Makes the hand-written conversation of this number, of 30 messages. */
  addHand: (number: number) => Promise<void>;
  hand: (number: number) => Promise<void>;
}): Promise<Contest> {
  const { manager, counted, addHand, hand } = given;
  const ids: string[] = [];
  for (let i = 0; i < CLIENTS * CONVERSATIONS; i++) {
    ids.push(await fill(manager, FILLED));
    await addHand(i);
  }
  const turns = Array.from({ length: CLIENTS }, () => 0);
  const next = (client: number): number => client + CLIENTS * (turns[client]!++ % CONVERSATIONS);
  return {
    ...given,
    async countTrips() {
      await step(manager, ids[0]!);
      const before = counted();
      await step(manager, ids[0]!);
      return counted() - before;
    },
    ours: (clients, sliceMs) => rate(clients, sliceMs, (client) => commit(manager.stores.hot, ids[next(client)]!)),
    library: (clients, sliceMs) => rate(clients, sliceMs, (client) => step(manager, ids[next(client)]!)),
    theirs: (clients, sliceMs) => rate(clients, sliceMs, (client) => hand(next(client))),
    async atSize(size) {
      const id = await fill(manager, size);
      return (sliceMs) => rate(1, sliceMs, () => step(manager, id));
    },
  };
}
