/** Daily counts in a KV namespace of their own: a key for each day, kept for ever, that others can read without asking the directory. */
import type { DayCount, Directory } from "../../core/directory.ts";
import { StoredDataError } from "../../core/errors.ts";
import type { KVNamespaceLike } from "./kv-namespace.ts";
import { patientKv } from "./patient-kv.ts";

const DAY = 86_400_000;
/** What the key of a day begins with; the day as YYYY-MM-DD follows. */
const PREFIX = "daily:";

/** How a span of days is named: both inclusive, as YYYY-MM-DD, UTC. */
export interface DaySpan {
  from: string;
  to: string;
}

/** What was done: days with conversations, and how many of them were written because their counts had changed. */
export interface KeptCounts {
  days: number;
  written: number;
}

/**
 * Writes the counts of these days as the directory has them now. A day counts on (what was said yesterday may be completed
 * today), so give a span of some weeks; what has not changed is not written. Safe to repeat. Days without conversations
 * have no key. Throws `StoreUnavailableError`.
 *
 * @example
 * await keepDailyCounts(env.CONVERSATION_ANALYTICS, stores.directory, lastDays(Date.now(), 31));
 */
export async function keepDailyCounts(
  namespace: KVNamespaceLike,
  directory: Pick<Directory, "analytics">,
  { from, to }: DaySpan,
): Promise<KeptCounts> {
  const kv = patientKv(namespace);
  const counts = Map.groupBy(await directory.analytics(from, to), ({ day }) => day);
  const written = await Promise.all(
    Array.from(counts, async ([day, ofDay]) => {
      const text = JSON.stringify(ofDay.toSorted((a, b) => (a.source < b.source ? -1 : 1)));
      if ((await kv.get(PREFIX + day)) === text) return false;
      await kv.put(PREFIX + day, text, null);
      return true;
    }),
  );
  return { days: counts.size, written: written.filter(Boolean).length };
}

/** The counts of these days as they were last kept, by day and source. Throws `StoredDataError` for a key that holds something else. */
export async function readDailyCounts(namespace: KVNamespaceLike, span: DaySpan): Promise<DayCount[]> {
  const kv = patientKv(namespace);
  const days = await Promise.all(daysOf(span).map(async (day) => countsFrom(day, await kv.get(PREFIX + day))));
  return days.flat();
}

/** The last so many days, today included. `now`: epoch milliseconds. */
export function lastDays(now: number, days: number): DaySpan {
  return { from: dayOf(now - (days - 1) * DAY), to: dayOf(now) };
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function daysOf({ from, to }: DaySpan): string[] {
  const days: string[] = [];
  for (let at = Date.parse(from); at <= Date.parse(to); at += DAY) days.push(dayOf(at));
  return days;
}

function countsFrom(day: string, text: string | null): DayCount[] {
  if (text === null) return [];
  try {
    const counts: unknown = JSON.parse(text);
    // The cast: what is an array here `keepDailyCounts` has written.
    if (Array.isArray(counts)) return counts as DayCount[];
  } catch {
    // Told below, as anything else that is no list of counts.
  }
  throw new StoredDataError(`The counts of ${day} in KV cannot be read; remove the key ${PREFIX}${day}, and the next run writes it anew`);
}
