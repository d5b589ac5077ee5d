/** All conversations of a namespace in the order of their IDs, which is the order of its keys. */
import { StoredDataError } from "../../core/errors.ts";
import type { Head } from "../../core/head.ts";
import type { Engine } from "./engine.ts";
import { remember } from "./listing-state.ts";

const PAGE = 1000;
/** Places to go on from that are remembered: few walk through everything at the same time. */
const MOST_CURSORS = 32;

/**
 * `HotStore.scan`. KV pages by cursors of its own and not by keys: the next page of the same walk begins where the last one
 * ended, any other begins at the first key. Keys of the last minute may be missing.
 */
export async function scan(engine: Engine, after: string | null, limit: number): Promise<Head[]> {
  const { cursors } = engine.listing;
  const known = after === null ? null : (cursors.get(after) ?? null);
  const heads: Head[] = [];
  let skipping = after !== null && known === null;
  let cursor = known;
  do {
    // While it only looks for the place, pages are as large as they may be; then they end where the answer does.
    const page = await engine.list(cursor, skipping ? PAGE : limit - heads.length);
    const ids = page.listed.map(({ id }) => id).filter((id) => after === null || id > after);
    if (ids.length > 0) skipping = false;
    const wanted = ids.slice(0, limit - heads.length);
    heads.push(...(await headsOf(engine, wanted)));
    cursor = page.cursor;
    const last = heads.at(-1);
    if (heads.length >= limit) {
      if (cursor !== null && last && wanted.length === ids.length) remember(cursors, last.id, cursor, MOST_CURSORS);
      break;
    }
    // What was gone left room, and the rest of this page has been listed already.
    if (wanted.length < ids.length) heads.push(...(await headsOf(engine, ids.slice(wanted.length))).slice(0, limit - heads.length));
  } while (cursor !== null && heads.length < limit);
  return heads;
}

/** The heads of those that are still there and can be read. */
async function headsOf(engine: Engine, ids: readonly string[]): Promise<Head[]> {
  const found = await Promise.all(ids.map((id) => headOf(engine, id)));
  return found.filter((head) => head !== null);
}

async function headOf(engine: Engine, id: string): Promise<Head | null> {
  try {
    return (await engine.load(id)).document?.whole.head ?? null;
  } catch (error) {
    if (!(error instanceof StoredDataError)) throw error;
    engine.unreadable(id, error);
    return null;
  }
}
