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
 * What the sweep does for a conversation, and when: the warning an hour before its expiry, the expiry, and, where there is an archive, taking it
 * out so long after it was archived (`stayMs`; null: it stays).
 */
function turnsOf(head: Head, stayMs: number | null): { name: string; at: number }[] {
  const turns: { name: string; at: number }[] = [];
  const add = (what: What, before: number): void => {
    const at = dueAt(what, head);
    if (at !== null) turns.push({ name: `${what} ${at}`, at: at + before });
  };
  add("expire", 0);
  add("warn", -HOUR);
  if (stayMs !== null) add("move", stayMs);
  return turns;
}

/** When the sweep has something to do with a conversation. Null: never. */
export function nextDue(head: Head, stayMs: number | null): number | null {
  const times = turnsOf(head, stayMs).map(({ at }) => at);
  return times.length === 0 ? null : Math.min(...times);
}

/** What is due now, by names of which a later access makes others. */
export function dueNow(head: Head, stayMs: number | null, now: number): string[] {
  return turnsOf(head, stayMs).flatMap(({ name, at }) => (at <= now ? [name] : []));
}
