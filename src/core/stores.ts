/** The four ports, handed around and wrapped as a whole. */
import type { Archive } from "./archive.ts";
import type { Directory } from "./directory.ts";
import type { HotStore } from "./hot-store.ts";
import type { Records } from "./records.ts";

/** What is null answers `not_supported`. */
export interface Stores {
  hot: HotStore;
  archive: Archive | null;
  directory: Directory | null;
  records: Records | null;
}
