// What a turn costs through the ports over SQLite, against the same turn hand-written, with the disk as it is and with syncs of 2 ms.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sqliteStores } from "../src/adapters/sqlite/sqlite-stores.ts";
import type { HotStore } from "../src/core/hot-store.ts";
import { makeWhole } from "../src/conformance/make-conversation.ts";
import { rowsAsMarkdown } from "./row.ts";
import type { Row } from "./row.ts";
import { openYardstick, type TurnMessage, type Yardstick } from "./sqlite-yardstick.ts";

const SIZES = [10, 1000, 5000, 49_000] as const;
const CLIENTS = 64;
const ROUNDS = 15;
const SLICE_MS = 150;
const WINDOW = 20;
const DAY = 86_400_000;
/** Set in the process that runs under strace: its syncs take this long, and it prints its rows as JSON. */
const SYNC_MS = process.env["BENCH_SYNC_MS"];

const METADATA = { source: "chatbot_widget", userAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36", clientIP: "192.0.2.17" };
const SESSION = {
  step: "contact",
  context: { matter: "printer", urgency: "high", asked: ["matter", "urgency"] },
  leadData: { name: "Maria Rossi", phone: "+39 02 555" },
};

let made = 0;
function message(role: string): TurnMessage {
  const body = JSON.stringify({
    role,
    content: `${role} ${++made}: the printer on the second floor prints empty pages since this morning, can somebody come and look at it?`,
  });
  return { key: `r:${made.toString(36).padStart(12, "0")}`, body, size: body.length };
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Turns a second: each client runs one after the other for a slice of time. */
async function rate(clients: number, turn: (client: number) => Promise<void> | void): Promise<number> {
  const start = performance.now();
  let turns = 0;
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      while (performance.now() - start < SLICE_MS) {
        await turn(client);
        turns++;
      }
    }),
  );
  return (turns / (performance.now() - start)) * 1000;
}

/** `keyed`: the messages carry IDs, which are looked up. */
async function plainTurn(hot: HotStore, id: string, keyed = false): Promise<void> {
  const whole = await hot.read(id, WINDOW);
  if (whole?.messages.length !== Math.min(WINDOW, whole!.head.lastSeq)) throw new Error("the window is wrong");
  const now = Date.now();
  const append = [message("user"), message("assistant")].map((one) => ({ ...one, digest: keyed ? one.key : null }));
  const touch = { lastAccess: now, expiresAt: now + 2 * DAY, capMs: 7 * DAY };
  const done = await hot.commit(id, { now, require: { openAt: now }, append, session: SESSION, activity: true, touch });
  if (done.outcome !== "done") throw new Error(done.outcome);
}

async function twoStepTurn(hot: HotStore, id: string): Promise<void> {
  for (const role of ["user", "assistant"]) {
    const now = Date.now();
    const touch = { lastAccess: now, expiresAt: now + 2 * DAY, capMs: 7 * DAY };
    const change = { now, require: { openAt: now }, append: [{ ...message(role), digest: null }], activity: true as const, touch };
    const done = await hot.commit(id, role === "user" ? { ...change, window: WINDOW } : { ...change, session: SESSION });
    if (done.outcome !== "done" || (role === "user" && done.window.length !== Math.min(WINDOW, done.head.lastSeq)))
      throw new Error(done.outcome);
  }
}

/** Stores the same conversation on both sides. */
async function fill(hot: HotStore, yardstick: Yardstick, size: number): Promise<string> {
  const messages = Array.from({ length: size }, (_, i) => message(i % 2 === 0 ? "user" : "assistant")).map((one) => ({
    ...one,
    digest: one.key,
  }));
  const whole = makeWhole(Date.now(), messages, { metadata: METADATA, session: SESSION });
  yardstick.add(whole.head.id, messages, METADATA, SESSION);
  await hot.create(whole);
  return whole.head.id;
}

interface Contest {
  what: string;
  reach: string;
  clients: number;
  ours: (client: number) => Promise<void>;
  theirs: (client: number) => void;
}

async function measure({ what, reach, clients, ours, theirs }: Contest): Promise<Row> {
  const rates: { ours: number; theirs: number }[] = [];
  for (let round = -1; round < ROUNDS; round++) {
    const one = { ours: await rate(clients, ours), theirs: await rate(1, theirs) };
    if (round >= 0) rates.push(one);
  }
  return {
    what: `${what}, ${clients === 1 ? "1 client" : `${clients} clients`}`,
    ours: median(rates.map((one) => one.ours)),
    yardstick: "hand-written, one thread",
    yardstickRate: median(rates.map((one) => one.theirs)),
    ratio: median(rates.map((one) => one.ours / one.theirs)),
    reach,
  };
}

