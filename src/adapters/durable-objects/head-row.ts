/** The head as it is stored: one row, as JSON. */
import { StoredDataError } from "../../core/errors.ts";
import type { Head } from "../../core/head.ts";
import type { ObjectDatabase } from "./database.ts";
import { checkRow } from "./row-size.ts";

const SELECT = "SELECT head FROM head";
const PUT = "INSERT OR REPLACE INTO head (one, head) VALUES (1, ?)";
// A row of the same length is written over the old one in its place.
const OVERWRITE = "UPDATE head SET head = hex(zeroblob(octet_length(head) / 2)) || substr('0', 1, octet_length(head) % 2)";
const DELETE = "DELETE FROM head";

/** The head, or null if there is no conversation. Throws `StoredDataError` if it cannot be read. */
export function readHead(database: ObjectDatabase): Head | null {
  const text = database.made ? database.get(SELECT)?.[0] : undefined;
  if (text === undefined) return null;
  try {
    // The casts: `putHead` wrote it.
    return JSON.parse(text as string) as Head;
  } catch (cause) {
    throw new StoredDataError("The stored head of this conversation cannot be read; restore the object to a point in time before", {
      cause,
    });
  }
}

/** Stores a head. Throws `TooLargeError`. */
export function putHead(database: ObjectDatabase, head: Head): void {
  const text = JSON.stringify(head);
  checkRow("The conversation without its messages", text);
  database.run(PUT, text);
}

/** Writes over what is stored, before something shorter takes its place. */
export function overwriteHead(database: ObjectDatabase): void {
  database.run(OVERWRITE);
}

/** Takes it out. */
export function deleteHead(database: ObjectDatabase): void {
  database.run(DELETE);
}
