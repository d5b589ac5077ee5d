/** `ConversationRoutes`: the first five routes of the API on an Express-like application, with the statuses and sentences that older code knows. */
import {
  ConversationError,
  ConversationNotFoundError,
  ForbiddenError,
  InvalidConversationIdError,
  InvalidInputError,
} from "../core/errors.ts";
import { isJsonObject, setOwn, type Json, type JsonObject } from "../core/json.ts";
import type { Messages } from "../core/conversations.ts";
import { ConversationStorageManager, type ClassicOptions, type KVNamespaceLike, type QueryLike } from "./conversation-storage-manager.ts";

/** What is needed of a request. A host that has parsed no body leaves it undefined. */
export interface RequestLike {
  readonly params: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body?: unknown;
  readonly query?: unknown;
  readonly ip?: string | undefined;
}

/** What is needed of a response. `status` answers the response itself. */
export interface ResponseLike {
  status(code: number): ResponseLike;
  json(body: unknown): unknown;
}

type Handler = (request: RequestLike, response: ResponseLike) => unknown;

/** What is needed of an application: Express has it, and so has any double. */
export interface AppLike {
  post(path: string, handler: Handler): unknown;
  get(path: string, handler: Handler): unknown;
  put(path: string, handler: Handler): unknown;
  delete(path: string, handler: Handler): unknown;
}

/** Options of `ConversationRoutes`, and those of the manager behind it. */
export interface ConversationRoutesOptions extends ClassicOptions {
  /** `preserveData: false` wipes; without this it is refused with 403. */
  allowWipe?: boolean;
  /** The header `cf-connecting-ip` is the visitor's address: only where nobody but Cloudflare can reach the application. */
  trustCloudflare?: boolean;
  /** As the manager's third argument. */
  environment?: string;
}

const BASE = "/api/v1/conversations";

/** Keys that come from the request itself: a client's context cannot set them. */
const OF_THE_REQUEST = ["userAgent", "source", "clientIP"];

/**
 * Mounts the routes when it is made. It authenticates and limits nothing: the host does.
 *
 * @example
 * const app = express().use(express.json());
 * new ConversationRoutes(app, env.CHAT_SESSIONS, database);
 */
export class ConversationRoutes {
  readonly storage: ConversationStorageManager;
  readonly #options: ConversationRoutesOptions;

  constructor(app: AppLike, kv: KVNamespaceLike, db?: QueryLike | null, options: ConversationRoutesOptions = {}) {
    const { allowWipe: _wipe, trustCloudflare: _trust, environment, ...classic } = options;
    this.storage = new ConversationStorageManager(kv, db, environment, classic);
    this.#options = options;
    this.setupRoutes(app);
  }

  setupRoutes(app: AppLike): void {
    app.post(
      BASE,
      answering("create", "creating", (request) => this.#create(request)),
    );
    app.get(
      `${BASE}/:id`,
      answering("retrieve", "retrieving", (request) => this.#retrieve(request)),
    );
    app.put(
      `${BASE}/:id`,
      answering("update", "updating", (request) => this.#update(request)),
    );
    app.put(
      `${BASE}/:id/extend`,
      answering("extend", "extending", (request) => this.#extend(request)),
    );
    app.delete(
      `${BASE}/:id`,
      answering("archive", "archiving", (request) => this.#archive(request)),
    );
  }

  async #create(request: RequestLike): Promise<object> {
    const body = bodyOf(request);
    const { limits } = this.storage.settings;
    const agent = request.headers["user-agent"];
    // A header may be longer than what is kept; cutting it must not leave half a character.
    const userAgent =
      textIn(body, "userAgent", limits.userAgent) || (typeof agent === "string" ? agent.slice(0, limits.userAgent).toWellFormed() : "");
    const clientIP = this.#address(request);
    const metadata: JsonObject = {
      ...(userAgent ? { userAgent } : {}),
      source: textIn(body, "source", limits.source) || "api",
      ...(clientIP ? { clientIP } : {}),
    };
    const context = body["initialContext"] ?? {};
    if (!isJsonObject(context)) throw new InvalidInputError("initialContext must be a JSON object");
    for (const key of Object.keys(context)) if (!OF_THE_REQUEST.includes(key)) setOwn(metadata, key, context[key]!);
    const data = await this.storage.createConversation({ metadata });
    return { conversationId: data.id, data };
  }

  async #retrieve(request: RequestLike): Promise<object> {
    const id = this.#id(request);
    const options = { messages: messagesOf(request) };
    const touch = flagOf("touch", valueOf(request, "touch")) ?? true;
    const data = await (touch ? this.storage.getConversation(id, options) : this.storage.peekConversation(id, options));
    if (!data) throw new ConversationNotFoundError(id);
    return { data };
  }

  async #update(request: RequestLike): Promise<object> {
    const id = this.#id(request);
    return { data: await this.storage.updateConversation(id, bodyOf(request), { messages: messagesOf(request) }) };
  }

  async #extend(request: RequestLike): Promise<object> {
    const id = this.#id(request);
    const body = bodyOf(request);
    const { maxExtensionMs, limits } = this.storage.settings;
    const most = maxExtensionMs / 3_600_000;
    const extensionHours = body["extensionHours"] ?? Math.min(24, most);
    if (typeof extensionHours !== "number" || !Number.isInteger(extensionHours) || extensionHours < 1 || extensionHours > most) {
      throw new InvalidInputError(`Extension hours must be between 1 and ${most}${inDays(most)}`);
    }
    const reason = textIn(body, "reason", limits.reason);
    const options = { messages: messagesOf(request) };
    const data = await this.storage.extendConversation(id, extensionHours, reason, options);
    return { data, extended: extensionHours };
  }

  async #archive(request: RequestLike): Promise<object> {
    const id = this.#id(request);
    const body = bodyOf(request);
    const given = body["preserveData"] ?? valueOf(request, "preserveData");
    const preserveData = flagOf("preserveData", given) ?? true;
    const reason = body["reason"] ?? valueOf(request, "reason") ?? "manual";
    if (typeof reason !== "string") throw new InvalidInputError("reason must be a text");
    if (!preserveData && !this.#options.allowWipe) {
      throw new ForbiddenError("Wiping is not allowed here; mount the routes with allowWipe to allow it");
    }
    const archived = await this.storage.archiveConversation(id, reason, { preserveData, messages: messagesOf(request) });
    const { receipt, ...data } = archived;
    return preserveData ? { data } : { data: { id, status: "archived" }, receipt };
  }

