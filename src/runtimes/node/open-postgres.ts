/** A PostgreSQL opened: brought up to date, checked, with pools for requests and for jobs. */
import { migratePostgres, planPostgres } from "../../adapters/postgres/migrate.ts";
import { openEngine } from "../../adapters/postgres/engine.ts";
import { makePartitions } from "../../adapters/postgres/partitions.ts";
import { postgresRateLimiter } from "../../adapters/postgres/rate-limiter.ts";
import { postgresStores } from "../../adapters/postgres/postgres-stores.ts";
import { StoreUnavailableError } from "../../core/errors.ts";
import type { OpenEngine } from "./open-stores.ts";
import { createPool, endPool, withConnection, type Patience } from "./pg-pool.ts";

/** Connections for jobs: few, since one sweep runs at a time. */
const JOB_CONNECTIONS = 2;

/** How it is opened. */
export interface PostgresPlace {
  readonly idPrefix: string;
  readonly poolSize: number;
  readonly patience: Patience;
  /** Make tables that are not there; else their lack is an error. */
  readonly create: boolean;
  /** The variable or option with the address. */
  readonly wanted: string;
  /** Whether archive and directory are here too. */
  readonly directory: boolean;
  /** Kept there for `cleanup_old_conversations()`; undefined: as it is. */
  readonly retentionYears?: number | undefined;
}

const KEEP_RETENTION = `INSERT INTO conversation_meta AS kept (key, value) VALUES ('retention_years', $1)
  ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE kept.value <> excluded.value`;

/** What a pool is doing. */
function counts({ totalCount, idleCount, waitingCount }: Awaited<ReturnType<typeof createPool>>) {
  return { total: totalCount, idle: idleCount, waiting: waitingCount };
}

/** Opens it. Throws what `openStoresAt` throws; nothing is left open then. */
export async function openPostgres(url: string, place: PostgresPlace): Promise<OpenEngine> {
  const { idPrefix, poolSize, patience, create, wanted, directory, retentionYears } = place;
  await withConnection(url, wanted, async (connection) => {
    if (!create && (await planPostgres(connection, { idPrefix })).pending.length > 0) {
      throw new StoreUnavailableError(
        `The PostgreSQL of ${wanted} has not the tables of this version. Run itera migrate, or start the server once.`,
      );
    }
    await migratePostgres(connection, { idPrefix });
    if (retentionYears !== undefined) await connection.query(KEEP_RETENTION, [String(retentionYears)]);
  });
  const pool = await createPool({ url, size: poolSize, patience, wanted });
  // A command waits for one thing after another anyway.
  const jobPool = patience === "work" ? pool : await createPool({ url, size: JOB_CONNECTIONS, patience: "work", wanted });
  const endPools = async (): Promise<void> => {
    await Promise.all([endPool(pool), endPool(jobPool)]);
  };
  try {
    const stores = await postgresStores({ pool, idPrefix, directory });
    const jobs = jobPool === pool ? stores : await postgresStores({ pool: jobPool, idPrefix, directory });
    return {
      stores,
      jobs,
      limiter: postgresRateLimiter(pool),
      figures: () => ({ pools: { requests: counts(pool), ...(jobPool !== pool && { jobs: counts(jobPool) }) } }),
      prepare: async () => void (await makePartitions(openEngine(jobPool))),
      async close() {
        // What the stores have under way needs the pools to the last.
        await Promise.all([stores.close(), jobs.close()]);
        await endPools();
      },
    };
  } catch (error) {
    await endPools();
    throw error;
  }
}
