// The four ports over one SQLite file: live conversations, archive, directory and records.

import { statSync } from "node:fs";
import type { Archive } from "../../core/archive.ts";
import type { Directory } from "../../core/directory.ts";
import { InvalidInputError } from "../../core/errors.ts";
import type { HotStore } from "../../core/hot-store.ts";
import type { Records } from "../../core/records.ts";
import { sqliteArchive } from "./archive.ts";
import { sqliteDirectory } from "./directory.ts";
import { openEngine } from "./engine.ts";
import { sqliteHotStore } from "./hot-store.ts";
import type { Reads, Writes } from "./operations.ts";
import { prepareFile } from "./prepare-file.ts";
import { sqliteRecords } from "./records.ts";
import { translate } from "./sqlite-errors.ts";
import { linkWorker } from "./worker-link.ts";

/** Options of `sqliteStores`. */
export interface SqliteOptions {
  /** The database file. It and its folder are created if they are missing, for their owner alone. `:memory:` is refused. */
  path: string;
  /** The prefix of conversation IDs. A new database is made with it (`ITERA` by default) and keeps it; another one is refused. */
  idPrefix?: string;
  /** The engine's own time in epoch milliseconds; `Date.now` by default. */
  clock?: () => number;
  /** Writes that may be waiting at once; one more is refused at once with `StoreUnavailableError`. 1024 by default. */
  maxPendingWrites?: number;
  /** Long reads that may be waiting at once. 256 by default. */
  maxPendingReads?: number;
  /** False where another engine keeps archive and directory: commits then keep no entries here. True by default. */
  directory?: boolean;
}

/** How the database is doing, for metrics. */
export interface SqliteStatus {
  /** Bytes of the database file and of its write-ahead log; 0 where the file cannot be seen. */
  bytes: number;
  logBytes: number;
  pendingWrites: number;
  pendingReads: number;
  /** For how many milliseconds the oldest write has been waiting; 0: none is. */
  oldestWriteMs: number;
}

/** The ports over one file. Closing hot store or archive, or `close` here, closes all four. */
export interface SqliteStores {
  hot: HotStore;
  archive: Archive;
  directory: Directory;
  records: Records;
  /** The prefix that this database was made with. */
  idPrefix: string;
  status: () => SqliteStatus;
  close: () => Promise<void>;
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/**
 * Opens a database file, creating it if it is missing, and brings its tables up to date. Several processes may have one file open.
 * Throws `InvalidInputError` for a path, prefix or file that cannot be used, `StoreUnavailableError` if the file cannot be opened now.
 * While nothing is under way the stores do not keep the process alive.
 *
 * @example
 * const stores = await sqliteStores({ path: "./data/conversations.db" });
 * const manager = new ConversationManager(stores);
 */
export async function sqliteStores(options: SqliteOptions): Promise<SqliteStores> {
  const { idPrefix, clock = Date.now, maxPendingWrites = 1024, maxPendingReads = 256, directory = true } = options;
  if (options.path === "" || options.path === ":memory:" || options.path.startsWith("file:")) {
    throw new InvalidInputError("path must be that of a file; for stores in memory use memoryStores");
  }
  try {
    const { path, ...facts } = prepareFile(options.path, idPrefix);
    const settings = { path, keepsDirectory: directory };
    const writes = linkWorker<Writes>({ name: "write", settings, maxPending: maxPendingWrites });
    const reads = linkWorker<Reads>({ name: "read", settings, maxPending: maxPendingReads });
    const engine = openEngine(path, facts.databaseId, clock, writes, reads);
    writes.start();
    return {
      hot: sqliteHotStore(engine),
      archive: sqliteArchive(engine),
      directory: sqliteDirectory(engine),
      records: sqliteRecords(engine),
      idPrefix: facts.idPrefix,
      status: () => ({
        bytes: sizeOf(path),
        logBytes: sizeOf(`${path}-wal`),
        pendingWrites: writes.pending,
        pendingReads: reads.pending,
        oldestWriteMs: writes.waitingMs,
      }),
      close: () => engine.close(),
    };
  } catch (error) {
    throw translate(error);
  }
}
