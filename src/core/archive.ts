/** PORT: what is over, kept for years, and the log of what was erased. */
import type { Whole } from "./head.ts";
import type { Store } from "./store.ts";

/** An entry of the erasure log. `n` counts from 1 and orders the log; it outlives everything else. */
export interface Erasure {
  n: number;
  id: string;
  at: number;
}

/** What a purge removed, or would remove: rows by month of creation (`YYYY-MM`), and how many a legal hold kept. */
export interface PurgeResult {
  months: { [month: string]: number };
  rows: number;
  held: number;
}

export interface Archive extends Store {
  readonly capabilities: { maxMessageBytes: number; overwrittenWithinMs: number | null };
  /**
   * Stores a conversation whole. `older`: the same or a newer version is there, nothing was done (with `replace`, the
   * same version is overwritten). `erased`: the erasure log names it, and only a tombstone (`deleted`) would be taken.
   */
  put(whole: Whole, options?: { replace?: true }): Promise<"stored" | "older" | "erased">;
  /**
   * Writes the erasure log first, then removes what is here, leaving at most a tombstone: the head with status
   * `deleted` and without metadata, session, subjects, keyring. `held`: a legal hold forbids it, nothing was done.
   * Repeating it is harmless, and the log names each ID once. `removed`: messages that were removed here.
   */
  erase(id: string, entry: { at: number; by: string }): Promise<{ removed: number } | "held">;
  /** The log after entry `after`, in order. */
  erasures(after: number, limit: number): Promise<Erasure[]>;
  /** Whether the log names this ID. */
  erased(id: string): Promise<boolean>;
  /**
   * Removes conversations, wiped ones included, that are archived or completed, last active before `before`, without
   * hold: at most `limit` of them. With `dryRun` counts all of them and removes nothing. `held` counts all that a hold keeps.
   * What was put is what counts, whatever the directory has heard since; an archive that knows better may keep it.
   */
  purge(before: number, limit: number, dryRun: boolean): Promise<PurgeResult>;
}
