/** PORT: the service's small things: claims of IDs, receipts, job marks, and later keys, limits, dead letters. */
import type { Json } from "./json.ts";

/** A value as it is stored. `version` counts from 1, and again from 1 after a removal or an end. */
export interface StoredRecord {
  value: Json;
  version: number;
}

export interface Records {
  /** Null: none, or it ended. */
  get(kind: string, key: string): Promise<StoredRecord | null>;
  /**
   * `ifVersion` absent: always; 0: only if there is none; else only over that version. `won` tells whether it was
   * written; value and version are those that are stored afterwards (null and 0: none). `until`: when it ends by itself
   * (epoch ms, by the engine's clock); absent: it does not.
   */
  put(kind: string, key: string, value: Json, options?: { ifVersion?: number; until?: number }): Promise<StoredRecord & { won: boolean }>;
  /** In key order (as plain text), after this key; what ended is not there. */
  list(kind: string, after: string | null, limit: number): Promise<{ key: string; value: Json; version: number }[]>;
  remove(kind: string, key: string): Promise<void>;
  /** Removes at most `limit` of those whose `until` is `now` or before; answers how many. */
  forget(now: number, limit: number): Promise<number>;
}
