// The edge at which SQLite's errors become ours, and the form in which an error travels from a worker to its caller.

import { ConversationError, InvalidInputError, StoredDataError, StoreUnavailableError } from "../../core/errors.ts";

/** Primary result codes of SQLite that mean: not now, or not on this machine. What is not here is a fault in the program. */
const UNAVAILABLE: Readonly<Record<number, string>> = {
  3: "SQLite may not open the file; check its owner and mode, and those of its folder",
  5: "The database file is locked by another process; try again, and look for a backup or a shell that keeps it open",
  6: "The database is locked by another statement; try again",
  7: "SQLite is out of memory; give the process more, or the machine less to do",
  8: "The database file is read-only; check its mode, its owner, and how its disk is mounted",
  9: "The statement was interrupted; try again",
  10: "Reading or writing the database file failed; check the disk and the system's log",
  11: "The database file is damaged; stop the server, keep a copy of the file, and restore the last backup",
  13: "The disk is full; free space on the disk of the database file, and writing goes on by itself",
  14: "SQLite cannot open the database file; check that its folder exists and may be written to",
  15: "Locking the database file failed; put it on a local disk",
  23: "SQLite was not allowed to do this; check the file's owner and mode",
  26: "The file is not a database; set the path to the right one, or restore the last backup",
};

const BUSY = 5;
const LOCKED = 6;
const FULL = 13;

/** The primary result code of SQLite's own errors, else null. */
function codeOf(error: unknown): number | null {
  const { errcode } = error as { errcode?: unknown };
  return error instanceof Error && typeof errcode === "number" ? errcode & 0xff : null;
}

/** Whether somebody else has the lock. */
export function isBusy(error: unknown): boolean {
  const code = codeOf(error);
  return code === BUSY || code === LOCKED;
}

/** Whether a connection on which this happened should be opened anew: the file itself failed, not merely the statement. */
export function isBroken(error: unknown): boolean {
  const code = codeOf(error);
  return code !== null && code !== BUSY && code !== LOCKED && code !== FULL && UNAVAILABLE[code] !== undefined;
}

/** Makes SQLite's errors ours; all others come back as they are. */
export function translate(error: unknown): Error {
  if (error instanceof ConversationError) return error;
  const code = codeOf(error);
  const sentence = code === null ? undefined : UNAVAILABLE[code];
  if (sentence !== undefined) return new StoreUnavailableError(sentence, { cause: error });
  return error instanceof Error ? error : new Error(String(error));
}

/** An error as it crosses between threads: its class, its sentence, and what was behind it, for logs. */
export type Failure = [kind: "unavailable" | "data" | "input" | "fault", message: string, cause: string | null];

/** An error for the way out of a worker. */
export function toFailure(thrown: unknown): Failure {
  const error = translate(thrown);
  const cause = error.cause instanceof Error ? `${error.cause.message} (${String((error.cause as { errcode?: unknown }).errcode)})` : null;
  if (error instanceof StoreUnavailableError) return ["unavailable", error.message, cause];
  if (error instanceof StoredDataError) return ["data", error.message, cause];
  if (error instanceof InvalidInputError) return ["input", error.message, cause];
  return ["fault", error.message, error.stack ?? null];
}

/** The error that a worker sent. */
export function fromFailure([kind, message, cause]: Failure): Error {
  const options = cause === null ? {} : { cause: new Error(cause) };
  switch (kind) {
    case "unavailable":
      return new StoreUnavailableError(message, options);
    case "data":
      return new StoredDataError(message, options);
    case "input":
      return new InvalidInputError(message, options);
    case "fault":
      return new Error(message, options);
  }
}
