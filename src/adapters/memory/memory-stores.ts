/** The four ports in memory: the reference implementation, for tests, for trying things out, and to read. Nothing outlives the process. */
import type { Stores } from "../../core/stores.ts";
import { memoryArchive } from "./archive.ts";
import { memoryDirectory } from "./directory.ts";
import { memoryHotStore } from "./hot-store.ts";
import { memoryRecords } from "./records.ts";
import { emptyState } from "./state.ts";

/** Options of `memoryStores`. `clock`: the engine's own time in epoch milliseconds; `Date.now` by default. */
export interface MemoryOptions {
  clock?: () => number;
}

/**
 * Stores in memory that hold nothing yet. Runs anywhere.
 *
 * @example
 * const manager = new ConversationManager(memoryStores());
 */
export function memoryStores(options: MemoryOptions = {}): Required<{ [Port in keyof Stores]: NonNullable<Stores[Port]> }> {
  const state = emptyState(options.clock ?? Date.now);
  return {
    hot: memoryHotStore(state),
    archive: memoryArchive(state),
    directory: memoryDirectory(state),
    records: memoryRecords(state),
  };
}
