// A service in memory behind its HTTP door, for tests: no socket, a clock to turn, and the log to look into.

import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import type { Conversations } from "../../src/core/conversations.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import type { ManagerOptions } from "../../src/core/settings.ts";
import type { AppOptions } from "../../src/http/app-options.ts";
import { createApp } from "../../src/http/app.ts";
import { createApiKeys } from "../../src/security/api-keys.ts";

export const BASE = "/api/v1/conversations";

/** An ID that nobody has. */
export const UNKNOWN = "ITERA_20250125_143052_A7B9X2M8P4Q1_D";

/** The fields of answers that tests look at; which of them are there depends on the route. */
export interface Fields {
  readonly success: boolean;
  readonly error: string;
  readonly code: string;
  readonly requestId: string;
  readonly conversationId: string;
  readonly extended: number;
  readonly status: string;
  readonly receipts: unknown[];
  readonly nextCursor: string | null;
  readonly data: {
    readonly id: string;
    readonly status: string;
    readonly version: number;
    readonly messageCount: number;
    readonly messages: unknown[];
    readonly metadata: Record<string, unknown>;
    readonly lastAccess: string | null;
    readonly expiresAt: string;
    readonly days: unknown[];
  };
}

/** What came back, read whole. `json`: the body as JSON; null if it is none. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Fields;
}

/** What is sent. `body` is sent as JSON unless it is a text, bytes or a stream. */
export interface Sent {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

interface LogLine {
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  readonly facts: Record<string, unknown>;
}

/** Sends a request to an application and reads the answer. */
export async function send(
  app: ReturnType<typeof createApp>,
  method: string,
  path: string,
  { body, headers = {} }: Sent = {},
): Promise<Answer> {
  const raw = typeof body === "string" || body instanceof Uint8Array || body instanceof ReadableStream;
  const init: RequestInit & { duplex?: "half" } = {
    method,
    headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
  };
  if (body !== undefined) init.body = raw ? (body as string | ReadableStream) : JSON.stringify(body);
  if (body instanceof ReadableStream) init.duplex = "half";
  const response = await app.request(path, init);
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json") === true && text !== "";
  return { status: response.status, headers: response.headers, text, json: (isJson ? JSON.parse(text) : null) as Fields };
}

/** The service's secret. */
export const SECRET = new Uint8Array(32).fill(7);

/** The options that a test can leave out. */
export function appOptions(manager: Conversations, log: LogLine[] = []): AppOptions {
  const note = (level: LogLine["level"]) => (facts: object, message: string) =>
    void log.push({ level, message, facts: facts as Record<string, unknown> });
  return {
    manager,
    logger: { info: note("info"), warn: note("warn"), error: note("error") },
    version: "1.2.3",
    secret: SECRET,
    keyless: { allowed: true, remoteAddress: () => "127.0.0.1" },
    clientAddress: () => "203.0.113.77",
    apiPage: async (file) => ({ body: `/* ${file} */`, contentType: file.endsWith(".css") ? "text/css" : "text/javascript" }),
  };
}

/** Starts a service. Its clock stands still until it is turned. */
export function startService(options: Partial<AppOptions> = {}, managerOptions: ManagerOptions = {}) {
  const time = { now: Date.UTC(2026, 0, 15, 12) };
  const clock = () => time.now;
  const stores = memoryStores({ clock });
  const manager = new ConversationManager(stores, { environment: "D", clock, ...managerOptions });
  const log: LogLine[] = [];
  const keys = createApiKeys({ records: stores.records, secret: SECRET, clock });
  const app = createApp({ ...appOptions(manager, log), clock, keys, limits: manager.settings.limits, ...options });
  const call = (method: string, path: string, sent?: Sent): Promise<Answer> => send(app, method, path, sent);

  /** A new conversation's ID. */
  async function create(body: unknown = {}): Promise<string> {
    const { json } = await call("POST", BASE, { body });
    return json.conversationId;
  }

  return { app, call, create, keys, log, manager, stores, time };
}
