/** Messages as PostgreSQL answers them, and the stretch of them that a page asks for. */
import type { StoredMessage } from "../../core/head.ts";

/** seq, storedAt, key, digest, body, size. */
export type MessageRow = [seq: number, storedAt: number, key: string, digest: string | null, body: string, size: number];

/** The messages of rows; null (an aggregate over nothing) is none. */
export function messagesOf(rows: readonly MessageRow[] | null | undefined): StoredMessage[] {
  return (rows ?? []).map(([seq, storedAt, key, digest, body, size]) => ({ seq, storedAt, key, digest, body, size }));
}

/** The largest number that the database takes for a seq or a count: what is asked for beyond it, or without an end, is as good as this. */
export const ENDLESS = 2_147_483_647;

/** A count or seq as the database takes it. */
export function whole(count: number): number {
  return Math.max(0, Math.min(ENDLESS, Math.floor(count)));
}
