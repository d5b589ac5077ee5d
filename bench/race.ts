// Ours and a yardstick taking turns on the same machine, so that whatever else runs there slows both alike.

import type { BenchOptions, Row } from "./row.ts";

/** The middle of some values. */
export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** How often and for how long each side runs. The first round warms up and does not count. */
export function pace({ quick }: BenchOptions): { rounds: number; sliceMs: number } {
  return quick ? { rounds: 3, sliceMs: 60 } : { rounds: 15, sliceMs: 150 };
}

/** Something that is done again and again by each of some clients; the number is the client's. */
export type Turn = (client: number) => Promise<unknown> | void;

/** Turns a second: each client does one after the other, for `sliceMs`. */
export async function rate(clients: number, sliceMs: number, turn: Turn): Promise<number> {
  const start = performance.now();
  let turns = 0;
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      while (performance.now() - start < sliceMs) {
        await turn(client);
        turns++;
      }
    }),
  );
  return (turns / (performance.now() - start)) * 1000;
}

/** The rates of each runner over all rounds; within a round they take turns, and each round begins with another one. */
export async function race(runners: readonly (() => Promise<number>)[], rounds: number): Promise<number[][]> {
  const rates: number[][] = runners.map(() => []);
  for (let round = -1; round < rounds; round++) {
    for (let turn = 0; turn < runners.length; turn++) {
      const index = (turn + round + 1) % runners.length;
      const measured = await runners[index]!();
      if (round >= 0) rates[index]!.push(measured);
    }
  }
  return rates;
}

/** A row from what `race` measured. */
export function rowOf(named: Pick<Row, "what" | "yardstick" | "reach">, ours: readonly number[], theirs: readonly number[]): Row {
  const ratio = median(ours.map((rate, round) => rate / theirs[round]!));
  return { ...named, ours: median(ours), yardstickRate: median(theirs), ratio };
}
