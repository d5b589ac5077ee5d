// A real server over SQLite on a socket, as it is in production: keys needed, one allowed origin, everything sealed, a log to look into.

import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { readConfig, startServer } from "../../src/runtimes/node/server.ts";
import { makeApiKey, type KeyScope } from "../../src/security/api-key-text.ts";
import { BASE } from "../http/service.ts";
import { ORIGIN } from "./guarded-service.ts";

/** What came back. `outcome`: `200`, or `404 not_found`. */
export interface Got {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly outcome: string;
}

/** A request. `how`: whether the body says its length. */
export interface Request {
  readonly method?: string;
  readonly path?: string;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly how?: "with a length" | "chunked";
  readonly headers?: Record<string, string>;
  /** The scope of the key that it carries, another credential, or none. Default `admin`. */
  readonly as?: KeyScope | { readonly credential: string } | null;
}

/** Variables as an operator sets them, with a key of each scope. */
export function guardedVariables(): { env: Record<string, string>; keys: Record<KeyScope, string> } {
  const keys = {} as Record<KeyScope, string>;
  for (const scope of ["site", "service", "operator", "admin"] as const) keys[scope] = makeApiKey(scope).text;
  return {
    keys,
    env: {
      ENVIRONMENT: "staging",
      SECRET: randomBytes(32).toString("base64"),
      CONVERSATION_ENCRYPTION_KEY: `k1:${randomBytes(32).toString("base64")}`,
      API_KEYS: Object.values(keys).join(","),
      ALLOWED_ORIGINS: ORIGIN,
      API_RATE_LIMIT_PER_MINUTE: "0",
      LOG_LEVEL: "trace",
      PORT: "0",
    },
  };
}

const inPieces = (bytes: Uint8Array<ArrayBuffer>): ReadableStream => {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, (at += 65_536)));
    },
  });
};

/** Starts it. Call `close` at the end; nothing is left then. */
export async function startGuardedServer(more: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "guarded-"));
  const { env, keys } = guardedVariables();
  const lines: string[] = [];
  const log = pino({ level: "trace", base: null }, { write: (line: string) => void lines.push(line) });
  const server = await startServer(readConfig({ env: { ...env, ...more }, folder }), { log });

  /** Sends a request over a connection of fetch's. */
  async function send({ method = "POST", path = BASE, body, how = "with a length", headers = {}, as = "admin" }: Request): Promise<Got> {
    const credential = as === null ? null : typeof as === "string" ? keys[as] : as.credential;
    const init: RequestInit & { duplex?: "half" } = {
      method,
      headers: {
        ...(credential === null ? {} : { authorization: `Bearer ${credential}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
    };
    if (body !== undefined && how === "with a length") init.body = body;
    if (body !== undefined && how === "chunked") {
      init.body = inPieces(typeof body === "string" ? new TextEncoder().encode(body) : body);
      init.duplex = "half";
    }
    const response = await fetch(server.url + path, init);
    const text = await response.text();
    const code = response.status >= 400 ? ` ${(JSON.parse(text) as { code: string }).code}` : "";
    return { status: response.status, headers: response.headers, text, outcome: `${response.status}${code}` };
  }

  /** A new conversation's ID. */
  async function create(body: object = {}): Promise<string> {
    return (JSON.parse((await send({ body: JSON.stringify(body) })).text) as { conversationId: string }).conversationId;
  }

  return {
    ...server,
    env: { ...env, ...more },
    folder,
    keys,
    port: Number(new URL(server.url).port),
    send,
    create,
    log: () => lines.join(""),
    async close() {
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
