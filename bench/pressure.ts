// How the server behaves at half of what it can do, at five times that, and afterwards.

import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { FloodSettings } from "./flood.ts";
import { setStage, type Stage } from "./http-step.ts";
import { closedLoop, openLoop, percentile, type Outcome } from "./load.ts";
import { optionsOf, rowsAsMarkdown, within, type BenchOptions, type Row } from "./row.ts";

const CLIENTS = [64, 256] as const;
const FLOOD_CONNECTIONS = 1000;
const SHED_MS = 100;
const RECOVERY_MS = 5000;
const TIMES = 5;

/** Milliseconds of each part. */
function spans({ quick }: BenchOptions): { most: number; half: number; over: number; after: number } {
  return quick ? { most: 1500, half: 5000, over: 3000, after: 3000 } : { most: 5000, half: 60_000, over: 10_000, after: 10_000 };
}

/** The most steps a second, with few clients or many. */
async function maximum({ clients, step }: Stage, ms: number): Promise<number> {
  let most = 0;
  for (const count of CLIENTS) {
    const few = clients.slice(0, count);
    // Once to warm up.
    await closedLoop(few, ms / 2, step);
    most = Math.max(most, (await closedLoop(few, ms, step)).rate);
  }
  return most;
}

async function flood({ served, paths }: Stage, ms: number, perSecond: number): Promise<Outcome> {
  const settings: FloodSettings = { url: served.url, paths, connections: FLOOD_CONNECTIONS, ms, perSecond };
  const worker = new Worker(new URL("./flood.ts", import.meta.url), { workerData: settings });
  // The cast: `flood.ts` posts nothing else.
  const [outcome] = (await once(worker, "message")) as [Outcome];
  await worker.terminate();
  return outcome;
}

/** A row of what must not happen. */
function none(what: string, count: number, of: number): Row {
  return { what, ours: count, yardstick: "requests", yardstickRate: of, ratio: count / of, reach: "≤ 0×", unit: "" };
}

function halfRows(half: Outcome): Row[] {
  const [p50, p99] = [percentile(half.served, 0.5), percentile(half.served, 0.99)];
  const errors = half.failed + half.shed.length + half.unsent;
  return [
    {
      what: "p99 of a step at half of the maximum",
      ours: p99,
      yardstick: "its p50",
      yardstickRate: p50,
      ratio: p99 / p50,
      reach: "≤ 5×",
      unit: "ms",
    },
    none("errors at half of the maximum", errors, half.served.length + errors),
  ];
}

function overRows(over: Outcome, most: number): Row[] {
  const offered = over.served.length + over.shed.length + over.unsent + over.failed;
  const part = (count: number): string => `${((100 * count) / offered).toFixed(0)} %`;
  const overload = `at ${TIMES}× the maximum over ${FLOOD_CONNECTIONS} connections (${part(over.shed.length)} shed, ${part(over.unsent)} never sent)`;
  return [
    ...(over.shed.length === 0 ? [] : [within(`p99 of refusals ${overload}`, percentile(over.shed, 0.99), SHED_MS, "ms")]),
    { what: `steps ${overload}`, ours: over.rate, yardstick: "the maximum", yardstickRate: most, ratio: over.rate / most, reach: "≥ 0.8×" },
    none("other failures under that overload", over.failed, offered),
  ];
}

function afterRow(after: Outcome, half: Outcome): Row {
  const [ours, before] = [percentile(after.served, 0.5), percentile(half.served, 0.5)];
  const what = `p50 at half of the maximum, ${RECOVERY_MS / 1000} s after the overload`;
  return { what, ours, yardstick: "before it", yardstickRate: before, ratio: ours / before, reach: "≤ 1.5×", unit: "ms" };
}

/** Presses on the built server: about a minute and a half. */
export async function run(options: BenchOptions): Promise<Row[]> {
  const ms = spans(options);
  const stage = await setStage({ which: "ours" }, Math.max(...CLIENTS));
  try {
    const most = await maximum(stage, ms.most);
    const atHalf = (span: number): Promise<Outcome> => openLoop(stage.clients, { ms: span, perSecond: most / 2, since: "due" }, stage.step);
    const half = await atHalf(ms.half);
    const over = await flood(stage, ms.over, most * TIMES);
    await sleep(RECOVERY_MS);
    return [...halfRows(half), ...overRows(over, most), afterRow(await atHalf(ms.after), half)];
  } finally {
    await stage.close();
  }
}

if (import.meta.main) console.log(rowsAsMarkdown(await run(optionsOf(process.argv))));
