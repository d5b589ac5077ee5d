// Idempotency entries: what a request was answered, kept in the commit that did it.

import type { Head } from "../../core/head.ts";
import type { Once } from "../../core/hot-store.ts";
import type { Connection, Row } from "./connection.ts";
import type { Work } from "./work.ts";

/** What was answered: after a creation the whole row of the head, else the fields of it that a replay repeats; and where its messages stand. */
export interface OnceAnswer {
  row?: Row;
  head?: Pick<Head, "version" | "lastSeq" | "lastAccess" | "expiresAt" | "status">;
  placed: number[];
}

const SELECT_ONCE = "SELECT fingerprint, answer FROM once WHERE id = ? AND key = ? AND until > ?";
const PUT_ONCE = "INSERT OR REPLACE INTO once (id, key, fingerprint, until, answer) VALUES (?, ?, ?, ?, ?)";
const FORGET = "DELETE FROM once WHERE (id, key) IN (SELECT id, key FROM once WHERE until <= ?1 ORDER BY until LIMIT ?2)";

/** What was answered under this key; "reused" if it was to another request; null: nothing was. */
export function findOnce(connection: Connection, id: string, { key, fingerprint }: Once, now: number): OnceAnswer | "reused" | null {
  const found = connection.get(SELECT_ONCE, id, key, now);
  if (found === undefined) return null;
  // The cast: `keepOnce` wrote it.
  return found[0] === fingerprint ? (JSON.parse(found[1] as string) as OnceAnswer) : "reused";
}

/** Keeps what is answered; an entry that has ended is replaced. */
export function keepOnce(connection: Connection, id: string, { key, fingerprint, until }: Once, answer: OnceAnswer): void {
  connection.run(PUT_ONCE, id, key, fingerprint, until, JSON.stringify(answer));
}

/** `HotStore.forgetOnce`. */
export function forgetOnce({ connection }: Work, now: number, limit: number): number {
  return connection.run(FORGET, now, limit);
}
