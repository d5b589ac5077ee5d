// What the four ports of one database file share: the connection of the calling thread, the two workers, the clock.

import { StoreUnavailableError } from "../../core/errors.ts";
import { openConnection, type Connection } from "./connection.ts";
import type { Reads, Writes } from "./operations.ts";
import { isUnscrubbed, scrubberOf } from "./scrub.ts";
import { isBroken, translate } from "./sqlite-errors.ts";
import type { WorkerLink } from "./worker-link.ts";
import type { ArgumentsOf, NameOf, ResultOf } from "./worker-messages.ts";

/** What the ports are made from. */
export interface Engine {
  readonly databaseId: string;
  /** The engine's time, epoch ms. */
  now(): number;
  /** Runs a short read on the calling thread. */
  local<T>(read: (connection: Connection) => T): T;
  /** Runs a write. `weight`: UTF-16 units of text that travel with it. */
  write<K extends NameOf<Writes>>(name: K, weight: number, ...args: ArgumentsOf<Writes[K]>): Promise<ResultOf<Writes[K]>>;
  /** Runs a long read. */
  far<K extends NameOf<Reads>>(name: K, ...args: ArgumentsOf<Reads[K]>): Promise<ResultOf<Reads[K]>>;
  /** Throws `StoreUnavailableError` if the file cannot be read or the writer does not answer. */
  probe(): { now: number };
  /** Moves the log into the file, and has overwritten what was wiped; false: it is not done yet, ask again later. */
  scrub(): Promise<boolean>;
  /** Finishes what is under way, empties the log, ends the workers, closes the file. */
  close(): Promise<void>;
}

/** After so many milliseconds without an answer the writer counts as stuck. It is more than a group waits for another process's lock. */
const STUCK_MS = 10_000;

/** An engine over a file that has its tables. */
export function openEngine(
  path: string,
  databaseId: string,
  now: () => number,
  writes: WorkerLink<Writes>,
  reads: WorkerLink<Reads>,
): Engine {
  let reader: Connection | null = openConnection(path, "reader");
  let closing: Promise<void> | null = null;
  const scrubber = scrubberOf(path);

  function local<T>(read: (connection: Connection) => T): T {
    if (closing !== null) throw new StoreUnavailableError("The database is closed; open it again");
    try {
      reader ??= openConnection(path, "reader");
      return read(reader);
    } catch (error) {
      if (isBroken(error)) closeReader();
      throw translate(error);
    }
  }

  function closeReader(): void {
    try {
      reader?.close();
    } finally {
      reader = null;
    }
  }

  return {
    databaseId,
    now,
    local,
    write: (name, weight, ...args) => writes.call(name, now(), weight, ...args),
    far: (name, ...args) => reads.call(name, now(), 0, ...args),
    probe() {
      if (writes.waitingMs > STUCK_MS) {
        throw new StoreUnavailableError("The database's writer has not answered for 10 seconds; check the disk and the system's log");
      }
      local((connection) => connection.get("SELECT 1 FROM meta"));
      return { now: now() };
    },
    async scrub() {
      if (!(await writes.call("scrub", now(), 0))) return false;
      if (!local(isUnscrubbed)) return true;
      await scrubber.advance();
      return !local(isUnscrubbed);
    },
    close() {
      closing ??= Promise.all([scrubber.stop(), writes.close(), reads.close()]).then(closeReader);
      return closing;
    },
  };
}
