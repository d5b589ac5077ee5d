/** From addresses to open stores: every combination of engines, wired so that one `close` gives back all of it. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { makeFolder } from "../../adapters/sqlite/make-folder.ts";
import { StoreUnavailableError } from "../../core/errors.ts";
import type { HotStore } from "../../core/hot-store.ts";
import type { RateLimiter } from "../../core/rate-limiter.ts";
import type { Stores } from "../../core/stores.ts";
import type { PostgresPlace } from "./open-postgres.ts";
import type { Patience } from "./pg-pool.ts";
import type { DatabaseUrl, StoreUrl } from "./store-url.ts";

/** What is opened, and how. */
export interface StorePlaces {
  readonly database: DatabaseUrl;
  /** Null: live conversations are in the database. */
  readonly hotStore: StoreUrl | null;
  readonly idPrefix: string;
  readonly poolSize: number;
  readonly environment: "production" | "staging" | "development";
  /** What `cleanup_old_conversations()` of a PostgreSQL goes by; absent: what it went by before. */
  readonly retentionYears?: number;
}

/** How it is opened. */
export interface OpenStoresOptions {
  /** Make what is not there: a file, tables. True by default; else their lack is an error. */
  create?: boolean;
  /** How long a server is waited for; `work` by default. */
  patience?: Patience;
  /** What asks for each store, for sentences about them: a variable, or an option of a command. */
  wanted?: { readonly database: string; readonly hotStore: string };
  /** Sentences that an operator should read. */
  onWarning?: (sentence: string) => void;
}

/** How an engine is doing, for metrics. Sizes in bytes. */
export interface EngineFigures {
  /** Of a file of SQLite. */
  readonly file?: {
    readonly bytes: number;
    readonly logBytes: number;
    readonly pendingWrites: number;
    readonly pendingReads: number;
    readonly oldestWriteMs: number;
  };
  /** Connections to a server by pool: all, those that do nothing, and statements that wait for one. */
  readonly pools?: Readonly<Record<string, { readonly total: number; readonly idle: number; readonly waiting: number }>>;
}

/** Which store an engine is: `database` has archive, directory and records, and live conversations too if there is no `hot`. */
export type StorePlace = "database" | "hot";

/** Stores that are open. */
export interface OpenStores {
  /** Closing its hot store or its archive closes all of it. */
  readonly stores: Stores;
  /** The same stores over connections of their own that wait longer: for jobs, which hold up nobody and are not cut short. */
  readonly jobs: Stores;
  /** Counts requests for all servers together; null: the stores are one machine's, and each process counts by itself. */
  readonly limiter: RateLimiter | null;
  /** Makes ahead what the archive will need. */
  readonly prepare: () => Promise<void>;
  /** The files that conversations are kept in; those of servers are not to be seen from here. */
  readonly files: readonly string[];
  /** How the engines are doing, by store. */
  readonly figures: () => Partial<Record<StorePlace, EngineFigures>>;
  readonly close: () => Promise<void>;
}

/** One engine that was opened. */
export interface OpenEngine {
  readonly stores: { [Port in keyof Stores]: NonNullable<Stores[Port]> };
  readonly jobs: OpenEngine["stores"];
  readonly limiter: RateLimiter | null;
  readonly prepare: () => Promise<void>;
  readonly figures: () => EngineFigures;
  readonly close: () => Promise<void>;
}

/** What the file system throws, as a sentence. */
export async function onDisk<T>(what: string, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (code === undefined || syscall === undefined) throw error;
    throw new StoreUnavailableError(`${what} (${code}). Check who may write there, and that the disk is not full.`, { cause: error });
  }
}

async function openFile(path: string, wanted: string, idPrefix: string, create: boolean, directory: boolean): Promise<OpenEngine> {
  if (!create && !existsSync(path)) {
    throw new StoreUnavailableError(
      `There is no database at ${path}. Set ${wanted} to the one you mean, or start the server once to make it.`,
    );
  }
  await onDisk(`The folder ${dirname(path)} cannot be made`, () => makeFolder(dirname(path), 0o700));
  const { sqliteStores } = await import("../../adapters/sqlite/sqlite-stores.ts");
  const {
    hot,
    archive,
    directory: entries,
    records,
    status,
    close,
  } = await onDisk(`The database ${path} cannot be opened`, () => sqliteStores({ path, idPrefix, directory }));
  const stores = { hot, archive, directory: entries, records };
  return { stores, jobs: stores, limiter: null, prepare: async () => {}, figures: () => ({ file: status() }), close };
}

