/** The cleanup: purges what is past retention, and forgets ended entries and old events, in bounded batches. */
import { isoTime } from "./conversation.ts";
import type { PurgeReport } from "./conversations.ts";
import type { Context } from "./commit.ts";
import { NotSupportedError } from "./errors.ts";
import type { Head } from "./head.ts";
import { deliver } from "./outbox.ts";

const BATCH = 500;

/** The instant of so many years before a time; 29 February counts as the 28th. */
export function yearsBefore(now: number, years: number): number {
  const date = new Date(now);
  const month = date.getUTCMonth();
  const whole = Math.floor(years);
  date.setUTCFullYear(date.getUTCFullYear() - whole);
  if (date.getUTCMonth() !== month) date.setUTCDate(0);
  return date.getTime() - (years - whole) * 365.25 * 86_400_000;
}

/** Whether a purge takes it, but for a legal hold: the rule of `Archive.purge`. */
function isPast(head: Head, before: number): boolean {
  return (head.status === "archived" || head.status === "completed") && head.lastActivity < before;
}

/**
 * What the hot store holds of that age, oldest first, each with what the archive knows of it: it was brought back, or
 * is not moved yet, and so the archive alone cannot tell what is to go. IDs sort by time, so these are the first few.
 */
async function* oldInHot({ stores, settings }: Context, before: number): AsyncGenerator<{ live: Head; there: Head | null }> {
  const { archive, hot } = stores;
  if (!hot.capabilities.scan) return;
  for (let after: string | null = null; ;) {
    const heads: Head[] = await hot.scan(after, BATCH);
    for (const live of heads) {
      if (settings.ids.parse(live.id).timestamp.getTime() > before) return;
      if (live.status !== "deleted") yield { live, there: (await archive?.read(live.id, 0))?.head ?? null };
    }
    if (heads.length === 0) return;
    after = heads.at(-1)!.id;
  }
}

/** Before a purge: what goes leaves the hot store, and of what lives on the archive and the directory know that it does. */
async function prepare(context: Context, before: number): Promise<void> {
  const { archive, hot } = context.stores;
  await deliver(context);
  for await (const { live, there } of oldInHot(context, before)) {
    const past = isPast(live, before);
    const goes = past && !live.hold;
    // What a hold keeps is counted in the archive.
    if (!past && !there) continue;
    if (!there || there.version < live.version) {
      const whole = await hot.read(live.id, Infinity);
      if (!whole || (await archive!.put(whole)) !== "stored") continue;
    }
    if (goes) await hot.remove(live.id, live.version);
  }
}

/** What `prepare` would change in the count of the archive. */
async function correct(context: Context, before: number, report: PurgeReport): Promise<void> {
  for await (const { live, there } of oldInHot(context, before)) {
    if (there && there.version >= live.version) continue;
    const month = isoTime(live.created).slice(0, 7);
    for (const [head, change] of [
      [live, 1],
      [there, -1],
    ] as const) {
      if (!head || !isPast(head, before)) continue;
      if (head.hold) report.held += change;
      else report.months[month] = (report.months[month] ?? 0) + change;
      if (!head.hold) report.rows += change;
    }
    if (report.months[month] === 0) delete report.months[month];
  }
}

/** Removes what is over and last active longer ago than the retention; a legal hold keeps it. Safe to repeat and on several servers. */
export async function purge(context: Context, options: { dryRun?: boolean } = {}): Promise<PurgeReport> {
  const { stores, settings } = context;
  const { archive, directory } = stores;
  if (!archive) throw new NotSupportedError("Without an archive there is nothing to purge");
  const dryRun = options.dryRun === true;
  const now = Math.min(settings.clock(), (await archive.probe()).now);
  const before = yearsBefore(now, settings.retentionYears);
  const report: PurgeReport = { dryRun, before: isoTime(before), rows: 0, held: 0, months: {} };
  if (!dryRun) await prepare(context, before);
  for (;;) {
    const part = await archive.purge(before, BATCH, dryRun);
    report.rows += part.rows;
    report.held = part.held;
    for (const [month, rows] of Object.entries(part.months)) report.months[month] = (report.months[month] ?? 0) + rows;
    if (dryRun || part.rows === 0) break;
  }
  if (dryRun) {
    await correct(context, before, report);
  } else {
    while (directory && (await directory.purge(before, BATCH)) > 0);
    for (const [month, rows] of Object.entries(report.months))
      settings.onEvent(month, { type: "purged", at: now, details: { month, rows } });
  }
  return report;
}

/** What the cleanup removed. */
export interface CleanupResult {
  purge: PurgeReport | null;
  idempotencyEntries: number;
  records: number;
  events: number;
}

async function repeat(remove: () => Promise<number>): Promise<number> {
  let removed = 0;
  for (;;) {
    const some = await remove();
    removed += some;
    if (some < BATCH) return removed;
  }
}

/** One run: purge, ended idempotency entries and records, events past their time. */
export async function cleanup(context: Context): Promise<CleanupResult> {
  const { stores, settings } = context;
  const { archive, directory, hot, records } = stores;
  const now = Math.min(settings.clock(), (await hot.probe()).now);
  return {
    purge: archive ? await purge(context) : null,
    idempotencyEntries: await repeat(() => hot.forgetOnce(now, BATCH)),
    records: records ? await repeat(() => records.forget(now, BATCH)) : 0,
    events: directory ? await repeat(() => directory.forgetEvents(now - settings.eventRetentionMs, BATCH)) : 0,
  };
}
