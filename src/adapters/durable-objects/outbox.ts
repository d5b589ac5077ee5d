/** The outbox of one object: events to pass on, and at most one mark that the conversation has changed. */
import type { LifecycleEvent } from "../../core/head.ts";
import type { OutboxItem } from "../../core/hot-store.ts";
import type { Json } from "../../core/json.ts";
import type { Cell } from "./durable-object-state.ts";
import type { ObjectDatabase } from "./database.ts";
import type { Leases } from "./leases.ts";
import { checkRow } from "./row-size.ts";

const INSERT_EVENT = "INSERT INTO outbox (id, version, type, at, details) VALUES (?, ?, ?, ?, ?)";
const SELECT_MARK = "SELECT n, cut FROM outbox WHERE type IS NULL";
const INSERT_MARK = "INSERT INTO outbox (id, version, cut) VALUES (?, ?, ?)";
const UPDATE_CUT = "UPDATE outbox SET cut = ? WHERE n = ?";
const UPDATE_MARK = "UPDATE outbox SET version = ? WHERE type IS NULL";
const OVERWRITE = `UPDATE outbox SET details = hex(zeroblob(octet_length(details) / 2)) || substr('0', 1, octet_length(details) % 2)
  WHERE type IS NOT NULL`;
const EMPTY_DETAILS = "UPDATE outbox SET details = '{}' WHERE type IS NOT NULL";
// The version of a mark is that of the conversation, so that a turn need not write the mark again.
const SELECT_ALL = `SELECT n, id, version, type, at, details, cut FROM outbox ORDER BY n`;
const DELETE = "DELETE FROM outbox WHERE n = ?";

/** Puts events into the outbox. Throws `TooLargeError`. */
export function addEvents(database: ObjectDatabase, id: string, version: number, events: readonly LifecycleEvent[]): void {
  for (const { type, at, details } of events) {
    const text = JSON.stringify(details);
    checkRow("An event", type, text);
    database.run(INSERT_EVENT, id, version, type, at, text);
  }
}

/** Marks that the conversation has changed; of a mark that is there nothing is written, unless the transcript was cut. */
export function markChanged(database: ObjectDatabase, id: string, version: number, cut: number | null): void {
  const there = database.get(SELECT_MARK);
  if (there === undefined) database.run(INSERT_MARK, id, version, cut);
  else if (cut !== null && (there[1] === null || cut < (there[1] as number))) database.run(UPDATE_CUT, cut, there[0]!);
}

/** Notes the last version of a conversation that is taken out, for its mark. */
export function keepMark(database: ObjectDatabase, version: number): void {
  database.run(UPDATE_MARK, version);
}

/** Removes what the undelivered events say beyond type and time, and writes over it. */
export function emptyDetails(database: ObjectDatabase): void {
  database.run(OVERWRITE);
  database.run(EMPTY_DETAILS);
}

/** Everything that waits, oldest first. `version`: of the conversation; null: it is gone. */
function waiting(database: ObjectDatabase, version: number | null): OutboxItem[] {
  const name = database.value("name");
  return database.all(SELECT_ALL).map((row) => itemOf(row, name, version));
}

function itemOf(row: Cell[], name: string | null, current: number | null): OutboxItem {
  // The casts: a STRICT table, and what `addEvents` wrote.
  const [n, id, stored, type, at, details, cut] = row as [number, string, number, string | null, number, string, number | null];
  if (type !== null) {
    const event = { type, at, details: JSON.parse(details) as { [key: string]: Json } };
    return { n: `e${name}:${n}`, id, version: stored, event };
  }
  const version = current ?? stored;
  // A later change makes it another item, so that a delivery of this one does not swallow it.
  return { n: `m${name}:${n}:${version}`, id, version, event: null, ...(cut === null ? {} : { cut }) };
}

/** The oldest items that are free, leased. */
export function leaseItems(
  database: ObjectDatabase,
  leases: Leases,
  version: number | null,
  { now, limit, leaseMs }: { now: number; limit: number; leaseMs: number },
): OutboxItem[] {
  const free = waiting(database, version).filter(({ n }) => leases.isFree(n, now));
  const taken = free.slice(0, limit);
  for (const { n } of taken) leases.take(n, now + leaseMs);
  return taken;
}

/** Removes items by name; a mark whose conversation has changed since stays. */
export function removeItems(database: ObjectDatabase, leases: Leases, version: number | null, ns: readonly string[]): void {
  const names = new Set(ns);
  for (const { n } of waiting(database, version)) {
    if (!names.has(n)) continue;
    database.run(DELETE, Number(n.split(":")[1]));
    leases.release(n);
  }
}

/** Whether something waits that nobody is at work on, and whether somebody is at work on something. */
export function outboxState(
  database: ObjectDatabase,
  leases: Leases,
  version: number | null,
  now: number,
): { free: boolean; leased: boolean } {
  const items = waiting(database, version).map(({ n }) => leases.isFree(n, now));
  return { free: items.includes(true), leased: items.includes(false) };
}
