/** `getOrCreateSession` and `saveSession`: the chatbot's two functions as older code calls them, over the bindings of a Worker. */
import { patientKv } from "../adapters/cloudflare-kv/patient-kv.ts";
import { createTurns, type Turns } from "../adapters/cloudflare-kv/turns.ts";
import { StoreUnavailableError } from "../core/errors.ts";
import { createIdGenerator } from "../core/id.ts";
import { isJsonObject } from "../core/json.ts";
import type { ConversationManager } from "../core/manager.ts";
import { createSessionStore, type BareSessions, type Session, type SessionStore } from "../sessions/index.ts";
import { openerOf, sealedBare, type OpenedBindings } from "./bindings.ts";
import { ConversationStorageManager, type ClassicOptions, type KVNamespaceLike } from "./conversation-storage-manager.ts";

/**
 * A Worker's environment, as far as it is looked at: the binding of KV, and variables as texts. Other bindings (`CONVERSATIONS`,
 * `CONVERSATIONS_DB`, `HYPERDRIVE`) count where `itera-conversations/worker` is imported.
 */
export interface SessionEnv {
  readonly CHAT_SESSIONS?: KVNamespaceLike | null | undefined;
  readonly [name: string]: unknown;
}

/** The variables that count here. */
const VARIABLES = [
  "ENVIRONMENT",
  "MAX_SESSION_DURATION",
  "CONVERSATION_ID_PREFIX",
  "CONVERSATION_TTL_HOURS",
  "CONVERSATION_MAX_EXTENSION_HOURS",
  "CONVERSATION_EXTENSION_MAX_HOURS",
  "CONVERSATION_REACTIVATION_HOURS",
  "CONVERSATION_RESUME_HOURS",
  "LEGACY_SESSION_PATTERN",
  "KV_PREFIX",
  "CONVERSATION_ENCRYPTION_KEY",
] as const;

type Variables = Readonly<Partial<Record<(typeof VARIABLES)[number], string>>>;

/** The store of some bindings, and the turns of their sessions in this process. */
interface Bound {
  readonly sessions: SessionStore;
  readonly turns: Turns;
}

/** By where conversations are, by where bare sessions lie, by the variables: never one for all. */
const bound = new WeakMap<KVNamespaceLike, WeakMap<KVNamespaceLike, Map<string, Bound>>>();

/** The same of what other bindings lead to, by their manager. */
const opened = new WeakMap<ConversationManager, WeakMap<KVNamespaceLike, Bound>>();

const UNBOUND = new StoreUnavailableError("There is no KV namespace: bind CHAT_SESSIONS, or give it as the second argument");

/** Stands for a binding that is not there: sessions then are fallback sessions. */
const nowhere: KVNamespaceLike = {
  get: () => Promise.reject(UNBOUND),
  put: () => Promise.reject(UNBOUND),
  delete: () => Promise.reject(UNBOUND),
};

function report(error: unknown, during: string): void {
  console.error(`Session error (${during}):`, error);
}

/**
 * The session of an ID: resumed, recovered, adopted, or new (also without an ID). Never rejects: while the store cannot be
 * reached it answers a fallback session. Conversations are where the bindings of `env` say, else in the second argument.
 */
export async function getOrCreateSession(
  sessionId: string | null | undefined,
  CHAT_SESSIONS?: KVNamespaceLike | null,
  env?: SessionEnv | null,
): Promise<Session> {
  const { sessions, turns } = await storeFor(CHAT_SESSIONS, env);
  // What lies bare is adopted once: whoever comes at the same time finds where it went.
  return typeof sessionId === "string" && sessionId !== ""
    ? turns(sessionId, () => sessions.getOrCreate(sessionId))
    : sessions.getOrCreate(sessionId);
}

/**
 * Stores what is new in a session, and its state. Never rejects, and never removes a stored message. While the store
 * cannot be reached the session goes under its own ID to `CHAT_SESSIONS` (the second argument, else the binding), for
 * `MAX_SESSION_DURATION` seconds. If its conversation is not found, it gets a new one, and `session.id` becomes its ID.
 */
export async function saveSession(session: Session, CHAT_SESSIONS?: KVNamespaceLike | null, env?: SessionEnv | null): Promise<void> {
  const { sessions, turns } = await storeFor(CHAT_SESSIONS, env);
  const id: unknown = session?.id;
  await (typeof id === "string" ? turns(id, () => sessions.save(session)) : sessions.save(session));
}

async function storeFor(argument: KVNamespaceLike | null | undefined, env: SessionEnv | null | undefined): Promise<Bound> {
  const given = usable(argument) ? argument : null;
  const kv = usable(env?.CHAT_SESSIONS) ? env.CHAT_SESSIONS : (given ?? nowhere);
  const bare = given ?? kv;
  const open = openerOf(env, kv);
  if (!open) return overKv(kv, bare, env);
  try {
    return overBindings(await open(), bare, env);
  } catch (error) {
    report(error, "open the stores that are bound");
    // As while a store cannot be reached: what is said lies bare until it can be.
    return overKv(nowhere, bare, env);
  }
}