  /** The ID of the path. A malformed one is told before anything else. */
  #id({ params }: RequestLike): string {
    const id = params["id"];
    if (!this.storage.settings.ids.validate(id)) throw new InvalidConversationIdError();
    return id as string;
  }

  #address(request: RequestLike): string | undefined {
    const header = this.#options.trustCloudflare ? request.headers["cf-connecting-ip"] : undefined;
    return (typeof header === "string" && header) || request.ip;
  }
}

/** A handler that answers what `work` does, and tells failures as the older code did: a store that fails is 500. */
function answering(verb: string, doing: string, work: (request: RequestLike) => Promise<object>): Handler {
  return async (request, response) => {
    try {
      response.json({ success: true, ...(await work(request)) });
    } catch (error) {
      if (error instanceof ConversationError && error.status !== 500 && error.status !== 503) {
        const sentence = error instanceof ConversationNotFoundError ? "Conversation not found" : error.message;
        response
          .status(error.status)
          .json({ success: false, error: sentence, code: error.code, ...(error.details && { details: error.details }) });
        return;
      }
      console.error(`Error ${doing} conversation:`, error);
      const code = error instanceof ConversationError ? error.code : "internal";
      response.status(500).json({ success: false, error: `Failed to ${verb} conversation`, code });
    }
  };
}

/** The body; an absent one is empty. */
function bodyOf({ body }: RequestLike): JsonObject {
  if (body === undefined || body === null) return {};
  if (!isJsonObject(body)) throw new InvalidInputError("The body must be a JSON object");
  return body;
}

function textIn(body: JsonObject, field: string, limit: number): string | undefined {
  const value = body[field] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== "string" || value.length > limit) throw new InvalidInputError(`${field} must be a text of 0 to ${limit} characters`);
  return value;
}

function valueOf({ query }: RequestLike, name: string): Json | undefined {
  return isJsonObject(query) && Object.hasOwn(query, name) ? query[name] : undefined;
}

function flagOf(name: string, value: Json | undefined): boolean | undefined {
  if (value === undefined || typeof value === "boolean") return value;
  if (value === "true" || value === "false") return value === "true";
  throw new InvalidInputError(`${name} must be true or false`);
}

function messagesOf(request: RequestLike): Messages {
  const value = valueOf(request, "messages") ?? "all";
  if (value === "all" || value === "none") return value;
  if (typeof value === "string" && /^\d{1,9}$/.test(value)) return Number(value);
  throw new InvalidInputError("messages must be all, none or a whole number of 0 or more");
}

/** ` (7 days)`, if they are whole. */
function inDays(hours: number): string {
  const days = hours / 24;
  return Number.isInteger(days) ? ` (${days} ${days === 1 ? "day" : "days"})` : "";
}

export default ConversationRoutes;
