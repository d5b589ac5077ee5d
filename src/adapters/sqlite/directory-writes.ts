// Writes on the directory, each inside a transaction of the write worker.

import type { Cell, Row } from "./connection.ts";
import { removeEntry, takeEntry } from "./entries.ts";
import { sealedHeadOf } from "./head-row.ts";
import { putText } from "./said.ts";
import { noteWiped } from "./scrub.ts";
import type { Work } from "./work.ts";

const INSERT_EVENT = "INSERT INTO events (name, id, at, type, details) VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING";
const FORGET_EVENTS = "DELETE FROM events WHERE n IN (SELECT n FROM events WHERE at < ?1 ORDER BY at LIMIT ?2)";
const SELECT_PAST = `SELECT id FROM entries INDEXED BY entries_past WHERE status IN ('archived', 'completed') AND last_activity < ?1 AND hold = 0
  ORDER BY last_activity, id LIMIT ?2`;

/** Cells of a recorded event: name, id, at, type, details. */
const EVENT_WIDTH = 5;

/** `Directory.index`. `texts`: seq and text of each message, one after the other; null: no text was given. */
export function index({ connection }: Work, row: Row, after: number, texts: Cell[] | null): void {
  const head = sealedHeadOf(row);
  const taken = takeEntry(connection, head, row);
  if (taken && texts !== null && !head.wiped && head.status !== "deleted") putText(connection, head.id, after, texts);
}

/** `Directory.record`. `events`: their cells one after the other. */
export function record({ connection }: Work, events: Cell[]): void {
  for (let i = 0; i < events.length; i += EVENT_WIDTH) connection.run(INSERT_EVENT, ...events.slice(i, i + EVENT_WIDTH));
}

/** `Directory.forgetEvents`. */
export function forgetEvents({ connection }: Work, before: number, limit: number): number {
  return connection.run(FORGET_EVENTS, before, limit);
}

/** `Directory.purge`. */
export function purgeEntries({ connection }: Work, before: number, limit: number): number {
  const past = connection.all(SELECT_PAST, before, limit);
  for (const [id] of past) removeEntry(connection, id as string);
  if (past.length > 0) noteWiped(connection);
  return past.length;
}
