/** What `itera migrate` does: brings the configured databases up to date, or says with which SQL it would. */
import { migratePostgres, planPostgres, type MigrateReport, type MigrateStep } from "../../adapters/postgres/migrate.ts";
import { migrationTitle } from "../../adapters/postgres/migration.ts";
import { migrationScript } from "../../adapters/postgres/migration-script.ts";
import type { Config } from "./config.ts";
import { openStores } from "./open-manager.ts";
import { withConnection } from "./pg-pool.ts";
import { nameOf } from "./store-url.ts";

export type { MigrateStep } from "../../adapters/postgres/migrate.ts";

/** One database, and what was done there. */
export interface MigratedStore {
  /** The path of its file, or the name of its engine. */
  readonly store: string;
  /** The migrations that ran now, `001-conversations`. */
  readonly ran: readonly string[];
  /** What became of a table of the guide's time, or null. */
  readonly upgrade: MigrateReport["upgrade"];
}

/** One database, and what would be done there. */
export interface PlannedStore {
  readonly store: string;
  readonly pending: readonly string[];
  /** The SQL for `psql`; empty if there is nothing to do. */
  readonly sql: string;
}

/** Those of the configured stores that are PostgreSQL, each with the variable that names it. */
function* postgresOf(config: Config): Generator<{ url: string; wanted: string; store: string }> {
  const places = [
    ["DATABASE_URL", config.database],
    ["HOT_STORE_URL", config.hotStore],
  ] as const;
  for (const [wanted, place] of places) {
    if (place?.engine === "postgresql") yield { url: place.url, wanted, store: nameOf(place) };
  }
}

/** Migrates every configured database. SQLite is migrated by being opened, and Redis has no schema. Throws like `migratePostgres`. */
export async function migrateStores(config: Config, onStep: (step: MigrateStep) => void): Promise<MigratedStore[]> {
  const done: MigratedStore[] = [];
  for (const { url, wanted, store } of postgresOf(config)) {
    const { ran, upgrade } = await withConnection(url, wanted, (connection) =>
      migratePostgres(connection, { idPrefix: config.idPrefix, onStep }),
    );
    done.push({ store, ran: ran.map(migrationTitle), upgrade });
  }
  if (done.length === 0) {
    const opened = await openStores(config);
    await opened.close();
    done.push({ store: nameOf(config.database), ran: [], upgrade: null });
  }
  return done;
}

/** What `migrateStores` would run now, as SQL. Changes nothing. */
export async function planStores(config: Config): Promise<PlannedStore[]> {
  const plans: PlannedStore[] = [];
  for (const { url, wanted, store } of postgresOf(config)) {
    const { idPrefix } = config;
    const plan = await withConnection(url, wanted, (connection) => planPostgres(connection, { idPrefix }));
    const { pending, first, aside } = plan;
    const sql = await migrationScript({ pending, first, before: aside, idPrefix: first ? idPrefix : undefined });
    plans.push({ store, pending: pending.map(migrationTitle), sql });
  }
  return plans;
}
