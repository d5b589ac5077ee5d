/** What is behind the hot store of a Worker: archive, directory and records, in PostgreSQL, in D1, or nowhere. */
import type { D1DatabaseLike } from "../../adapters/d1/d1-database.ts";
import { durableObjectRecords } from "../../adapters/durable-objects/records.ts";
import type { Stores } from "../../core/stores.ts";
import type { CheckedSettings } from "../check-settings.ts";
import { ConfigurationError } from "../node/configuration-error.ts";
import type { Env, HyperdriveLike, WorkerContext } from "./env.ts";

/** The stores without the hot one. */
export type Behind = Omit<Stores, "hot">;

/** How PostgreSQL is reached. */
export interface PostgresOpener {
  /** Opens the database of a binding. Throws `StoreUnavailableError` if it does not answer or is not prepared, `InvalidInputError` if its IDs have another prefix. */
  open(binding: HyperdriveLike, idPrefix: string): Promise<Behind>;
  /** Does the work of one request, cron or alarm, whose statements share a connection. */
  during<T>(context: WorkerContext, work: () => Promise<T>): Promise<T>;
}

/** Makes the stores of a D1 database. */
export type D1Opener = (database: D1DatabaseLike, idPrefix: string) => Behind;

let postgres: PostgresOpener | null = null;
let d1: D1Opener | null = null;

/** From now on `CONVERSATIONS_DB` is opened by this. `d1.ts` calls it when it is imported: the Worker with PostgreSQL does without it. */
export function openD1With(opener: D1Opener): void {
  d1 = opener;
}

/** From now on `HYPERDRIVE` is opened by this. `postgres.ts` calls it when it is imported: with it a Worker is a third larger, so only those have it that need it. */
export function openPostgresWith(opener: PostgresOpener): void {
  postgres = opener;
}

/** Does the work of one request, cron or alarm; where PostgreSQL is bound its statements share a connection. */
export function duringRequest<T>({ HYPERDRIVE }: Env, context: WorkerContext, work: () => Promise<T>): Promise<T> {
  return HYPERDRIVE && postgres ? postgres.during(context, work) : work();
}

/**
 * Opens it: PostgreSQL through Hyperdrive, else D1, else none: what is over stays where it is, and records are in objects, if those are bound. Throws `ConfigurationError` for a Hyperdrive that
 * this Worker was built without, and what opening throws.
 */
export async function openBehind({ HYPERDRIVE, CONVERSATIONS_DB, CONVERSATIONS }: Env, { idPrefix }: CheckedSettings): Promise<Behind> {
  if (HYPERDRIVE) {
    if (postgres) return postgres.open(HYPERDRIVE, idPrefix);
    throw new ConfigurationError([
      {
        variable: "HYPERDRIVE",
        wrong: "it is bound, and this Worker was built without PostgreSQL",
        right: "deploy src/runtimes/worker/main-postgres.ts, or import itera-conversations/worker/postgres, or take the binding out",
      },
    ]);
  }
  if (!CONVERSATIONS_DB) {
    return { archive: null, directory: null, records: CONVERSATIONS ? durableObjectRecords({ namespace: CONVERSATIONS }) : null };
  }
  if (d1) return d1(CONVERSATIONS_DB, idPrefix);
  throw new ConfigurationError([
    {
      variable: "CONVERSATIONS_DB",
      wrong: "it is bound, HYPERDRIVE is not, and this Worker was built for PostgreSQL alone",
      right: "bind HYPERDRIVE, or deploy src/runtimes/worker/main.ts, or import itera-conversations/worker",
    },
  ]);
}
