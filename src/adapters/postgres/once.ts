/** Idempotency entries: what a request was answered, kept in the commit that did it. */
import type { Head, Status } from "../../core/head.ts";
import type { Once } from "../../core/hot-store.ts";
import type { Engine } from "./engine.ts";
import { headOf, type HeadRow } from "./head-row.ts";

/** What was answered first: after a creation the whole head, else the fields that a replay repeats. */
export type Answered = HeadRow | [version: number, lastSeq: number, lastAccess: number | null, expiresAt: number | null, status: Status];

const FORGET = {
  name: "itera-forget-once",
  text: `
    WITH gone AS (
      DELETE FROM conversation_once WHERE (n, key) IN (
        SELECT n, key FROM conversation_once WHERE until <= $1 ORDER BY until LIMIT $2 FOR UPDATE SKIP LOCKED
      ) RETURNING 1
    )
    SELECT count(*)::TEXT AS answer FROM gone`,
};

/** Key, fingerprint and end of an entry; nulls if there is none. */
export function onceParameters(once: Once | undefined): (string | number | null)[] {
  return once ? [once.key, once.fingerprint, once.until] : [null, null, null];
}

/** The head that a replay answers: as it is now, with what was answered first in its place. */
export function replayedHead(row: HeadRow, answered: Answered): Head {
  if (answered.length === row.length) return headOf(answered as HeadRow);
  // The cast: what is no whole head is the five fields.
  const [version, lastSeq, lastAccess, expiresAt, status] = answered as Exclude<Answered, HeadRow>;
  return { ...headOf(row), version, lastSeq, lastAccess, expiresAt, status };
}

/** `HotStore.forgetOnce`. */
export async function forgetOnce(engine: Engine, now: number, limit: number): Promise<number> {
  return engine.ask<number>(FORGET, [now, limit]);
}
