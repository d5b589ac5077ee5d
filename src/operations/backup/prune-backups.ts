/** Removes backups that are past their time. */
import { timeOfBackup } from "./backup-id.ts";
import type { BackupPlace } from "./backup-place.ts";

/** Removed so much earlier, so that what was erased is gone from all backups by the time that its receipt names. */
const EARLIER_MS = 15 * 60_000;

/** Longer than that no server is off without somebody noticing; a clock that jumped leaves such a gap. */
const GAP_MS = 30 * 86_400_000;

/** What a pruning did. `refused`: between what is kept and what would go is a gap, so that the clock may have jumped. */
export interface Pruned {
  readonly removed: readonly string[];
  readonly refused: boolean;
}

/**
 * Removes the backups that were begun more than `retentionMs` ago. Only call it after a good backup. Where what would go is more than 30 days
 * (or two intervals) older than what is kept, nothing is removed unless `always`: a clock that jumped would else take all of them.
 */
export async function pruneBackups(
  place: BackupPlace,
  { now, retentionMs, intervalMs, always = false }: { now: number; retentionMs: number; intervalMs: number; always?: boolean },
): Promise<Pruned> {
  const ids = await place.list();
  const old = ids.filter((id) => timeOfBackup(id)! + retentionMs - EARLIER_MS <= now);
  const oldestKept = ids[old.length];
  // Without one that is kept there is nothing to fall back to.
  if (old.length === 0 || oldestKept === undefined) return { removed: [], refused: old.length > 0 };
  const gap = timeOfBackup(oldestKept)! - timeOfBackup(old.at(-1)!)!;
  if (gap > Math.max(GAP_MS, 2 * intervalMs) && !always) return { removed: [], refused: true };
  for (const id of old) await place.remove(id);
  return { removed: old, refused: false };
}
