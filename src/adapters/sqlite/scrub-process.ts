// A process of its own that overwrites what SQLite leaves behind in unused stretches of pages (page-gaps.ts). `scrub.ts` starts it after
// something was wiped. It writes past SQLite, so it does so only where nothing else can: the log is empty and it holds the writer's lock.
// A process, since closing a file of one's own drops the locks that SQLite has on it in the same process.
//
// Its argument is the database file. It exits with 0 when all is overwritten, with BUSY when others left it no room.

import { closeSync, fstatSync, fsyncSync, openSync, readSync, realpathSync, statSync, writeSync } from "node:fs";
import { openConnection, type Connection } from "./connection.ts";
import { dirtyGapOf, MAX_PAGES } from "./page-gaps.ts";
import { isBusy } from "./sqlite-errors.ts";
import { BUSY } from "./scrub.ts";
import { beginFairly } from "./write-lock.ts";

/** Pages that are overwritten under one lock: some ten milliseconds. */
const PAGES_TOGETHER = 1000;
const READ_TOGETHER = 1024 * 1024;
/** For so long it tries each time to find the log empty. */
const PATIENCE_MS = 20_000;

const RESERVED_AT = 20;

const path = realpathSync(process.argv[2] ?? "");
const pause = new Int32Array(new SharedArrayBuffer(4));

/** The pages that need it, found without a lock: each is looked at again under one. */
function findDirty(file: number, pageSize: number): number[] {
  const found: number[] = [];
  const chunk = Buffer.alloc(Math.max(READ_TOGETHER, pageSize));
  for (let at = 0; ;) {
    const read = readSync(file, chunk, 0, chunk.length, at);
    for (let from = 0; from + pageSize <= read; from += pageSize) {
      const number = (at + from) / pageSize + 1;
      if (dirtyGapOf(chunk.subarray(from, from + pageSize), number)) found.push(number);
    }
    if (read < chunk.length) return found;
    at += read;
  }
}

/** Moves the log into the file and takes the writer's lock while it is empty; false: it did not succeed in time. */
function lockEmptyLog(connection: Connection): boolean {
  const until = performance.now() + PATIENCE_MS;
  while (performance.now() < until) {
    if (emptiedLog(connection)) {
      beginFairly(connection);
      if (statSync(`${path}-wal`).size === 0) return true;
      // Somebody has written in between.
      connection.run("ROLLBACK");
    }
    Atomics.wait(pause, 0, 0, 1);
  }
  return false;
}

function emptiedLog(connection: Connection): boolean {
  try {
    return connection.get("PRAGMA wal_checkpoint(TRUNCATE)")?.[0] === 0;
  } catch (error) {
    if (isBusy(error)) return false;
    throw error;
  }
}

function overwrite(file: number, page: Buffer, numbers: readonly number[]): void {
  for (const number of numbers) {
    if (readSync(file, page, 0, page.length, (number - 1) * page.length) !== page.length) continue;
    const gap = dirtyGapOf(page, number);
    if (gap) writeSync(file, Buffer.alloc(gap.length), 0, gap.length, gap.at);
  }
}

/** Whether extensions of SQLite keep something at the end of each page, which would have to agree with the rest of it. */
function hasReservedBytes(file: number): boolean {
  const header = Buffer.alloc(RESERVED_AT + 1);
  return readSync(file, header, 0, header.length, 0) === header.length && header[RESERVED_AT] !== 0;
}

function setMeta(connection: Connection, name: string, value: string): void {
  connection.run("UPDATE meta SET value = ? WHERE name = ?", value, name);
}

function scrubAll(connection: Connection, file: number): boolean {
  const wiped = String(connection.get("SELECT value FROM meta WHERE name = 'wiped'")?.[0]);
  // What was wiped may so far be in the log alone.
  if (!lockEmptyLog(connection)) return false;
  connection.run("ROLLBACK");
  const pageSize = Number(connection.get("PRAGMA page_size")?.[0]);
  if (hasReservedBytes(file)) throw new Error("the file's pages carry checksums or the like; VACUUM it instead");
  if (fstatSync(file).size / pageSize >= MAX_PAGES) throw new Error("the file has too many pages for this; VACUUM it instead");
  const page = Buffer.alloc(pageSize);
  const dirty = findDirty(file, pageSize);
  for (let from = 0; from < dirty.length; from += PAGES_TOGETHER) {
    if (!lockEmptyLog(connection)) return false;
    overwrite(file, page, dirty.slice(from, from + PAGES_TOGETHER));
    // A commit, so that every other connection forgets the pages that it keeps in memory, and does not write them back as they were.
    setMeta(connection, "scrubbed_pages", String(from));
    connection.run("COMMIT");
  }
  fsyncSync(file);
  beginFairly(connection);
  setMeta(connection, "scrubbed", wiped);
  connection.run("COMMIT");
  return true;
}

const connection = openConnection(path, "writer");
const file = openSync(path, "r+");
try {
  process.exitCode = scrubAll(connection, file) ? 0 : BUSY;
} finally {
  connection.close();
  closeSync(file);
}
