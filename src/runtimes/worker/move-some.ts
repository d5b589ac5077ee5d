/** The part of the cron that moves conversations which nobody has asked for out of an old store, some at a time. */
import { StoreUnavailableError } from "../../core/errors.ts";
import type { Records } from "../../core/records.ts";
import type { Log } from "./log.ts";
import type { Moving } from "./open-stores.ts";

/** Under which is noted where the next run goes on: `{after}`, an ID. */
const PLACE = { kind: "job", key: "move" } as const;

const MOVED_AT_ONCE = 250;
/** So many that cannot be moved end a run as well: each of them is asked for. */
const STUCK_AT_ONCE = 100;
const PAGE = 50;

/** What a run did. */
export interface Moved {
  readonly moved: number;
  /** Left where they are, because they are not readable or the new store refuses them; the log names each. */
  readonly stuck: number;
}

async function placeOf(records: Records | null): Promise<string | null> {
  const value = (await records?.get(PLACE.kind, PLACE.key))?.value as { after?: unknown } | undefined;
  return typeof value?.after === "string" ? value.after : null;
}

/**
 * Moves some; the next run goes on behind the last one, and begins again when it was through, so that no number of conversations which cannot be
 * moved keeps the others from moving. A store that does not answer ends the run: throws `StoreUnavailableError`.
 */
export async function moveSome({ from, to }: Moving, records: Records | null, log: Log): Promise<Moved> {
  let moved = 0;
  let stuck = 0;
  const leave = (id: string, error: unknown): void => {
    stuck++;
    const what = "a conversation stays in CONVERSATIONS_FROM: it cannot be moved; repair its record, or delete it if it is none";
    log.error({ key: id, err: error, job: "move" }, what);
  };
  const old = from(leave);
  let after = await placeOf(records);
  try {
    while (moved < MOVED_AT_ONCE && stuck < STUCK_AT_ONCE) {
      const heads = await old.scan(after, PAGE);
      for (const { id } of heads) {
        try {
          if (await to.move(id)) moved++;
        } catch (error) {
          if (error instanceof StoreUnavailableError) throw error;
          leave(id, error);
        }
        after = id;
      }
      if (heads.length < PAGE) {
        after = null;
        break;
      }
    }
  } finally {
    await records?.put(PLACE.kind, PLACE.key, { after });
  }
  return { moved, stuck };
}
