// What is due: found by an index that may be early, checked against the conversation itself, and leased.

import type { Connection, Row } from "./connection.ts";
import { HEAD_NAMES, HEAD_WIDTH, headOf } from "./head-row.ts";
import type { Work } from "./work.ts";

/** What can be due. */
export type What = "expire" | "warn" | "move";

/** Rows that are looked at in one go, so that a great many early ones do not hold up the writes of others. */
const LOOKED_AT = 500;

interface Kind {
  select: string;
  lease: string;
  /** Sets the index to the true time. */
  correct: string;
}

function kind(column: string, leased: string, which: string, actual: string): Kind {
  return {
    select: `SELECT ${HEAD_NAMES}, n, ${column}, ${actual} FROM live
      WHERE ${column} IS NOT NULL AND ${which} ${column} <= ?1 AND ${leased} <= ?2 ORDER BY ${column}, id LIMIT ?3`,
    lease: `UPDATE live SET ${leased} = ? WHERE n = ?`,
    correct: `UPDATE live SET ${column} = ? WHERE n = ?`,
  };
}

const KINDS: Readonly<Record<What, Kind>> = {
  expire: kind("due", "leased_until", "status IN ('active', 'completed') AND", "expires_at"),
  warn: kind("warn_due", "warn_leased_until", "", "CASE WHEN warned_for IS expires_at THEN NULL ELSE expires_at END"),
  move: kind("due", "leased_until", "status IN ('archived', 'deleted') AND", "archived_at"),
};

function readable(row: Row): boolean {
  try {
    headOf(row);
    return true;
  } catch {
    return false;
  }
}

/**
 * One look: if all of the earliest are truly due they are leased and answered; if the index was early for some it is corrected, and null
 * says to look again. What is damaged is leased as well, so that it does not stand in the way, but not answered.
 */
export function take({ connection, now }: Work, what: What, before: number, limit: number, leaseMs: number): Row[] | null {
  const { select, lease, correct } = KINDS[what];
  const rows = connection.all(select, before, now, Math.max(limit, LOOKED_AT));
  const due = trulyDue(connection, rows, correct);
  if (due === null) return null;
  const taken = due.slice(0, limit);
  for (const row of taken) connection.run(lease, now + leaseMs, row[HEAD_WIDTH]!);
  return taken.filter(readable).map((row) => row.slice(0, HEAD_WIDTH));
}

function trulyDue(connection: Connection, rows: Row[], correct: string): Row[] | null {
  const early = rows.filter((row) => row[HEAD_WIDTH + 1] !== row[HEAD_WIDTH + 2]);
  for (const row of early) connection.run(correct, row[HEAD_WIDTH + 2]!, row[HEAD_WIDTH]!);
  return early.length > 0 ? null : rows;
}
