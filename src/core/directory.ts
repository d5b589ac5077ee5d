/** PORT: one entry for every conversation, live or over. Lists, search, events, analytics and subjects ask it alone. */
import type { Head, LifecycleEvent, Status } from "./head.ts";

/**
 * What a list asks for, newest first; what is absent does not filter. `from` and `before` are IDs: `from` ≤ id < `before`.
 * `text`: words that were said, all of them, in whichever messages, in any letter case, with or without accents; what is
 * between words means nothing, and without a word nothing is found.
 */
export interface DirectoryQuery {
  status?: readonly Status[];
  source?: string;
  environment?: "P" | "S" | "D";
  from?: string;
  before?: string;
  text?: string;
  limit: number;
}

/** A page of a list. `snippets` go with a text query, one for each head: pieces of plain text as it was said, `…` where they are cut. `next`: the `before` of the next page, or null. */
export interface DirectoryPage {
  heads: Head[];
  snippets?: string[];
  next: string | null;
}

/**
 * The conversations created on one UTC day from one source. `completed`: ever completed; `archived`: over now, erased ones
 * included (those with an `archivedAt`); `seconds`: sum of durations, from creation to last activity.
 */
export interface DayCount {
  day: string;
  source: string;
  total: number;
  completed: number;
  archived: number;
  messages: number;
  seconds: number;
}

/** Text of a message for the search index. */
export interface SearchText {
  seq: number;
  text: string;
}

/** An event with the name of its outbox item, by which a repeat is known. */
export interface RecordedEvent {
  n: string;
  id: string;
  event: LifecycleEvent;
}

/** A conversation that another program has written, as it was handed out for indexing. */
export interface Unindexed {
  readonly id: string;
  /** Which write of it. */
  readonly n: string;
}

export interface Directory {
  readonly capabilities: {
    /** `text` queries are answered. */
    search: boolean;
    /** Bytes of text that are indexed for one conversation; what is beyond is not found. */
    searchBytes: number;
  };
  /**
   * Takes a head; the newest version wins, and nothing is taken for what was erased but its tombstone. `text`: what was
   * said after `text.after`; older text of higher seq is replaced by it. A head older than the entry is ignored, its text
   * too: the newer one has a mark of its own. A wiped or deleted head removes all text, and brings none; a deleted
   * one empties the details of its events too, since reasons are free text.
   */
  index(head: Head, text?: { after: number; messages: SearchText[] }): Promise<void>;
  /** The seq up to which text is indexed, in the order of `ids`: the highest that was given, or `text.after` if none was; 0: nothing. */
  indexed(ids: string[]): Promise<number[]>;
  /**
   * Where other programs write the archive past this one: at most `limit` conversations that they have written and nobody has
   * indexed since, oldest first. Each comes to one caller at a time, and again after `leaseMs` if it was not indexed by then.
   */
  unindexed?(limit: number, leaseMs: number): Promise<Unindexed[]>;
  /**
   * Takes the subjects and all text of such a conversation, and has it done with; its head stays as it is. Nothing happens if it was
   * written again meanwhile: it comes again. Where it is no other program's any more, or gone, it is only done with.
   */
  indexUnindexed?(item: Unindexed, subjects: readonly string[], messages: readonly SearchText[]): Promise<void>;
  list(query: DirectoryQuery): Promise<DirectoryPage>;
  /** Days `from` to `to` (YYYY-MM-DD, both inclusive); days without chats are absent. What was wiped, erased or purged still counts. */
  analytics(from: string, to: string): Promise<DayCount[]>;
  /** How many are active or completed now. */
  live(): Promise<number>;
  /** IDs of conversations with this subject hash, in ID order after `after`. */
  bySubject(hash: string, after: string | null, limit: number): Promise<string[]>;
  /** Keeps events; one whose `n` is known already is not kept twice. */
  record(events: RecordedEvent[]): Promise<void>;
  /** Events of a conversation, oldest first (at the same time: as they were recorded); `next` goes on from there, or null. */
  events(id: string, after: string | null, limit: number): Promise<{ events: LifecycleEvent[]; next: string | null }>;
  /** Removes at most `limit` events of before this time; answers how many. */
  forgetEvents(before: number, limit: number): Promise<number>;
  /** Removes the entries of what a purge removes (the same rule as `Archive.purge`), at most `limit`, keeping their daily counts; answers how many. */
  purge(before: number, limit: number): Promise<number>;
}
