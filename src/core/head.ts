/** What the ports speak of: the head of a conversation, its messages, its events. Times are epoch milliseconds. */
import type { Environment } from "./id.ts";
import type { Json } from "./json.ts";

/** Where a conversation is in its life. */
export type Status = "active" | "completed" | "archived" | "deleted";

/** Every status, in the order of a life. */
export const STATUSES: readonly Status[] = ["active", "completed", "archived", "deleted"];

/** The chatbot's state. Set whole; the last writer wins. Null: none was ever set. */
export interface SessionState {
  step?: Json;
  context?: Json;
  leadData?: Json;
}

/** What a store knows of a conversation without its transcript. `metadata` and `session` are all that encryption seals. */
export interface Head {
  id: string;
  status: Status;
  /** `metadata.source` at creation, or "unknown". Stays readable when everything else is sealed or wiped. */
  source: string;
  environment: Environment;
  /** Drawn at creation, and again when a backup is restored: an old ETag never comes back to life. */
  incarnation: string;
  /** +1 with every commit that does more than touch; ETags and `remove` compare it. The first is 1. */
  version: number;
  /** +1 when metadata changes: what a merge was computed from. */
  revision: number;
  /** The seq of the newest message, which is the number of messages: seq counts from 1 and has no gaps. Kept when wiped. */
  lastSeq: number;
  /** The sum of the sizes of the messages that are stored (`NewMessage.size`); 0 when wiped. */
  bytes: number;
  created: number;
  lastActivity: number;
  /** Null: never accessed since creation. */
  lastAccess: number | null;
  /** Null when archived or deleted; also for records of older code that had none. */
  expiresAt: number | null;
  /** The latest completion; kept when the conversation becomes active again. */
  completedAt: number | null;
  archivedAt: number | null;
  archiveReason: string | null;
  /** Metadata and transcript were removed for good: every write but erasing is refused. */
  wiped: boolean;
  /** The `expiresAt` for which `expiring` was said. */
  warnedFor: number | null;
  /** A legal hold: no wiping, erasing, purging. */
  hold: boolean;
  /** Its increase revokes all tokens of this conversation. */
  tokenEpoch: number;
  /** The wrapped key and its master's ID, under encryption. */
  keyring: string | null;
  /** Keyed hashes of the person's data, for erasing by subject. Only ever added to, until wiped. */
  subjects: string[];
  metadata: Json;
  session: Json;
}

/** A message on its way into a store. */
export interface NewMessage {
  /** Unique in its conversation, and what ciphertext is bound to: `i:` and the client's message `id`, or `r:` and a random text. */
  key: string;
  /** Of the plain content in canonical form, to tell a repeat from a conflict. Null with a random key, which is never looked up. */
  digest: string | null;
  /** The message as JSON text, opaque to every engine. */
  body: string;
  /** The size of the plain message in UTF-8 bytes. */
  size: number;
}

/** A message in a store. `storedAt` is the time of its commit. */
export interface StoredMessage {
  seq: number;
  storedAt: number;
  key: string;
  digest: string | null;
  body: string;
  size: number;
}

/** A conversation with its whole transcript, oldest message first. At most 16 MiB, so it is one value and one call. */
export interface Whole {
  head: Head;
  messages: StoredMessage[];
}

/** Something that happened in a life; `type` as in the specification: created, extended, expiring, archived … */
export interface LifecycleEvent {
  type: string;
  at: number;
  details: { [key: string]: Json };
}
