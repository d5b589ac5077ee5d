/** Idempotency entries: what a request was answered, kept in the commit that did it. */
import type { Head } from "../../core/head.ts";
import type { Once, Placed } from "../../core/hot-store.ts";
import type { ObjectDatabase } from "./database.ts";
import { checkRow } from "./row-size.ts";

/** What was answered: after a creation the whole head, else what a replay repeats of it; and where its messages stand. */
export interface OnceAnswer {
  head: Partial<Head>;
  placed: Placed[];
}

const SELECT = "SELECT fingerprint, answer FROM once WHERE key = ? AND until > ?";
const PUT = "INSERT OR REPLACE INTO once (key, fingerprint, until, answer) VALUES (?, ?, ?, ?)";
const FORGET = "DELETE FROM once WHERE key IN (SELECT key FROM once WHERE until <= ? ORDER BY until LIMIT ?) RETURNING 1";
const FIRST_END = "SELECT min(until) FROM once";
const OVERWRITE = "UPDATE once SET answer = hex(zeroblob(octet_length(answer) / 2)) || substr('0', 1, octet_length(answer) % 2)";
const DELETE = "DELETE FROM once";

/** What was answered under this key; "reused" if it was to another request; null: nothing was. */
export function findOnce(database: ObjectDatabase, { key, fingerprint }: Once, now: number): OnceAnswer | "reused" | null {
  const found = database.get(SELECT, key, now);
  if (found === undefined) return null;
  // The cast: `keepOnce` wrote it.
  return found[0] === fingerprint ? (JSON.parse(found[1] as string) as OnceAnswer) : "reused";
}

/** Keeps what is answered; an entry that has ended is replaced. Throws `TooLargeError`. */
export function keepOnce(database: ObjectDatabase, { key, fingerprint, until }: Once, answer: OnceAnswer): void {
  const text = JSON.stringify(answer);
  checkRow("The answer to keep for the idempotency key", key, fingerprint, text);
  database.run(PUT, key, fingerprint, until, text);
}

/** Removes at most `limit` that have ended; answers how many. */
export function forgetOnce(database: ObjectDatabase, now: number, limit: number): number {
  return database.all(FORGET, now, limit).length;
}

/** When the first of them ends; null: there is none. */
export function firstOnceEnd(database: ObjectDatabase): number | null {
  return (database.get(FIRST_END)?.[0] as number | null | undefined) ?? null;
}

/** Removes all of them, and writes over what they say. */
export function wipeOnce(database: ObjectDatabase): void {
  database.run(OVERWRITE);
  database.run(DELETE);
}
