/** Copies everything from one set of stores into another: what is over, what lives, events, erasures and small things. */
import { copyConversation, type Copied } from "./copy-conversation.ts";
import { isoTime } from "./conversation.ts";
import { NotSupportedError } from "./errors.ts";
import type { Directory } from "./directory.ts";
import { isJsonObject } from "./json.ts";
import type { Records } from "./records.ts";
import { scanIds } from "./scan-ids.ts";
import type { Stores } from "./stores.ts";

/** Small things that outlive a move. Claims and job marks end by themselves, and belong to where they were made. */
const KEPT_KINDS = ["import", "receipt", "key"] as const;
/** Where a copy keeps how far it has come. */
const PROGRESS = "copy";
const AT_ONCE = 8;
const PAGE = 200;

/** What a copy did, or would do. */
export interface CopyReport {
  dryRun: boolean;
  /** Conversations seen at the source. */
  conversations: number;
  /** Of these: not there before; there in an older version; there as they are; there in a newer version, and left alone. */
  added: number;
  replaced: number;
  unchanged: number;
  newer: number;
  /** Left out, since the target's erasure log names them. */
  erased: number;
  /** Entries of the erasure log that the target did not have. */
  erasures: number;
  records: number;
  /** Conversations whose copy reads otherwise than the source; they are to be copied again. */
  differing: string[];
  /** Conversations in daily counts of the source that the target's counts lack: what was purged has nothing to be copied. */
  uncounted: number;
}

/** How a copy is done. */
export interface CopyOptions {
  /** Names the source, so that a copy that was stopped goes on where it was; no address, since it is stored. */
  name: string;
  /** Count and change nothing. */
  dryRun?: boolean;
  /** Told after each page; `total` is about how many there are. */
  onProgress?: (report: Readonly<CopyReport>, total: number) => void;
}

/** The whole time of daily counts. */
const [FIRST_DAY, LAST_DAY] = ["1970-01-01", "9999-12-31"];

async function counted(directory: Directory | null): Promise<number> {
  if (!directory) return 0;
  return (await directory.analytics(FIRST_DAY, LAST_DAY)).reduce((sum, { total }) => sum + total, 0);
}

/** Does something for each, some of them at once. */
async function forEach<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const left = [...items].toReversed();
  await Promise.all(
    Array.from({ length: Math.min(AT_ONCE, items.length) }, async () => {
      for (let item = left.pop(); item !== undefined; item = left.pop()) await run(item);
    }),
  );
}

/** What was erased at the source is removed from the target, and can never come there again. */
async function copyErasures(from: Stores, to: Stores, report: CopyReport): Promise<void> {
  if (!from.archive || !to.archive) return;
  for (let after = 0; ;) {
    const page = await from.archive.erasures(after, PAGE);
    for (const { id, at } of page) {
      if (await to.archive.erased(id)) continue;
      report.erasures++;
      if (report.dryRun) continue;
      const live = (await to.hot.read(id, 0))?.head;
      if (live) await to.hot.remove(id, live.version);
      // A hold that the source has released since is no reason to keep it: its tombstone replaces it below.
      if ((await to.archive.erase(id, { at, by: "copy" })) === "held") await eraseHeld(from, to, id, at);
    }
    if (page.length < PAGE) return;
    after = page.at(-1)!.n;
  }
}

async function eraseHeld(from: Stores, to: Stores, id: string, at: number): Promise<void> {
  const tombstone = (await from.hot.read(id, 0)) ?? (await from.archive!.read(id, 0));
  if (tombstone?.head.status === "deleted") await to.archive!.put({ head: tombstone.head, messages: [] });
  await to.archive!.erase(id, { at, by: "copy" });
}

async function copyRecords(from: Records, to: Records, report: CopyReport): Promise<void> {
  for (const kind of KEPT_KINDS) {
    for (let after: string | null = null; ;) {
      const page: { key: string; value: Parameters<Records["put"]>[2] }[] = await from.list(kind, after, PAGE);
      for (const { key, value } of page) {
        if (report.dryRun ? (await to.get(kind, key)) === null : (await to.put(kind, key, value, { ifVersion: 0 })).won) report.records++;
      }
      if (page.length < PAGE) break;
      after = page.at(-1)!.key;
    }
  }
}

/** Where a copy of this name was stopped; null: nowhere. */
async function stoppedAt(to: Records | null, name: string): Promise<string | null> {
  const value = (await to?.get(PROGRESS, name))?.value;
  return value !== undefined && isJsonObject(value) && typeof value["after"] === "string" ? value["after"] : null;
}

/**
 * Copies everything. What the target has already, in the same version, is left as it is, so a second run takes what has
 * changed since the first; what is newer there is never overwritten. The target should not be served meanwhile. Stopped at
 * any moment, the next run goes on. Every copy is read back and compared.
 *
 * Not taken along: idempotency keys (24 hours), and daily counts of what was purged.
 */
export async function copyStores(from: Stores, to: Stores, options: CopyOptions): Promise<CopyReport> {
  if (!from.hot.capabilities.scan || !to.hot.capabilities.atomic)
    throw new NotSupportedError("These stores cannot be copied: one of them can neither list nor compare");
  const dryRun = options.dryRun === true;
  const report: CopyReport = {
    dryRun,
    conversations: 0,
    added: 0,
    replaced: 0,
    unchanged: 0,
    newer: 0,
    erased: 0,
    erasures: 0,
    records: 0,
    differing: [],
    uncounted: 0,
  };
  const total = await counted(from.directory);
  const start = dryRun ? null : await stoppedAt(to.records, options.name);

  async function conversations(after: string | null, until: string | null): Promise<void> {
    for await (const page of scanIds(from, after)) {
      const ids = until === null ? page : page.filter((id) => id <= until);
      await forEach(ids, async (id) => {
        const copied = await copyConversation(from, to, id, dryRun);
        if (copied === "gone") return;
        report.conversations++;
        if (copied === "differs") report.differing.push(id);
        else report[copied satisfies Exclude<Copied, "gone" | "differs">]++;
      });
      options.onProgress?.(report, Math.max(total, report.conversations));
      if (ids.length < page.length) return;
      const value = { after: page.at(-1)!, at: isoTime((await to.hot.probe()).now) };
      if (!dryRun && until === null) await to.records?.put(PROGRESS, options.name, value);
    }
  }

  await copyErasures(from, to, report);
  await conversations(start, null);
  // What comes before the place where the last run was stopped may have changed since.
  if (start !== null) await conversations(null, start);
  if (from.records && to.records) await copyRecords(from.records, to.records, report);
  if (!dryRun) {
    // Once more: what was erased while the rest was copied.
    await copyErasures(from, to, report);
    await to.records?.remove(PROGRESS, options.name);
    report.uncounted = Math.max(0, total - (await counted(to.directory)));
  }
  return report;
}
