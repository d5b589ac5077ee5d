/** What the memory stores share: plain maps. Hot store, archive and directory are one "database", so a commit changes the entry in the same step. */
import type { Erasure } from "../../core/archive.ts";
import { applyChange } from "../../core/apply-change.ts";
import type { DayCount, RecordedEvent } from "../../core/directory.ts";
import { STATUSES, type Head, type StoredMessage, type Whole } from "../../core/head.ts";
import type { OutboxItem, Placed } from "../../core/hot-store.ts";
import type { Json } from "../../core/json.ts";

/** An idempotency entry: what was answered, never messages. */
export interface OnceEntry {
  fingerprint: string;
  until: number;
  answered: Partial<Head>;
  placed: Placed[];
}

/** A live conversation. `places`: the seq of each message that can be repeated, by its key. `leases`: until when, by what is due. */
export interface Live {
  head: Head;
  messages: StoredMessage[];
  places: Map<string, number>;
  once: Map<string, OnceEntry>;
  leases: Map<string, number>;
}

/** What is indexed of one message. */
export interface IndexedText {
  seq: number;
  text: string;
  bytes: number;
  words: Set<string>;
}

/** An entry of the directory; `indexed` is the seq up to which text was given. */
export interface Entry {
  head: Head;
  texts: IndexedText[];
  indexed: number;
}

/** A small thing in `Records`; `until` null: it does not end. */
export interface SmallThing {
  value: Json;
  version: number;
  until: number | null;
}

/** A recorded event. `order`: of recording. */
export interface KeptEvent extends RecordedEvent {
  order: number;
}

/** All of it. */
export interface MemoryState {
  clock: () => number;
  live: Map<string, Live>;
  /** In the order of delivery, by a key that stays when a mark is renewed. */
  outbox: Map<string, { item: OutboxItem; leasedUntil: number }>;
  /** How many events were ever put into the outbox. */
  eventCount: number;
  archived: Map<string, Whole>;
  erasures: Map<string, Erasure>;
  entries: Map<string, Entry>;
  /** The counts of what was purged, by day and source. */
  rollups: Map<string, DayCount>;
  /** Recorded events by the name of their outbox item, and how many were ever recorded. */
  events: Map<string, KeptEvent>;
  recorded: number;
  records: Map<string, Map<string, SmallThing>>;
}

/** A state that holds nothing. */
export function emptyState(clock: () => number): MemoryState {
  return {
    clock,
    live: new Map(),
    outbox: new Map(),
    eventCount: 0,
    archived: new Map(),
    erasures: new Map(),
    entries: new Map(),
    rollups: new Map(),
    events: new Map(),
    recorded: 0,
    records: new Map(),
  };
}

/** What is left of an erased conversation. */
export function tombstone(head: Head, at: number): Head {
  return applyChange(head, { now: at, step: { from: STATUSES, to: "deleted" }, wipe: true }, { count: 0, bytes: 0 }, at).head;
}

/** Copies of stored messages for a caller: the newest `window` of them. */
export function newest(messages: readonly StoredMessage[], window: number): StoredMessage[] {
  return window > 0 ? messages.slice(-window).map((message) => ({ ...message })) : [];
}

/** Whether a purge takes it: archived or completed, and last active before. A legal hold is looked at apart. */
export function isPast(head: Head, before: number): boolean {
  return (head.status === "archived" || head.status === "completed") && head.lastActivity < before;
}
