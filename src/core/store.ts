/** What hot store and archive have in common. */
import type { Head, StoredMessage, Whole } from "./head.ts";

/** A stretch of a transcript: seq greater than `after`, less than `before`, at most `limit`, in this order. */
export interface MessagePage {
  after?: number;
  before?: number;
  limit: number;
  order: "asc" | "desc";
}

/** A place where conversations are. Methods throw `StoreUnavailableError` when the engine fails. */
export interface Store {
  /** The conversation with its newest `window` messages, oldest first; 0: none of them, Infinity: all. Null: not here. */
  read(id: string, window: number): Promise<Whole | null>;
  /** Null: not here. */
  messages(id: string, page: MessagePage): Promise<StoredMessage[] | null>;
  /** Heads in ID order, after this ID. */
  scan(after: string | null, limit: number): Promise<Head[]>;
  /** Answers when the engine is alive, with the engine's clock. */
  probe(): Promise<{ now: number }>;
  /** Overwrites what was wiped (SQLite: checkpoint). True when nothing is left to do; false: busy, ask again later. */
  scrub(): Promise<boolean>;
  /** Gives back what the store holds open. Harmless when repeated. */
  close(): Promise<void>;
}
