// How fast conversation IDs are made and checked, against the platform's UUID and the libraries whose IDs carry the time.

import KSUID from "ksuid";
import { typeidUnboxed } from "typeid-js";
import { monotonicFactory } from "ulid";
import { v7 } from "uuid";
import { ConversationIDGenerator } from "../src/core/id.ts";
import { rowsAsMarkdown } from "./row.ts";
import type { Row } from "./row.ts";

const ROUNDS = 15;
const SLICE_MS = 50;
const CALLS_BETWEEN_LOOKS = 500;

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

let sum = 0;

/** Calls a second, over a slice of time. Every result is used: looking at a string's last character makes the engine join its pieces, for all alike. */
function rate(make: () => string): number {
  const start = performance.now();
  let calls = 0;
  let elapsed = 0;
  while (elapsed < SLICE_MS) {
    for (let i = 0; i < CALLS_BETWEEN_LOOKS; i++) {
      const text = make();
      sum += text.charCodeAt(text.length - 1);
    }
    calls += CALLS_BETWEEN_LOOKS;
    elapsed = performance.now() - start;
  }
  return (calls / elapsed) * 1000;
}

/** The rates of each maker over all rounds; within a round they take turns, and each round begins with another one. The first two rounds warm up and do not count. */
function race(makers: readonly (() => string)[]): number[][] {
  const rates: number[][] = makers.map(() => []);
  for (let round = -2; round < ROUNDS; round++) {
    for (let turn = 0; turn < makers.length; turn++) {
      const index = (turn + round + makers.length) % makers.length;
      const measured = rate(makers[index]!);
      if (round >= 0) rates[index]!.push(measured);
    }
  }
  return rates;
}

/** Measures `generate` and `validate`: about seven seconds. */
export async function run(): Promise<Row[]> {
  const ulid = monotonicFactory();
  const yardsticks: { name: string; reach: string; make: () => string }[] = [
    { name: "crypto.randomUUID", reach: "≥ 1.2×", make: () => crypto.randomUUID() },
    { name: "uuid v7", reach: "≥ 2×", make: () => v7() },
    { name: "ulid, monotonic", reach: "≥ 2×", make: () => ulid() },
    { name: "typeid", reach: "≥ 2×", make: () => typeidUnboxed("conv") },
    { name: "ksuid", reach: "≥ 2×", make: () => KSUID.randomSync().string },
  ];
  const [ours = [], ...others] = race([() => ConversationIDGenerator.generate(), ...yardsticks.map(({ make }) => make)]);
  const rows = yardsticks.map(({ name, reach }, index): Row => {
    const theirs = others[index]!;
    const ratio = median(ours.map((mine, round) => mine / theirs[round]!));
    return { what: "an ID generated", ours: median(ours), yardstick: name, yardstickRate: median(theirs), ratio, reach };
  });

  // Many different IDs, every fourth of them wrong at its last character, which is where a check takes longest.
  const ids = Array.from({ length: 4096 }, (_, i) => ConversationIDGenerator.generate().slice(0, 35) + "PSDX".charAt(i % 4));
  let next = 0;
  const [checks = []] = race([
    () => {
      next = (next + 1) % ids.length;
      return ConversationIDGenerator.validate(ids[next]) ? "yes" : "no";
    },
  ]);
  const million = 1e6;
  const checked = median(checks);
  rows.push({
    what: "an ID validated",
    ours: checked,
    yardstick: "5 million a second",
    yardstickRate: 5 * million,
    ratio: checked / (5 * million),
    reach: "≥ 1×",
  });
  if (!Number.isFinite(sum)) throw new Error("a maker gave an empty text");
  return rows;
}

if (import.meta.main) console.log(rowsAsMarkdown(await run()));
