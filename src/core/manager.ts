/** `ConversationManager`: every verb of a conversation's life, over the four ports. It knows nothing of any engine. */
import { analytics, listConversations, listEvents, listMessages } from "./list.ts";
import { appendMessages } from "./append.ts";
import { cleanup, purge, type CleanupResult } from "./cleanup.ts";
import { checkId, commitPlan, expecting, readHead, settle, tell, type Context } from "./commit.ts";
import type { Conversation, Message } from "./conversation.ts";
import { toConversation } from "./conversation.ts";
import type {
  Analytics,
  AppendOptions,
  AppendResult,
  Conversations,
  ConversationUpdate,
  CreateInput,
  EventPage,
  ExpectedVersion,
  IdempotencyKey,
  ListPage,
  ListQuery,
  MessagePageResult,
  MessageQuery,
  Messages,
  PurgeReport,
  Receipt,
  SubjectErasure,
  SweepResult,
} from "./conversations.ts";
import { createConversation } from "./create.ts";
import { eraseConversation, eraseSubject, wipeConversation } from "./erase.ts";
import { InvalidInputError } from "./errors.ts";
import { checkText } from "./incoming.ts";
import { planVerb, type Verb } from "./lifecycle.ts";
import { inTurn } from "./non-atomic.ts";
import { deliver } from "./outbox.ts";
import { getConversation, peekConversation, windowOf } from "./read.ts";
import { revokeTokens } from "./revoke-tokens.ts";
import { settingsFrom, verbInput, type ManagerOptions, type Settings } from "./settings.ts";
import type { Stores } from "./stores.ts";
import { sweep } from "./sweep.ts";
import { updateConversation } from "./update.ts";
import {
  exportConversations,
  importConversation,
  type ExportLine,
  type ImportLine,
  type ImportResult,
  type SeenLines,
} from "./transfer.ts";

interface VerbOptions {
  expectedVersion?: ExpectedVersion;
  messages?: Messages;
}

interface VerbDetails {
  hours?: number;
  reason?: string;
}

const HOUR = 3_600_000;

/** Conversations over any stores. Verbs are those of `Conversations`; the rest keeps the service going. */
export class ConversationManager implements Conversations {
  readonly stores: Stores;
  readonly settings: Settings;
  readonly #context: Context;

  constructor(stores: Stores, options: ManagerOptions = {}) {
    this.stores = stores;
    this.settings = settingsFrom(options);
    this.#context = { stores: this.stores, settings: this.settings };
  }

