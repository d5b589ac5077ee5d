/** What can be done with conversations: the interface that the manager, the typed client and every integration share. */
import type { Conversation, DirectoryEntry, Message } from "./conversation.ts";
import type { Status } from "./head.ts";
import type { JsonObject } from "./json.ts";

/** How much of the transcript to answer: all of it (default), none, or the newest N. */
export type Messages = "all" | "none" | number;

/** A repeat under the same key does nothing and answers what the first one answered. The fingerprint tells repeats from reuse; without it it is made from the arguments. */
export type IdempotencyKey = string | { key: string; fingerprint: string };

/** What must be stored for a change to happen: a version, or `<incarnation>.<version>` as an ETag has it. Else `VersionMismatchError`. */
export type ExpectedVersion = number | string;

/** The chatbot's state. What is given is set whole; what is absent stays. */
export interface State {
  step?: unknown;
  context?: unknown;
  leadData?: unknown;
}

export interface CreateInput {
  metadata?: JsonObject;
  messages?: Message[];
}

/** What `updateConversation` takes; further fields must equal what is stored, so that a conversation can be written back whole. */
export interface ConversationUpdate {
  /** A merge patch (RFC 7396); `context`, `step`, `leadData` are set whole. */
  metadata?: JsonObject;
  /** The whole transcript. */
  messages?: Message[];
  status?: Status;
  messageCount?: number;
  [field: string]: unknown;
}

export interface AppendOptions {
  /** The messages are part of a transcript that the caller keeps whole: any number, and their `id`s are plain data. */
  asTranscript?: true;
  state?: State;
  /** Answer the newest N messages, those just added included; 0 or absent: none. */
  window?: number;
  expectedVersion?: ExpectedVersion;
  idempotencyKey?: IdempotencyKey;
}

export interface AppendResult {
  /** Where each message stands; a repeated message has its old place. `storedAt` is ISO 8601. */
  messages: { seq: number; storedAt: string }[];
  messageCount: number;
  version: number;
  /** Oldest first; present when a window was asked for. */
  window?: Message[];
}

/** The proof of a wiping or erasing. */
export interface Receipt {
  id: string;
  action: "wiped" | "erased";
  at: string;
  /** Messages removed, by place. */
  removed: { hot: number; archive: number };
  /** By when the engines have overwritten it too; null: this store cannot say. */
  overwrittenBy: string | null;
  /** When the last backup that may still hold it expires; null: no backups are made. */
  backupsExpireAt: string | null;
}

/** What erasing a person would do, or did. `messages`: how many would go; a receipt when it was done; `error` when it was refused (a hold). */
export interface SubjectErasure {
  id: string;
  messages: number;
  receipt?: Receipt;
  error?: string;
}

export interface ListQuery {
  status?: readonly Status[];
  source?: string;
  /** A letter or a name: `P`, `production`. */
  environment?: string;
  /** Created at or after, and before: ISO date or time. */
  from?: string;
  to?: string;
  /** Words that were said. */
  q?: string;
  /** 1 to 100, default 25. */
  limit?: number;
  /** `nextCursor` of the page before. */
  cursor?: string;
}

export interface ListPage {
  /** Newest first. */
  data: DirectoryEntry[];
  nextCursor: string | null;
}

/** A stretch of a transcript. `after` and `before` are exclusive. */
export interface MessageQuery {
  after?: number;
  before?: number;
  limit?: number;
  order?: "asc" | "desc";
}

export interface MessagePageResult {
  data: { seq: number; storedAt: string; message: Message }[];
  /** The `after` (or, descending, the `before`) of the next page, or null. */
  nextCursor: number | null;
}

export interface EventPage {
  /** Oldest first. */
  data: { event: string; at: string; details: JsonObject }[];
  nextCursor: string | null;
}

export interface DayStatistics {
  total: number;
  completed: number;
  archived: number;
  /** Null: no conversations. */
  averageMessages: number | null;
  averageDurationSeconds: number | null;
  bySource: { [source: string]: number };
}

export interface Analytics {
  days: (DayStatistics & { date: string })[];
  totals: DayStatistics;
  /** Active and completed now. */
  live: number;
}

export interface SweepResult {
  archived: number;
  warned: number;
  moved: number;
  delivered: number;
}

export interface PurgeReport {
  dryRun: boolean;
  /** Last active before this. */
  before: string;
  rows: number;
  held: number;
  months: { [month: string]: number };
}

interface Expecting {
  expectedVersion?: ExpectedVersion;
}

/** Every verb. A malformed ID throws `InvalidConversationIdError` everywhere; an unknown one `ConversationNotFoundError`, but for the two reads. */
export interface Conversations {
  createConversation(initial?: CreateInput, options?: { idempotencyKey?: IdempotencyKey }): Promise<Conversation>;
  /** Null if unknown; `GoneError` if erased. Counts as access. */
  getConversation(id: string, options?: { messages?: Messages }): Promise<Conversation | null>;
  /** The same without any side effect. */
  peekConversation(id: string, options?: { messages?: Messages }): Promise<Conversation | null>;
  updateConversation(id: string, updates: ConversationUpdate, options?: Expecting & { messages?: Messages }): Promise<Conversation>;
  /** Durable when it resolves. */
  appendMessages(id: string, messages: Message[], options?: AppendOptions): Promise<AppendResult>;
  completeConversation(id: string, options?: Expecting & { messages?: Messages }): Promise<Conversation>;
  /** `hours` at least 1; more than the maximum is the maximum. */
  extendConversation(id: string, hours?: number, reason?: string, options?: Expecting & { messages?: Messages }): Promise<Conversation>;
  /** With `preserveData: false` metadata and transcript are removed for good, and the answer carries a receipt. */
  archiveConversation(
    id: string,
    reason?: string,
    options?: Expecting & { preserveData?: boolean; messages?: Messages },
  ): Promise<Conversation & { receipt?: Receipt }>;
  reopenConversation(id: string, options?: Expecting & { messages?: Messages }): Promise<Conversation>;
  eraseConversation(id: string, options?: Expecting & { reason?: string }): Promise<Receipt>;
  /** All conversations of a person, found by a metadata value whose key is one of `SUBJECT_KEYS`. */
  eraseSubject(subject: { key: string; value: string; dryRun?: boolean }): Promise<SubjectErasure[]>;
  hold(id: string, reason: string, options?: Expecting & { messages?: Messages }): Promise<Conversation>;
  release(id: string, reason: string, options?: Expecting & { messages?: Messages }): Promise<Conversation>;
  /** Of all tokens for this conversation that were made until now none is accepted any more (elsewhere within 5 s). */
  revokeTokens(id: string): Promise<void>;
  listConversations(query?: ListQuery): Promise<ListPage>;
  listMessages(id: string, query?: MessageQuery): Promise<MessagePageResult>;
  events(id: string, query?: { cursor?: string; limit?: number }): Promise<EventPage>;
  /** UTC days, both inclusive, at most 366; the last 30 by default. */
  analytics(query?: { from?: string; to?: string }): Promise<Analytics>;
}
