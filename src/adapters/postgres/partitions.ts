/** The months of the archive: partitions made ahead, and out of what came before there was one for it. */
import type { Engine } from "./engine.ts";
import { sqlStateOf, translate } from "./postgres-errors.ts";

/** Made at the first call and then once an hour at most. */
const PAUSE_MS = 3_600_000;

/** Months that are made beside the one that is. */
const MONTHS_AHEAD = 3;

/** Copying a large default partition takes its time, beside whoever works; only what follows is under a lock, and short. */
const COPYING_MS = 15 * 60_000;

const MAKE = { name: "itera-make-partitions", text: "SELECT itera_make_partitions($1, $2)::TEXT AS answer" };

/**
 * A lock not to be had, a timeout, a deadlock: there is another time. A role that does not own the tables: its owner does it with `itera
 * migrate` or `itera_make_partitions()`. The default partition takes what has no month yet.
 */
const ANOTHER_TIME: ReadonlySet<string | null> = new Set(["55P03", "57014", "40P01", "42501"]);

/**
 * Makes the partitions of this month and of `monthsAhead`, and of the months that the default partition holds; answers how many. Nobody
 * waits for it longer than a second. Throws `StoreUnavailableError` if it does not get its turn: what was there is as it was.
 */
export async function makePartitions(engine: Engine, monthsAhead: number = MONTHS_AHEAD): Promise<number> {
  const values = [monthsAhead, engine.now()];
  if (engine.pool.connect === undefined) return engine.ask<number>(MAKE, values);
  try {
    const client = await engine.pool.connect();
    let isWell = false;
    try {
      await client.query({ text: `SET statement_timeout = ${COPYING_MS}` });
      const { rows } = await client.query({ text: MAKE.text, values, query_timeout: COPYING_MS });
      await client.query({ text: "RESET statement_timeout" });
      isWell = true;
      return Number((rows[0] as { answer: string }).answer);
    } finally {
      // A connection whose timeout may not be the pool's is closed.
      client.release(!isWell);
    }
  } catch (error) {
    throw translate(error);
  }
}

/** Sees to it that there are partitions, whenever the cleanup comes by. */
export interface PartitionKeeper {
  /** Makes them if it was not done within the hour. */
  keepUp(): Promise<void>;
}

/** A keeper for one archive. */
export function partitionKeeper(engine: Engine): PartitionKeeper {
  let next = -Infinity;
  return {
    async keepUp() {
      if (performance.now() < next) return;
      next = performance.now() + PAUSE_MS;
      try {
        // At most 24 months are made at once.
        while ((await makePartitions(engine)) >= 24);
      } catch (error) {
        if (!ANOTHER_TIME.has(sqlStateOf(error instanceof Error ? (error.cause ?? error) : error))) throw error;
      }
    },
  };
}