/** Loaded when it is asked for, so that a start without it stays quick. */
async function openServer(url: string, place: PostgresPlace): Promise<OpenEngine> {
  const { openPostgres } = await import("./open-postgres.ts");
  return openPostgres(url, place);
}

/** Stores of these places as they would be if they were made now, where there are none: for trying without effect. Null: there are some. */
export async function asIfMade({ database, hotStore }: StorePlaces): Promise<OpenStores | null> {
  if (database.engine !== "sqlite" || hotStore !== null || existsSync(database.path)) return null;
  const { memoryStores } = await import("../../adapters/memory/memory-stores.ts");
  const stores = memoryStores();
  return { stores, jobs: stores, limiter: null, prepare: async () => {}, files: [], figures: () => ({}), close: async () => {} };
}

const VARIABLES = { database: "DATABASE_URL", hotStore: "HOT_STORE_URL" } as const;

/** Live conversations apart from the database. */
async function openHot(
  places: StorePlaces & { hotStore: StoreUrl },
  options: OpenStoresOptions,
): Promise<{ hot: HotStore; jobs: HotStore; limiter: RateLimiter | null; figures: () => EngineFigures; close: () => Promise<void> }> {
  const { hotStore, idPrefix, poolSize, environment } = places;
  const { create = true, patience = "work", wanted = VARIABLES } = options;
  if (hotStore.engine === "redis") {
    const { openRedis } = await import("./open-redis.ts");
    const { hot, limiter, close } = await openRedis(hotStore, {
      idPrefix,
      wanted: wanted.hotStore,
      strict: environment !== "development",
      onWarning: options.onWarning ?? (() => {}),
    });
    return { hot, jobs: hot, limiter, figures: () => ({}), close };
  }
  const { stores, jobs, limiter, figures, close } =
    hotStore.engine === "sqlite"
      ? await openFile(hotStore.path, wanted.hotStore, idPrefix, create, false)
      : await openServer(hotStore.url, { idPrefix, poolSize, patience, create, wanted: wanted.hotStore, directory: false });
  return { hot: stores.hot, jobs: jobs.hot, limiter, figures, close };
}

/** The stores with another way to close them. */
function closing({ hot, archive, directory, records }: Stores, close: () => Promise<void>): Stores {
  return { hot: { ...hot, close }, archive: archive && { ...archive, close }, directory, records };
}

/**
 * Opens the stores of these places. Archive, directory and records are in the database; so one server's claim of an ID is
 * seen by all others, wherever live conversations are. Throws `StoreUnavailableError` with a sentence that names what cannot
 * be opened, `InvalidInputError` for a database that is another's, `ConfigurationError` if a package is missing.
 */
export async function openStoresAt(places: StorePlaces, options: OpenStoresOptions = {}): Promise<OpenStores> {
  const { database, hotStore, idPrefix, poolSize, retentionYears } = places;
  const { create = true, patience = "work", wanted = VARIABLES } = options;
  const opened =
    database.engine === "sqlite"
      ? await openFile(database.path, wanted.database, idPrefix, create, true)
      : await openServer(database.url, { idPrefix, poolSize, patience, create, wanted: wanted.database, directory: true, retentionYears });
  let closed: Promise<void> | null = null;
  try {
    const apart = hotStore === null ? null : await openHot({ ...places, hotStore }, options);
    const close = (): Promise<void> => (closed ??= Promise.all([apart?.close(), opened.close()]).then(() => {}));
    return {
      stores: closing(apart ? { ...opened.stores, hot: apart.hot } : opened.stores, close),
      jobs: closing(apart ? { ...opened.jobs, hot: apart.jobs } : opened.jobs, close),
      // The one with the lower latency, where there are two.
      limiter: apart?.limiter ?? opened.limiter,
      prepare: opened.prepare,
      figures: () => ({ database: opened.figures(), ...(apart && { hot: apart.figures() }) }),
      files: [database, hotStore].flatMap((place) => (place?.engine === "sqlite" ? [place.path] : [])),
      close,
    };
  } catch (error) {
    await opened.close();
    throw error;
  }
}
