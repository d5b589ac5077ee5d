/**
 * Removing what was wiped from the tables' files: VACUUM, once nobody can see it any more. That frees its space. The bytes in a freed space
 * are overwritten when the space is used again, or by a rewrite (VACUUM FULL), and the write-ahead log keeps them until it is recycled.
 */
import type { Engine } from "./engine.ts";
import type { PgClientLike } from "./pool.ts";
import { sqlStateOf, translate } from "./postgres-errors.ts";

/** So long a caller waits, in ms; what takes longer goes on, and is seen by the next call. */
const MOMENT_MS = 1000;

/** So often, and with such a pause in ms, it is looked whether everybody who can still see it is gone. */
const LOOKS = 5;
const PAUSE_MS = 20;

/** The timeout of a VACUUM in ms. */
const VACUUM_MS = 15 * 60_000;

// The last wiping that is left; whether every transaction that may still see what it removed has ended, as far as this role is shown the
// sessions of others (`pg_read_all_stats` shows all); whether this role may vacuum.
const LOOK = {
  name: "itera-scrub-look",
  text: `
    WITH last AS (
      SELECT xid FROM conversation_wiped WHERE what = $1 ORDER BY xid DESC LIMIT 1
    ), seen AS (
      SELECT unnest(ARRAY[backend_xid, CASE WHEN coalesce(datname, current_database()) = current_database() THEN backend_xmin END]) AS xid
        FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker'
      UNION ALL SELECT xmin FROM pg_replication_slots
      UNION ALL SELECT transaction FROM pg_prepared_xacts WHERE database = current_database()
    )
    SELECT json_build_array(last.xid::TEXT,
        NOT EXISTS (SELECT 1 FROM seen WHERE seen.xid IS NOT NULL AND age(seen.xid) >= age(last.xid::XID)),
        (SELECT bool_and(pg_has_role(relowner, 'USAGE')) FROM pg_class WHERE oid = ANY ($2::REGCLASS[]))
      )::TEXT AS answer
      FROM last`,
};

const DONE = {
  name: "itera-scrub-done",
  text: "WITH gone AS (DELETE FROM conversation_wiped WHERE what = $1 AND xid <= $2::XID8) SELECT 'null' AS answer",
};

/** Statement cancelled or lock not to be had: not now. */
const BUSY: ReadonlySet<string | null> = new Set(["57014", "55P03"]);

/** Runs VACUUM, one at a time. */
export interface Scrubber {
  /** True: nothing is left. False: somebody can still see what was wiped, it takes longer than a second, or the role may not. */
  scrub(): Promise<boolean>;
  /** Ends it, after a moment. What it has not done is done by the next one. */
  stop(): Promise<void>;
}

function moment(ms: number): { passed: Promise<null>; cancel: () => void } {
  let cancel = (): void => {};
  const passed = new Promise<null>((resolve) => {
    const timer = setTimeout(() => resolve(null), ms);
    cancel = () => clearTimeout(timer);
  });
  return { passed, cancel };
}

/** A scrubber for the tables of which `conversation_wiped` speaks as `what`. */
export function scrubberOf(engine: Engine, what: string, tables: readonly string[]): Scrubber {
  const vacuum = `VACUUM ${tables.join(", ")}`;
  let running: Promise<boolean> | null = null;
  let client: PgClientLike | null = null;
  let isStopped = false;

  function giveBack(destroy: boolean): void {
    client?.release(destroy);
    client = null;
  }

  async function runVacuum(): Promise<void> {
    if (engine.pool.connect === undefined) {
      await engine.pool.query({ text: vacuum });
      return;
    }
    const mine = await engine.pool.connect();
    client = mine;
    let isWell = false;
    try {
      await mine.query({ text: `SET statement_timeout = ${VACUUM_MS}` });
      await mine.query({ text: vacuum, query_timeout: VACUUM_MS });
      await mine.query({ text: "RESET statement_timeout" });
      isWell = true;
    } finally {
      // A connection whose timeout may not be the pool's is closed.
      if (client === mine) giveBack(!isWell);
    }
  }

  async function work(): Promise<boolean> {
    for (let look = 1; !isStopped; look++) {
      const found = await engine.ask<[xid: string, ripe: boolean, mayVacuum: boolean] | null>(LOOK, [what, `{${tables.join(",")}}`]);
      if (found === null) return true;
      const [xid, ripe, mayVacuum] = found;
      if (!mayVacuum) return false;
      if (ripe) {
        await runVacuum();
        await engine.ask(DONE, [what, xid]);
        return true;
      }
      if (look === LOOKS) return false;
      await moment(PAUSE_MS).passed;
    }
    return false;
  }

  async function attempt(): Promise<boolean> {
    try {
      return await work();
    } catch (error) {
      if (isStopped || BUSY.has(sqlStateOf(error instanceof Error ? (error.cause ?? error) : error))) return false;
      throw translate(error);
    } finally {
      running = null;
    }
  }

  return {
    async scrub() {
      if (isStopped) return false;
      const { passed, cancel } = moment(MOMENT_MS);
      try {
        // One that is under way may have begun before what this caller knows of was wiped.
        await Promise.race([running?.catch(() => false), passed]);
        if (running !== null) return false;
        running = attempt();
        return (await Promise.race([running, passed])) ?? false;
      } finally {
        cancel();
      }
    },

    async stop() {
      isStopped = true;
      const { passed, cancel } = moment(MOMENT_MS);
      await Promise.race([running?.catch(() => false), passed]);
      cancel();
      giveBack(true);
    },
  };
}
