/** What the methods that list keys of one namespace remember in this process. */
import type { Due } from "./due.ts";

/** Leases, places to go on from, and what was read of keys that tell nothing. */
export interface ListingState {
  /** Until when (engine's clock) a conversation is somebody's, by what is due and its ID. */
  readonly leases: Map<string, number>;
  /** The cursor behind the last ID of a page of `scan`. */
  readonly cursors: Map<string, string>;
  /** Where the walk for something goes on that was too long for one call, by what is due. */
  readonly resumes: Map<string, string>;
  /** What older code's conversations turned out to be, which stays until they are written anew. */
  readonly older: Map<string, Due>;
}

const MOST_REMEMBERED = 10_000;

/** One that knows nothing. */
export function emptyListing(): ListingState {
  return { leases: new Map(), cursors: new Map(), resumes: new Map(), older: new Map() };
}

/** Remembers, and forgets the oldest where there are too many. */
export function remember<T>(map: Map<string, T>, key: string, value: T, most = MOST_REMEMBERED): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= most) break;
    map.delete(oldest);
  }
}
