/** What a Worker is given: bindings, variables and secrets under their names, and how to go on after an answer. */
import type { KVNamespaceLike } from "../../adapters/cloudflare-kv/kv-namespace.ts";
import type { D1DatabaseLike } from "../../adapters/d1/d1-database.ts";
import type { AnyObjectLike } from "../../adapters/durable-objects/any-object.ts";
import type { DurableObjectNamespaceLike } from "../../adapters/durable-objects/durable-object-namespace.ts";

/** Static files, as Workers bind them. */
export interface AssetsLike {
  fetch(url: string): Promise<{ readonly ok: boolean; readonly body: ReadableStream | null }>;
}

/** A database behind Hyperdrive. */
export interface HyperdriveLike {
  readonly connectionString: string;
}

/**
 * The bindings that are looked at; everything else that is a text, a number or true or false is a variable or a secret, by the names of
 * `.env.example`. One of `CONVERSATIONS` and `CHAT_SESSIONS` must be bound; what else is not bound is done without.
 */
export interface Env {
  /** Live conversations, if no objects are bound; bare sessions in any case. */
  readonly CHAT_SESSIONS?: KVNamespaceLike;
  /** Settings that can be changed without a deploy. */
  readonly SHARED_CONFIG?: KVNamespaceLike;
  /** Where daily counts are kept. */
  readonly CONVERSATION_ANALYTICS?: KVNamespaceLike;
  /** Live conversations, an object each; API keys and the counts of requests, in objects beside them. */
  readonly CONVERSATIONS?: DurableObjectNamespaceLike<AnyObjectLike>;
  /** A KV namespace out of which conversations move into objects: what only it has is read there, and goes over with the first change, or by the cron. */
  readonly CONVERSATIONS_FROM?: KVNamespaceLike;
  /** Archive, directory and records, if no Hyperdrive is bound. */
  readonly CONVERSATIONS_DB?: D1DatabaseLike;
  /** Archive, directory and records in PostgreSQL. */
  readonly HYPERDRIVE?: HyperdriveLike;
  /** The files of the API page. */
  readonly API_PAGE?: AssetsLike;
  readonly [name: string]: unknown;
}

/** What goes on after the answer, or although the visitor has gone. */
export interface WorkerContext {
  waitUntil(work: Promise<unknown>): void;
}

/** Why `scheduled` is called. */
export interface Scheduled {
  /** As it is written in the configuration; empty when somebody calls by hand. */
  readonly cron: string;
  /** Epoch milliseconds. */
  readonly scheduledTime: number;
}

/** The names of the bindings. */
export const BINDINGS = [
  "CHAT_SESSIONS",
  "CONVERSATIONS",
  "CONVERSATIONS_FROM",
  "CONVERSATIONS_DB",
  "HYPERDRIVE",
  "SHARED_CONFIG",
  "CONVERSATION_ANALYTICS",
  "API_PAGE",
] as const;

/** The variables and secrets that are set: an empty one counts as unset. */
export function variablesOf(env: Env): Map<string, string> {
  const set = new Map<string, string>();
  for (const [name, value] of Object.entries(env)) {
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") continue;
    const text = String(value).trim();
    if (text !== "") set.set(name, text);
  }
  return set;
}
