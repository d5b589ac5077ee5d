// The outbox: events to pass on, and for each conversation at most one mark that it has changed.

import type { LifecycleEvent } from "../../core/head.ts";
import type { OutboxItem } from "../../core/hot-store.ts";
import type { Json } from "../../core/json.ts";
import type { Connection, Row } from "./connection.ts";
import type { Work } from "./work.ts";

const INSERT_EVENT = "INSERT INTO outbox (id, version, type, at, details) VALUES (?, ?, ?, ?, ?)";
const SELECT_MARK = "SELECT n, cut FROM outbox WHERE id = ? AND type IS NULL";
const INSERT_MARK = "INSERT INTO outbox (id, version, cut) VALUES (?, ?, ?)";
const UPDATE_CUT = "UPDATE outbox SET cut = ? WHERE n = ?";
const UPDATE_MARK_OF = "UPDATE outbox SET version = ? WHERE id = ? AND type IS NULL";
const EMPTY_DETAILS = "UPDATE outbox SET details = '{}' WHERE id = ? AND type IS NOT NULL";
// A mark that is leased is free again as soon as its conversation has changed once more.
const SELECT_FREE = `SELECT outbox.n, outbox.id, coalesce(live.version, outbox.version), type, at, details, cut
  FROM outbox LEFT JOIN live ON type IS NULL AND live.id = outbox.id
  WHERE outbox.leased_until <= ?1 OR live.version > outbox.version ORDER BY outbox.n LIMIT ?2`;
const LEASE = "UPDATE outbox SET leased_until = ?, version = ? WHERE n = ?";
const DELETE_EVENT = "DELETE FROM outbox WHERE n = ? AND type IS NOT NULL";
const DELETE_MARK = `DELETE FROM outbox WHERE n = ?1 AND type IS NULL AND version = ?2
  AND NOT EXISTS (SELECT 1 FROM live WHERE live.id = outbox.id AND live.version > ?2)`;

/** Puts events into the outbox. */
export function addEvents(connection: Connection, id: string, version: number, events: readonly LifecycleEvent[]): void {
  for (const { type, at, details } of events) connection.run(INSERT_EVENT, id, version, type, at, JSON.stringify(details));
}

/** Marks that a conversation has changed; of a mark that is there nothing is written, unless the transcript was cut. */
export function markChanged(connection: Connection, id: string, version: number, cut: number | null): void {
  const there = connection.get(SELECT_MARK, id);
  if (there === undefined) connection.run(INSERT_MARK, id, version, cut);
  else if (cut !== null && (there[1] === null || cut < (there[1] as number))) connection.run(UPDATE_CUT, cut, there[0]!);
}

/** Notes the last version of a conversation that is taken out, for its mark. */
export function keepMark(connection: Connection, id: string, version: number): void {
  connection.run(UPDATE_MARK_OF, version, id);
}

/** Removes what the undelivered events of a conversation say beyond type and time. */
export function emptyDetails(connection: Connection, id: string): void {
  connection.run(EMPTY_DETAILS, id);
}

/** Leases the oldest items that are free; answers their rows for `itemOf`. */
export function outbox({ connection, now }: Work, limit: number, leaseMs: number): Row[] {
  const rows = connection.all(SELECT_FREE, now, limit);
  for (const [n, , version] of rows) connection.run(LEASE, now + leaseMs, version!, n!);
  return rows;
}

/** Removes items by name; a mark whose conversation has changed since stays. */
export function delivered({ connection }: Work, ns: string[]): void {
  for (const name of ns) {
    const [kind, n, version] = name.split(":");
    if (kind?.startsWith("e")) connection.run(DELETE_EVENT, Number(n));
    else connection.run(DELETE_MARK, Number(n), Number(version));
  }
}

/**
 * A row as an item. The name of an event goes into the directory, where it tells repeats: it holds the database's own ID, so that the
 * events of a database that is restored into another are not taken for those of the other.
 */
export function itemOf(row: Row, databaseId: string): OutboxItem {
  // The casts: a STRICT table.
  const [n, id, version, type, at, details, cut] = row as [number, string, number, string | null, number, string, number | null];
  if (type !== null) return { n: `e${databaseId}:${n}`, id, version, event: { type, at, details: detailsOf(details) } };
  return { n: `m:${n}:${version}`, id, version, event: null, ...(cut === null ? {} : { cut }) };
}

/** Details as they were stored; a damaged text is passed on as none, so that it does not stop what comes behind it. */
export function detailsOf(text: string): { [key: string]: Json } {
  try {
    return JSON.parse(text) as { [key: string]: Json };
  } catch {
    return {};
  }
}