async function measureAll(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "bench-"));
  const { hot, close } = await sqliteStores({ path: join(folder, "ours.db") });
  const yardstick = openYardstick(join(folder, "yardstick.db"));
  try {
    const ids: string[] = [];
    for (let i = 0; i < CLIENTS * 4; i++) ids.push(await fill(hot, yardstick, 30));
    const rows = await measureTurns(hot, yardstick, ids);
    if (SYNC_MS === undefined) rows.push(...(await measureSizes(hot, yardstick)));
    return rows;
  } finally {
    yardstick.close();
    await close();
    rmSync(folder, { recursive: true });
  }
}

async function measureTurns(hot: HotStore, yardstick: Yardstick, ids: readonly string[]): Promise<Row[]> {
  const sync = SYNC_MS === undefined ? "syncs as they are" : `syncs of ${SYNC_MS} ms`;
  const reaches = SYNC_MS === undefined ? ["≥ 0.55×", "≥ 1.5×"] : ["≥ 0.85×", "≥ 10×"];
  // Each client has four conversations, one after the other.
  const id = (client: number): string => ids[client + CLIENTS * (made % 4)]!;
  const pair = (): [TurnMessage, TurnMessage] => [message("user"), message("assistant")];
  const plain = { ours: (c: number) => plainTurn(hot, id(c)), theirs: (c: number) => yardstick.plainTurn(id(c), pair(), SESSION) };
  const twoStep = { ours: (c: number) => twoStepTurn(hot, id(c)), theirs: (c: number) => yardstick.twoStepTurn(id(c), pair(), SESSION) };
  const rows: Row[] = [];
  for (const [i, clients] of [1, CLIENTS].entries()) {
    const reach = reaches[i]!;
    rows.push(await measure({ ...plain, what: `a plain turn, ${sync}`, clients, reach }));
    rows.push(await measure({ ...twoStep, what: `a two-step turn, ${sync}`, clients, reach }));
  }
  return rows;
}

/** The same turn in conversations of all sizes, taking turns within each round; the yardstick of each is ours at the smallest size. */
async function measureSizes(hot: HotStore, yardstick: Yardstick): Promise<Row[]> {
  const ids: string[] = [];
  for (const size of SIZES) ids.push(await fill(hot, yardstick, size));
  const rates: number[][] = SIZES.map(() => []);
  for (let round = -1; round < ROUNDS; round++) {
    for (const [i, id] of ids.entries()) {
      const measured = await rate(1, () => plainTurn(hot, id, true));
      if (round >= 0) rates[i]!.push(measured);
    }
  }
  return SIZES.slice(1).map((size, i) => ({
    what: `a plain turn with message IDs at ${size.toLocaleString("en")} messages, 1 client`,
    ours: median(rates[i + 1]!),
    yardstick: `ours at ${SIZES[0]}`,
    yardstickRate: median(rates[0]!),
    ratio: median(rates[i + 1]!.map((one, round) => one / rates[0]![round]!)),
    reach: "≥ 0.83×",
  }));
}

/** The same in a process whose every disk sync takes 2 ms longer, by strace; without strace, nothing. */
function measureSlow(): Row[] {
  const inject = "inject=fsync,fdatasync:delay_exit=2000";
  const command = [
    "-f",
    "--seccomp-bpf",
    "-qq",
    "-o",
    "/dev/null",
    "-e",
    "trace=fsync,fdatasync",
    "-e",
    inject,
    process.execPath,
    import.meta.filename,
  ];
  const { status, stdout, stderr } = spawnSync("strace", command, { encoding: "utf8", env: { ...process.env, BENCH_SYNC_MS: "2" } });
  if (status === 0) return JSON.parse(stdout) as Row[];
  console.error(`skipped: syncs of 2 ms need strace: ${stderr}`);
  return [];
}

/** Measures turns: about a minute. */
export async function run(): Promise<Row[]> {
  return [...(await measureAll()), ...measureSlow()];
}

if (import.meta.main) console.log(SYNC_MS === undefined ? rowsAsMarkdown(await run()) : JSON.stringify(await measureAll()));