  /** A new conversation, active, expiring after the TTL. */
  createConversation(initial: CreateInput = {}, options: { idempotencyKey?: IdempotencyKey } = {}): Promise<Conversation> {
    return createConversation(this.#context, initial, options);
  }

  /** Reads, which counts as access: it writes at most a touch a minute, or the archiving of what has expired. */
  getConversation(id: string, options: { messages?: Messages } = {}): Promise<Conversation | null> {
    return inTurn(this.#context, id, (context) => getConversation(context, id, options));
  }

  /** Reads without any side effect. */
  peekConversation(id: string, options: { messages?: Messages } = {}): Promise<Conversation | null> {
    return peekConversation(this.#context, id, options);
  }

  /** Merges metadata, appends or replaces the transcript, sets the status. */
  updateConversation(id: string, updates: ConversationUpdate, options: VerbOptions = {}): Promise<Conversation> {
    return inTurn(this.#context, id, (context) => updateConversation(context, id, updates, options));
  }

  /** Appends messages and sets the chatbot's state in one commit; durable when it resolves. */
  appendMessages(id: string, messages: Message[], options: AppendOptions = {}): Promise<AppendResult> {
    return inTurn(this.#context, id, (context) => appendMessages(context, id, messages, options));
  }

  /** From active to completed. */
  completeConversation(id: string, options: VerbOptions = {}): Promise<Conversation> {
    return this.#verb("complete", id, options);
  }

  /** Moves the expiry to at least `hours` from now, at most the maximum. An archived conversation becomes active. */
  async extendConversation(id: string, hours = 24, reason?: string, options: VerbOptions = {}): Promise<Conversation> {
    if (typeof hours !== "number" || !(hours >= 1)) throw new InvalidInputError("hours must be a number of at least 1");
    const granted = Math.min(hours, this.settings.maxExtensionMs / HOUR);
    return this.#verb("extend", id, options, { hours: granted, ...this.#reason(reason) });
  }

  /** From active or completed to archived; or, with `preserveData: false`, wiped for good. */
  async archiveConversation(
    id: string,
    reason = "completed",
    options: VerbOptions & { preserveData?: boolean } = {},
  ): Promise<Conversation & { receipt?: Receipt }> {
    checkText(reason, "reason", this.settings.limits.archiveReason, 1);
    if (options.preserveData === false)
      return inTurn(this.#context, id, (context) => wipeConversation(context, id, reason, options.expectedVersion));
    const conversation = await this.#verb("archive", id, options, { reason });
    try {
      await settle(this.#context, id);
    } catch (error) {
      // The commit has decided; the outbox brings it to the archive.
      this.settings.onError(error, "archive");
    }
    return conversation;
  }

  /** From archived or completed to active. */
  reopenConversation(id: string, options: VerbOptions = {}): Promise<Conversation> {
    return this.#verb("reopen", id, options);
  }

  /** Removes everything but a tombstone. */
  eraseConversation(id: string, options: { reason?: string; expectedVersion?: ExpectedVersion } = {}): Promise<Receipt> {
    return inTurn(this.#context, id, (context) => eraseConversation(context, id, options));
  }

  /** Erases all conversations of a person, or with `dryRun` tells which they are. */
  eraseSubject(subject: { key: string; value: string; dryRun?: boolean }): Promise<SubjectErasure[]> {
    return eraseSubject(this.#context, subject, () => this.deliver());
  }

  /** A legal hold: refuses wiping, erasing and purging until released. */
  async hold(id: string, reason: string, options: VerbOptions = {}): Promise<Conversation> {
    return this.#holding("hold", id, reason, options);
  }

  /** Ends a legal hold. */
  async release(id: string, reason: string, options: VerbOptions = {}): Promise<Conversation> {
    return this.#holding("release", id, reason, options);
  }

  /** Revokes all tokens of a conversation that were made until now. */
  revokeTokens(id: string): Promise<void> {
    return inTurn(this.#context, id, (context) => revokeTokens(context, id));
  }

  listConversations(query: ListQuery = {}): Promise<ListPage> {
    return listConversations(this.#context, query);
  }

  listMessages(id: string, query: MessageQuery = {}): Promise<MessagePageResult> {
    return listMessages(this.#context, id, query);
  }

  events(id: string, query: { cursor?: string; limit?: number } = {}): Promise<EventPage> {
    return listEvents(this.#context, id, query);
  }

  analytics(query: { from?: string; to?: string } = {}): Promise<Analytics> {
    return analytics(this.#context, query);
  }

  /** Archives what has expired, says `expiring`, passes on, moves what is over. To be run every minute, on any number of servers. */
  sweep(options: { dryRun?: boolean } = {}): Promise<SweepResult> {
    return sweep(this.#context, options);
  }

  /** Passes the outbox on until it is empty or `limit` items are; answers how many. To be run every second or so. */
  deliver(limit?: number): Promise<number> {
    return deliver(this.#context, limit);
  }

  /** Removes what is past retention. */
  purge(options: { dryRun?: boolean } = {}): Promise<PurgeReport> {
    return purge(this.#context, options);
  }

  /** Purges, and forgets ended entries and old events. To be run every few hours. */
  cleanup(): Promise<CleanupResult> {
    return cleanup(this.#context);
  }

  /** Takes a conversation whole, or finds that it is there already. */
  importConversation(line: ImportLine, options: { active?: boolean; seen?: SeenLines } = {}): Promise<ImportResult> {
    return importConversation(this.#context, line, options);
  }

  /** All conversations whole, in ID order. */
  exportConversations(options: { after?: string } = {}): AsyncGenerator<ExportLine> {
    return exportConversations(this.#context, options);
  }

  /** Closes the stores. */
  async close(): Promise<void> {
    await this.stores.hot.close();
    await this.stores.archive?.close();
  }

  #reason(reason: string | undefined): { reason?: string } {
    return reason === undefined ? {} : { reason: checkText(reason, "reason", this.settings.limits.reason) };
  }

  async #holding(verb: "hold" | "release", id: string, reason: string, options: VerbOptions): Promise<Conversation> {
    const conversation = await this.#verb(verb, id, options, { reason: checkText(reason, "reason", this.settings.limits.reason, 1) });
    // What is in the archive is purged by what the archive knows.
    await settle(this.#context, id);
    return conversation;
  }

  #verb(verb: Verb, id: string, options: VerbOptions, input: VerbDetails = {}): Promise<Conversation> {
    return inTurn(this.#context, id, (context) => this.#verbIn(context, verb, id, options, input));
  }

  async #verbIn(context: Context, verb: Verb, id: string, options: VerbOptions, input: VerbDetails): Promise<Conversation> {
    checkId(context, id);
    const window = windowOf(options.messages);
    const head = await readHead(context, id);
    const result = await commitPlan(
      context,
      id,
      head,
      (phase, current) => {
        const planned = planVerb(verb, phase, verbInput(this.settings, input));
        if (planned === "as stored" || (current && (verb === "hold" || verb === "release") && current.hold === (verb === "hold")))
          return "as stored";
        return { ...planned, window };
      },
      { wanted: expecting(options.expectedVersion), expireFirst: verb !== "archive" && verb !== "hold" && verb !== "release" },
    );
    if (result.outcome === "as stored") {
      const stored = await peekConversation(context, id, options);
      return stored ?? toConversation(result.head, []);
    }
    tell(context, id, result.change, (result.change.events ?? []).length === 0);
    return toConversation(result.head, result.window);
  }
}
