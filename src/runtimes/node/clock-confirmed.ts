/** Whether this database waits for an operator to look at the clock, for commands that remove by time. */
import { ConflictError } from "../../core/errors.ts";
import type { Records } from "../../core/records.ts";
import { clockMark } from "../../operations/clock-watch.ts";

/** Throws `ConflictError` while a jump of a server's clock is not confirmed. */
export async function requireConfirmedClock(records: Records | null): Promise<void> {
  if (!records || !(await clockMark(records))) return;
  throw new ConflictError("A server's clock has jumped, so nothing is purged by it. If it is right now: itera doctor --confirm-clock");
}
