/** `createSessionStore`: the chatbot's view over any manager. Loading turns no visitor away; saving never rejects and never removes. */
import type { Message } from "../core/conversation.ts";
import type { AppendResult, Conversations, State } from "../core/conversations.ts";
import { InvalidInputError } from "../core/errors.ts";
import { ConversationIDGenerator, type IdGenerator } from "../core/id.ts";
import { ConversationManager } from "../core/manager.ts";
import { randomCharacters, type RandomSource } from "../core/random-characters.ts";
import { appendMessage } from "./append-message.ts";
import type { BareSessions } from "./bare-sessions.ts";
import { loadSession } from "./load.ts";
import { KnownSessions } from "./known-sessions.ts";
import type { SessionContext } from "./session-context.ts";
import { saveSession } from "./save.ts";
import type { Session } from "./session.ts";
import { createTurns } from "./turns.ts";

/** Options of `createSessionStore`; each has a default. */
export interface SessionStoreOptions {
  /** Where sessions lie while the store cannot be reached, and are looked for afterwards. None by default: then an outage is only logged. */
  bare?: BareSessions;
  /** How long a bare session lies; 86400 by default, at least 60. */
  maxSessionDurationSeconds?: number;
  /** Above 0: a session idle for longer starts a new conversation that keeps `leadData`. Default 0: it resumes, whatever its age. */
  resumeHours?: number;
  /** IDs of older systems that may be looked for as bare sessions. */
  legacySessionPattern?: RegExp | string;
  /** `metadata.source` of new conversations, and of those that replace what was not found. */
  source?: string;
  recoverySource?: string;
  /** For another prefix than `ITERA`. */
  ids?: IdGenerator;
  /** Whether the manager keeps idempotency keys; by default as its stores say (Cloudflare KV: false). */
  idempotent?: boolean;
  clock?: () => number;
  random?: RandomSource;
  /** Told of what went wrong and was survived. Must not throw. */
  onError?: (error: unknown, during: string) => void;
}

/** The chatbot's three verbs. None needs `this`, so each can be passed on by itself. */
export interface SessionStore {
  /** The session of an ID; a new one without an ID, or if it is not found. Never rejects. */
  readonly getOrCreate: (sessionId?: string | null) => Promise<Session>;
  /** Stores what is new, and the state. Never rejects, and never removes a stored message. `session.id` may change. */
  readonly save: (session: Session) => Promise<void>;
  /**
   * Appends one message and, if given, the state, without the transcript; of a session object, which then holds both.
   * Rejects as `appendMessages` does.
   */
  readonly append: (session: Session | string, message: Message, state?: State) => Promise<AppendResult>;
}

function patternOf(pattern: RegExp | string | undefined): RegExp | null {
  if (pattern === undefined || pattern === "") return null;
  const { source, flags } = new RegExp(pattern);
  // Global and sticky ones remember where they were.
  return new RegExp(source, flags.replace(/[gy]/g, ""));
}

function atLeast(least: number, value: number, name: string): number {
  if (!Number.isFinite(value)) throw new InvalidInputError(`${name} must be a number`);
  return Math.max(least, value);
}

/** Whether the stores of a manager remember what was sent under a key. Of anything else than a manager it is expected. */
function keepsKeys(manager: Conversations): boolean {
  if (!(manager instanceof ConversationManager)) return true;
  return manager.stores.hot.capabilities.once && manager.stores.records !== null;
}

function safely(onError: NonNullable<SessionStoreOptions["onError"]>): SessionContext["onError"] {
  return (error, during) => {
    try {
      onError(error, during);
    } catch {
      // What was survived is not made worse by telling of it.
    }
  };
}

/**
 * A session store over a manager.
 *
 * @example
 * const sessions = createSessionStore(manager);
 * const session = await sessions.getOrCreate(idFromTheBrowser);
 * session.messages.push({ role: "user", content: "Buongiorno" });
 * await sessions.save(session);
 */
export function createSessionStore(manager: Conversations, options: SessionStoreOptions = {}): SessionStore {
  const context: SessionContext = {
    manager,
    bare: options.bare ?? null,
    durationSeconds: Math.floor(atLeast(60, options.maxSessionDurationSeconds ?? 86_400, "maxSessionDurationSeconds")),
    resumeMs: atLeast(0, options.resumeHours ?? 0, "resumeHours") * 3_600_000,
    legacy: patternOf(options.legacySessionPattern),
    source: options.source ?? "chatbot_widget",
    recoverySource: options.recoverySource ?? "chatbot_widget_recovery",
    ids: options.ids ?? ConversationIDGenerator,
    idempotent: options.idempotent ?? keepsKeys(manager),
    clock: options.clock ?? Date.now,
    randomText: randomCharacters(16, options.random ?? ((bytes) => crypto.getRandomValues(bytes))),
    onError: safely(options.onError ?? (() => {})),
    known: new KnownSessions(),
    inTurn: createTurns(),
  };
  return {
    getOrCreate: (sessionId) => loadSession(context, sessionId),
    save: (session) => saveSession(context, session),
    append: (session, message, state) => appendMessage(context, session, message, state),
  };
}