function overBindings({ manager, ...options }: OpenedBindings, bare: KVNamespaceLike, env: SessionEnv | null | undefined): Bound {
  const byBare = opened.get(manager) ?? new WeakMap<KVNamespaceLike, Bound>();
  opened.set(manager, byBare);
  const known = byBare.get(bare) ?? {
    sessions: createSessionStore(manager, { bare: bareSessions(bare, env), ids: manager.settings.ids, onError: report, ...options }),
    turns: createTurns(),
  };
  byBare.set(bare, known);
  return known;
}

function overKv(kv: KVNamespaceLike, bare: KVNamespaceLike, env: SessionEnv | null | undefined): Bound {
  const variables: Variables = Object.fromEntries(
    VARIABLES.flatMap((name) => (textOf(env?.[name]) === "" ? [] : [[name, textOf(env?.[name])]])),
  );
  const byBare = bound.get(kv) ?? new WeakMap<KVNamespaceLike, Map<string, Bound>>();
  bound.set(kv, byBare);
  const byVariables = byBare.get(bare) ?? new Map<string, Bound>();
  byBare.set(bare, byVariables);
  const key = JSON.stringify(variables);
  const known = byVariables.get(key) ?? { sessions: open(kv, bare, variables), turns: createTurns() };
  byVariables.set(key, known);
  return known;
}

function usable(kv: KVNamespaceLike | null | undefined): kv is KVNamespaceLike {
  return typeof kv?.get === "function" && typeof kv.put === "function" && typeof kv.delete === "function";
}

function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value).trim() : "";
}

/** A visitor is never turned away: variables that make no sense are reported, and count as not set. */
function open(kv: KVNamespaceLike, bare: KVNamespaceLike, variables: Variables): SessionStore {
  try {
    return openAs(kv, bare, variables);
  } catch (error) {
    report(error, `read ${Object.keys(variables).join(", ")}`);
    const { ENVIRONMENT, CONVERSATION_ENCRYPTION_KEY } = variables;
    return openAs(kv, bare, {
      ...(ENVIRONMENT === undefined ? {} : { ENVIRONMENT }),
      ...(CONVERSATION_ENCRYPTION_KEY === undefined ? {} : { CONVERSATION_ENCRYPTION_KEY }),
    });
  }
}

function openAs(kv: KVNamespaceLike, bare: KVNamespaceLike, variables: Variables): SessionStore {
  const number = (name: keyof Variables): number | undefined => {
    const text = variables[name];
    if (text === undefined) return undefined;
    if (!Number.isFinite(Number(text))) throw new TypeError(`${name} must be a number`);
    return Number(text);
  };
  const options: ClassicOptions = {};
  const ttlHours = number("CONVERSATION_TTL_HOURS");
  const maxExtensionHours = number("CONVERSATION_MAX_EXTENSION_HOURS") ?? number("CONVERSATION_EXTENSION_MAX_HOURS");
  const reactivationHours = number("CONVERSATION_REACTIVATION_HOURS");
  if (ttlHours !== undefined) options.ttlHours = ttlHours;
  if (maxExtensionHours !== undefined) options.maxExtensionHours = maxExtensionHours;
  if (reactivationHours !== undefined) options.reactivationHours = reactivationHours;
  if (variables.KV_PREFIX !== undefined) options.prefix = variables.KV_PREFIX;
  if (variables.CONVERSATION_ID_PREFIX !== undefined) options.ids = createIdGenerator({ prefix: variables.CONVERSATION_ID_PREFIX });
  const manager = new ConversationStorageManager(kv, null, variables.ENVIRONMENT, options);
  const pattern = variables.LEGACY_SESSION_PATTERN;
  return createSessionStore(manager, {
    bare: bareSessions(bare, variables),
    maxSessionDurationSeconds: number("MAX_SESSION_DURATION") ?? 86_400,
    resumeHours: number("CONVERSATION_RESUME_HOURS") ?? 0,
    ...(pattern === undefined ? {} : { legacySessionPattern: pattern }),
    ids: manager.settings.ids,
    // KV keeps no idempotency keys.
    idempotent: false,
    onError: report,
  });
}

/** Keys without a prefix, written with patience, and sealed if there is a key. Under one that cannot be read nothing is stored. */
function bareSessions(given: KVNamespaceLike, env: Readonly<Record<string, unknown>> | null | undefined): BareSessions {
  try {
    return sealedBare(env, plainBare(given));
  } catch (error) {
    report(error, "read CONVERSATION_ENCRYPTION_KEY");
    return plainBare(nowhere);
  }
}

function plainBare(given: KVNamespaceLike): BareSessions {
  const kv = patientKv(given);
  return {
    async get(key) {
      const text = await kv.get(key);
      return text !== null && isRecord(text) ? null : text;
    },
    put: (key, value, { expirationTtl } = {}) => kv.put(key, value, expirationTtl === undefined ? null : expirationTtl * 1000),
    delete: (key) => kv.delete(key),
  };
}

/** Whether a value is a conversation's record, which is no session wherever it lies. */
function isRecord(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) && "status" in value && !["context", "step", "leadData"].some((field) => field in value);
  } catch {
    return false;
  }
}
