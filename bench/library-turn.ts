// What a turn costs through the library over SQLite, against the same SQL hand-written, where a disk sync takes 0.1 and 2 ms.

import { rmSync } from "node:fs";
import { join } from "node:path";
import { sqliteStores } from "../src/adapters/sqlite/sqlite-stores.ts";
import { ConversationManager } from "../src/core/manager.ts";
import { pace, race, rate, rowOf } from "./race.ts";
import { optionsOf, rowsAsMarkdown, type BenchOptions, type Row } from "./row.ts";
import { databaseFolder, syncMs, syncsInWords, withSyncsOf } from "./slow-syncs.ts";
import { openYardstick, type TurnMessage } from "./sqlite-yardstick.ts";
import { METADATA, said, SESSION, WINDOW, type Said } from "./what-is-said.ts";

const SIZES = [10, 1000, 5000, 49_000] as const;
const CLIENTS = 64;
const BATCH = 100;
const FILLED = 30;
/** The largest size grows while it is measured. */
const UNLIMITED = { conversationMessages: 1e6, conversationBytes: 1e9 };
const FAST_MS = 0.1;
const SLOW_MS = 2;

let made = 0;
const speak = (role: string): Said => said(role, ++made);

/** A message as the hand-written turn stores it. */
function ready(role: string): TurnMessage {
  const body = JSON.stringify(speak(role));
  return { key: `r:${made.toString(36).padStart(12, "0")}`, body, size: body.length };
}

interface World {
  manager: ConversationManager;
  folder: string;
  /** A new conversation of so many messages. */
  fill(size: number): Promise<string>;
}

/** Reads state and newest 20; then one commit of two messages and the state. */
async function plainTurn({ manager }: World, id: string): Promise<void> {
  const found = await manager.getConversation(id, { messages: WINDOW });
  if (found?.messages.length !== Math.min(WINDOW, found!.messageCount)) throw new Error("the window is wrong");
  await manager.appendMessages(id, [speak("user"), speak("assistant")], { state: SESSION });
}

/** Commits the visitor's message, answering the newest 20; then commits the answer and the state. */
async function twoStepTurn({ manager }: World, id: string): Promise<void> {
  const asked = await manager.appendMessages(id, [speak("user")], { window: WINDOW });
  if (asked.window?.length !== Math.min(WINDOW, asked.messageCount)) throw new Error("the window is wrong");
  await manager.appendMessages(id, [speak("assistant")], { state: SESSION });
}

/** Runs `work` over an empty database. */
async function inWorld<T>(work: (world: World) => Promise<T>): Promise<T> {
  const folder = databaseFolder();
  const manager = new ConversationManager(await sqliteStores({ path: join(folder, "ours.db") }), { limits: UNLIMITED });
  async function fill(size: number): Promise<string> {
    const { id } = await manager.createConversation({ metadata: { ...METADATA, ...SESSION } });
    for (let left = size; left > 0; left -= BATCH) await manager.appendMessages(id, dialogue(Math.min(BATCH, left), speak));
    return id;
  }
  try {
    return await work({ manager, folder, fill });
  } finally {
    await manager.close();
    rmSync(folder, { recursive: true });
  }
}

function dialogue<T>(size: number, say: (role: string) => T): T[] {
  return Array.from({ length: size }, (_, i) => say(i % 2 === 0 ? "user" : "assistant"));
}

async function measureTurns(world: World, options: BenchOptions): Promise<Row[]> {
  const { rounds, sliceMs } = pace(options);
  const yardstick = openYardstick(join(world.folder, "yardstick.db"));
  const ids: string[] = [];
  for (let i = 0; i < CLIENTS * 4; i++) {
    const id = await world.fill(FILLED);
    yardstick.add(id, dialogue(FILLED, ready), METADATA, SESSION);
    ids.push(id);
  }
  const conversation = (client: number): string => ids[client + CLIENTS * (made % 4)]!;
  const pair = (): [TurnMessage, TurnMessage] => [ready("user"), ready("assistant")];
  const turns = [
    { what: "a plain turn", ours: plainTurn, theirs: (id: string) => yardstick.plainTurn(id, pair(), SESSION) },
    { what: "a two-step turn", ours: twoStepTurn, theirs: (id: string) => yardstick.twoStepTurn(id, pair(), SESSION) },
  ];
  const slow = syncMs() === SLOW_MS;
  const rows: Row[] = [];
  // Many clients first: by the time that a single one is measured, the code of both sides has been compiled.
  for (const [clients, reach] of [[CLIENTS, slow ? "≥ 10×" : "≥ 1.5×"] as const, [1, slow ? "≥ 0.85×" : "≥ 0.55×"] as const]) {
    for (const { what, ours, theirs } of turns) {
      const [mine = [], hand = []] = await race(
        [
          () => rate(clients, sliceMs, (client) => ours(world, conversation(client))),
          () => rate(1, sliceMs, (client) => theirs(conversation(client))),
        ],
        rounds,
      );
      const named = `${what} through the library, ${syncsInWords()}, ${clients === 1 ? "1 client" : `${clients} clients`}`;
      rows.push(rowOf({ what: named, yardstick: "hand-written, one thread", reach }, mine, hand));
    }
  }
  yardstick.close();
  return rows;
}

/** The same turn in conversations of all sizes; the yardstick of each is ours at the smallest size. */
async function measureSizes(world: World, options: BenchOptions): Promise<Row[]> {
  const { rounds, sliceMs } = pace(options);
  const ids: string[] = [];
  for (const size of SIZES) ids.push(await world.fill(options.quick ? Math.min(size, 5000) : size));
  const rates = await race(
    ids.map((id) => () => rate(1, sliceMs, () => plainTurn(world, id))),
    rounds,
  );
  return SIZES.slice(1).map((size, i) =>
    rowOf(
      { what: `a plain turn at ${size.toLocaleString("en")} messages`, yardstick: `ours at ${SIZES[0]}`, reach: "≥ 0.83×" },
      rates[i + 1]!,
      rates[0]!,
    ),
  );
}

/** Measures turns: about a minute. Without strace only with syncs as they are. */
export async function run(options: BenchOptions): Promise<Row[]> {
  const rows: Row[] = [];
  for (const ms of [FAST_MS, SLOW_MS]) rows.push(...(withSyncsOf(ms, import.meta.filename, options) ?? []));
  if (rows.length === 0) rows.push(...(await inWorld((world) => measureTurns(world, options))));
  return [...rows, ...(await inWorld((world) => measureSizes(world, options)))];
}

if (import.meta.main) {
  const options = optionsOf(process.argv);
  const inner = syncMs() !== null;
  console.log(inner ? JSON.stringify(await inWorld((world) => measureTurns(world, options))) : rowsAsMarkdown(await run(options)));
}
