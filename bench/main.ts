// `npm run bench [-- name …] [--quick] [--long]`: runs the benchmarks one after the other and prints one Markdown table, and nothing else.

import { availableParallelism, cpus } from "node:os";
import { run as ids } from "./ids.ts";
import { run as library } from "./library-turn.ts";
import { run as longLoad } from "./long-load.ts";
import { run as million } from "./million.ts";
import { run as millionPostgres } from "./million-postgres.ts";
import { run as objects } from "./object-step.ts";
import { run as postgres } from "./postgres-step.ts";
import { run as pressure } from "./pressure.ts";
import { run as redis } from "./redis-step.ts";
import { optionsOf, rowsAsMarkdown, type BenchOptions, type Row } from "./row.ts";
import { run as ports } from "./sqlite-turn.ts";
import { run as start } from "./start.ts";
import { run as http } from "./http-step.ts";
import { run as workerSize } from "./worker-size.ts";

const BENCHES: Readonly<Record<string, (options: BenchOptions) => Promise<Row[]>>> = {
  ids,
  library,
  ports,
  postgres,
  redis,
  objects,
  http,
  pressure,
  million,
  "million-postgres": millionPostgres,
  start,
  "worker-size": workerSize,
  long: longLoad,
};

const FLAGS = ["--quick", "--long"];

const args = process.argv.slice(2);
const names = args.filter((arg) => !arg.startsWith("--"));
const unknown = [
  ...names.filter((name) => !Object.hasOwn(BENCHES, name)),
  ...args.filter((arg) => arg.startsWith("--") && !FLAGS.includes(arg)),
];
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(", ")}. Benchmarks are ${Object.keys(BENCHES).join(", ")}; flags are ${FLAGS.join(" and ")}.`);
  process.exit(2);
}

const options = optionsOf(args);
const rows: Row[] = [];
for (const name of names.length > 0 ? names : Object.keys(BENCHES)) {
  console.error(`${name} …`);
  rows.push(...(await BENCHES[name]!(options)));
}
const machine = `${availableParallelism()} CPUs (${cpus()[0]?.model.trim() ?? "unknown"}), Node ${process.versions.node}`;
console.log(
  `${new Date().toISOString().slice(0, 10)}, ${machine}${options.quick ? ", quick: rounds too short to judge by" : ""}\n\n${rowsAsMarkdown(rows)}`,
);
