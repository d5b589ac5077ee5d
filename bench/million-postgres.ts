// Whether a million archived conversations slow PostgreSQL down; what a look-up by ID reads; and how long a month takes to be dropped.

import type pg from "pg";
import { postgresStores } from "../src/adapters/postgres/postgres-stores.ts";
import type { PgStatement } from "../src/adapters/postgres/pool.ts";
import { ConversationManager } from "../src/core/manager.ts";
import type { Archive } from "../src/core/archive.ts";
import { onPostgres } from "./bench-engines.ts";
import { FEW, MANY, measureCalls, withLive, type FilledStore } from "./calls-on-many.ts";
import { fillPostgres, fiveYears } from "./many-in-postgres.ts";
import { optionsOf, rowsAsMarkdown, within, type BenchOptions, type Row } from "./row.ts";
import { WINDOW } from "./what-is-said.ts";

const CONNECTIONS = 10;
const READERS = 4;
const SECOND_MS = 1000;
/** The oldest month holds so much of all, which is what is dropped at once. */
const OLDEST_PART = 0.1;

interface Plan {
  "Relation Name"?: string;
  "Actual Loops"?: number;
  Plans?: Plan[];
}

/** The tables that a plan has read. */
function tablesOf(plan: Plan): string[] {
  const own = plan["Relation Name"] !== undefined && plan["Actual Loops"]! > 0 ? [plan["Relation Name"]] : [];
  return [...own, ...(plan.Plans ?? []).flatMap(tablesOf)];
}

/** How many partitions reading a conversation looks into, as PostgreSQL explains it. */
async function partitionsRead(pool: pg.Pool, id: string): Promise<number> {
  let sent: PgStatement | undefined;
  const { archive } = await postgresStores({
    pool: {
      query(statement: PgStatement) {
        sent = statement;
        return pool.query(statement as { text: string });
      },
    },
  });
  if ((await archive.read(id, WINDOW)) === null) throw new Error("an archived conversation is not there");
  const { rows } = await pool.query<{ "QUERY PLAN": { Plan: Plan }[] }>(`EXPLAIN (ANALYZE, FORMAT JSON) ${sent!.text}`, sent!.values);
  return new Set(tablesOf(rows[0]!["QUERY PLAN"][0]!.Plan)).size;
}

/** Drops all that is older than this time, while others read; the time that it took, and the longest that one of them waited, in ms. */
async function dropWhileReading(
  archive: Archive,
  before: number,
  ids: readonly string[],
): Promise<{ tookMs: number; waitedMs: number; rows: number }> {
  let dropped = false;
  let waitedMs = 0;
  const read = async (reader: number): Promise<void> => {
    for (let i = reader; !dropped; i += READERS) {
      const began = performance.now();
      await archive.read(ids[i % ids.length]!, WINDOW);
      waitedMs = Math.max(waitedMs, performance.now() - began);
    }
  };
  const reading = Array.from({ length: READERS }, (_, reader) => read(reader));
  // What they do first, a connection opened and a statement prepared, is not waiting for anybody.
  await new Promise((resolve) => setTimeout(resolve, SECOND_MS / 2));
  waitedMs = 0;
  const began = performance.now();
  const { rows } = await archive.purge(before, 1000, false);
  const tookMs = performance.now() - began;
  dropped = true;
  await Promise.all(reading);
  return { tookMs, waitedMs, rows };
}

async function measureMonths(
  pool: pg.Pool,
  oldest: { month: string; count: number },
  store: FilledStore,
  archive: Archive,
): Promise<Row[]> {
  const next = new Date(oldest.month);
  next.setUTCMonth(next.getUTCMonth() + 1);
  const bound = `ITERA_${next.toISOString().slice(0, 10).replaceAll("-", "")}`;
  const staying = store.archived.filter((id) => id >= bound);
  const rows = [within("partitions that a look-up by ID reads", await partitionsRead(pool, staying[0]!), 1, "partitions")];
  const { tookMs, waitedMs, rows: gone } = await dropWhileReading(archive, next.getTime(), staying);
  if (gone !== oldest.count) throw new Error(`${gone} conversations went, not ${oldest.count}`);
  const many = oldest.count.toLocaleString("en");
  rows.push(within(`a month of ${many} conversations dropped`, tookMs, SECOND_MS, "ms"));
  rows.push(within("the longest that a reader waited meanwhile", waitedMs, SECOND_MS, "ms"));
  return rows;
}

/** Measures calls and months: about ten minutes, most of them for filling; with `quick` over a tenth as many. */
export async function run(options: BenchOptions): Promise<Row[]> {
  const count = options.quick ? MANY / 10 : MANY;
  const rows = await onPostgres(async (schema) => {
    const months = fiveYears(count);
    const oldest = { ...months[0]!, count: Math.floor(count * OLDEST_PART) };
    const opened: { pool: pg.Pool; store: FilledStore; archive: Archive }[] = [];
    for (const filled of [[oldest, ...fiveYears(count - oldest.count + months[0]!.count).slice(1)], fiveYears(FEW)]) {
      const pool = (await schema()).openPool({ max: CONNECTIONS });
      const archived = await fillPostgres(pool, filled);
      const stores = await postgresStores({ pool });
      const manager = new ConversationManager(stores, { environment: "D" });
      opened.push({ pool, store: await withLive(manager, archived), archive: stores.archive });
    }
    const stores = opened.map(({ store }) => store);
    const { pool, store, archive } = opened[0]!;
    const measured = [
      ...(await measureCalls(stores, count, " on PostgreSQL", options)),
      ...(await measureMonths(pool, oldest, store, archive)),
    ];
    for (const { manager } of stores) await manager.close();
    return measured;
  });
  return rows ?? [];
}

if (import.meta.main) console.log(rowsAsMarkdown(await run(optionsOf(process.argv))));
