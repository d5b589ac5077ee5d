/** Where the messages of a commit stand, as the database keeps it: as runs, since new messages follow each other. */
import type { Placed } from "../../core/hot-store.ts";

/** So many messages from this seq on, all of one time. */
export type Run = [firstSeq: number, storedAt: number, count: number];

/** The place of each message. */
export function placesOf(runs: readonly Run[]): Placed[] {
  return runs.flatMap(([firstSeq, storedAt, count]) => Array.from({ length: count }, (_, i) => ({ seq: firstSeq + i, storedAt })));
}
