/** Erasures at a restore: what the backup, a newer one, or the target itself says is erased goes first, and never comes back. */
import { applyChange } from "../../core/apply-change.ts";
import type { Erasure } from "../../core/archive.ts";
import { STATUSES, type Head } from "../../core/head.ts";
import type { Stores } from "../../core/stores.ts";
import type { ConversationRow } from "./backup-rows.ts";

const PAGE = 500;

/** What is left of a conversation that was erased at this time. */
export function tombstoneOf(head: Head, at: number): Head {
  const erased = applyChange(head, { now: at, step: { from: STATUSES, to: "deleted" }, wipe: true }, { count: 0, bytes: 0 }, at).head;
  return { ...erased, hold: false };
}

/** The row of a conversation that the erasure log names: without a word of what was said, or why. */
export function erasedRow(row: ConversationRow, at: number): ConversationRow {
  const { head } = (row.live ?? row.over)!;
  const tombstone = head.status === "deleted" ? head : tombstoneOf(head, at);
  const isLive = row.live?.head.status === "deleted";
  const overHead = row.over?.head.status === "deleted" ? row.over.head : tombstone;
  return {
    id: row.id,
    live: isLive ? { head, messages: [] } : null,
    over: isLive && !row.over ? null : { head: overHead, messages: [] },
    events: row.events.map((event) => ({ ...event, details: {} })),
  };
}

/** Erases in the target, unless it has already. */
async function eraseThere({ archive, directory, hot }: Stores, { id, at }: Pick<Erasure, "id" | "at">): Promise<boolean> {
  if (!archive || (await archive.erased(id))) return false;
  const entry = { at, by: "restore" };
  const live = (await hot.read(id, 0))?.head;
  if (live) await hot.remove(id, live.version);
  if ((await archive.erase(id, entry)) === "held") {
    // The hold was released before it was erased, which the target has not heard of.
    const { head } = (await archive.read(id, 0))!;
    await archive.put({ head: { ...tombstoneOf(head, at), version: head.version + 1 }, messages: [] });
    await archive.erase(id, entry);
  }
  if (live && directory) await directory.index({ ...tombstoneOf(live, at), version: live.version + 1 });
  return true;
}

/**
 * Applies logs to the target, and answers all that is erased now, the target's own log included: IDs with their times. `added`: how many
 * the target did not know.
 */
export async function applyErasures(
  to: Stores,
  logs: readonly AsyncIterable<Pick<Erasure, "id" | "at">>[],
): Promise<{ erased: ReadonlyMap<string, number>; added: number }> {
  const erased = new Map<string, number>();
  let added = 0;
  for (let after = 0; to.archive;) {
    const page = await to.archive.erasures(after, PAGE);
    for (const { id, at } of page) erased.set(id, at);
    if (page.length < PAGE) break;
    after = page.at(-1)!.n;
  }
  for (const log of logs) {
    for await (const { id, at } of log) {
      if (erased.has(id)) continue;
      if (await eraseThere(to, { id, at })) added++;
      erased.set(id, at);
    }
  }
  return { erased, added };
}
