/** `ConversationStorageManager`: the manager under the name, and with the arguments, that older code knows. */
import { kvStores, type KVNamespaceLike, type KvOptions } from "../adapters/cloudflare-kv/kv-stores.ts";
import { classicArchive, type QueryLike } from "../adapters/postgres/classic-archive.ts";
import { InvalidInputError } from "../core/errors.ts";
import { ConversationIDGenerator } from "../core/id.ts";
import type { JsonObject } from "../core/json.ts";
import { ConversationManager } from "../core/manager.ts";
import type { ManagerOptions } from "../core/settings.ts";

export type { KVNamespaceLike } from "../adapters/cloudflare-kv/kv-stores.ts";
export type { QueryLike } from "../adapters/postgres/classic-archive.ts";

/** Options that older code does not give. `prefix`: what keys in KV begin with, `conv:` by default. */
export interface ClassicOptions extends Omit<ManagerOptions, "environment" | "onEvent">, Pick<KvOptions, "prefix"> {}

/**
 * Conversations over a plain KV and, if given, a plain `{query(text, values)}` as the archive; without one, what is over
 * stays in KV. `environment` (a name such as `production`) decides the letter of new IDs; without it the variable
 * `ENVIRONMENT` does. KV cannot compare, so between processes the last writer wins.
 *
 * @example
 * const storage = new ConversationStorageManager(env.CHAT_SESSIONS, null, env.ENVIRONMENT);
 * const { id } = await storage.createConversation({ metadata: { source: "shop" } });
 */
export class ConversationStorageManager extends ConversationManager {
  readonly kvStore: KVNamespaceLike;
  readonly db: QueryLike | null;
  readonly env: string | undefined;
  readonly KV_PREFIX: string;

  constructor(kv: KVNamespaceLike, db: QueryLike | null | undefined = null, environment?: string, options: ClassicOptions = {}) {
    const { prefix = "conv:", ...settings } = options;
    for (const method of ["get", "put", "delete"] as const) {
      if (typeof kv?.[method] !== "function") throw new InvalidInputError(`kv must be a KV namespace: it has no method ${method}`);
    }
    if (db && typeof db.query !== "function") throw new InvalidInputError("db must be a database connection: it has no method query");
    const archive = db ? classicArchive(db) : null;
    const engine = { ...(settings.clock && { clock: settings.clock }), ...(settings.sleep && { sleep: settings.sleep }) };
    // The manager is told of events before there is a `this` that could be named here.
    let log: (id: string, event: string, details: JsonObject) => void = () => {};
    super(kvStores({ kv, archive, prefix, ...engine }), {
      onError: (error, during) => console.error(`[CONVERSATION] failed off the request path (${during}):`, error),
      ...settings,
      environment: ConversationIDGenerator.getEnvironment(environment),
      onEvent: (id, { type, details }) => log(id, type, details),
    });
    this.kvStore = kv;
    this.db = db ?? null;
    this.env = environment;
    this.KV_PREFIX = prefix;
    log = (id, event, details) => {
      try {
        this.logConversationEvent(id, event, details);
      } catch (error) {
        // What was stored stays stored, whatever an override does.
        this.settings.onError(error, `logConversationEvent (${event})`);
      }
    };
  }

  /** Told of every event, `updated` included, when it is stored. Prints a line; override it to do something else. */
  logConversationEvent(conversationId: string, event: string, metadata: JsonObject = {}): void {
    console.log(`[CONVERSATION] ${event.toUpperCase()}: ${conversationId} ${JSON.stringify(metadata)}`);
  }
}

export default ConversationStorageManager;
