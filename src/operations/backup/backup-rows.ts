/** What the lines of a backup hold: one conversation, entry or record each. */
import type { DayCount } from "../../core/directory.ts";
import type { LifecycleEvent, Whole } from "../../core/head.ts";
import type { Json } from "../../core/json.ts";

/** A conversation wherever it is: live, over, or in both for a while; and what has happened to it. */
export interface ConversationRow {
  readonly id: string;
  readonly live: Whole | null;
  readonly over: Whole | null;
  readonly events: readonly LifecycleEvent[];
}

/** Small things that outlive their store. Claims and job marks end by themselves, and secrets are in no backup. */
export const KEPT_KINDS = ["import", "receipt", "key", "encryption"] as const;

/** One of the small things. */
export interface RecordRow {
  readonly kind: string;
  readonly key: string;
  readonly value: Json;
}

/** An entry of the erasure log. */
export interface ErasureRow {
  readonly n: number;
  readonly id: string;
  readonly at: number;
}

/** The tables by name. `days`: the daily counts of the directory, those of what was purged included. */
export interface Tables {
  conversations: ConversationRow;
  erasures: ErasureRow;
  records: RecordRow;
  days: DayCount;
}

/** The name of a table. */
export type TableName = keyof Tables;

/** In the order in which they are written: the erasure log after all that it could name. */
export const TABLES: readonly TableName[] = ["conversations", "records", "days", "erasures"];
