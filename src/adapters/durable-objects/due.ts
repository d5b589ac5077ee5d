/** When something is due in an object: what the sweep asks for, and for when the alarm is set. */
import type { Head } from "../../core/head.ts";

const HOUR = 3_600_000;

/** What the sweep can ask for. */
export type What = "expire" | "warn" | "move";

/** When this is due for a conversation, as `HotStore.take` counts it; null: never. */
export function dueAt(what: What, { status, expiresAt, archivedAt, warnedFor }: Head): number | null {
  const open = status === "active" || status === "completed";
  if (what === "move") return open ? null : archivedAt;
  return open && !(what === "warn" && warnedFor === expiresAt) ? expiresAt : null;
}

/**
 * When the sweep has something to do with a conversation: an hour before its expiry, at its expiry, or, where there is an
 * archive, so long after it was archived (`stayMs`; null: it stays). Null: never.
 */
export function nextDue(head: Head, stayMs: number | null): number | null {
  const expire = dueAt("expire", head);
  const warn = dueAt("warn", head);
  const move = dueAt("move", head);
  const times = [expire, warn === null ? null : warn - HOUR, move === null || stayMs === null ? null : move + stayMs];
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : Math.min(...known);
}
