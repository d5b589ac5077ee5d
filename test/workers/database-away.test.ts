// A database that is away when an isolate begins: what is in objects goes on.

import { env as bound } from "cloudflare:workers";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { makeApiKey } from "../../src/security/api-key-text.ts";
import type { Env } from "../../src/runtimes/worker/index.ts";
import { ask } from "./ask.ts";

const PATH = "/api/v1/conversations";
const { CONVERSATIONS_DB, CONVERSATIONS } = bound as unknown as Required<Pick<Env, "CONVERSATIONS" | "CONVERSATIONS_DB">>;
const masterKey = (): string => btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))));
const admin = makeApiKey("admin").text;

let count = 0;
/** A database of a cold isolate that can be switched off. */
function coldIsolate(more: Partial<Env> = {}) {
  const state = { down: true };
  const database: typeof CONVERSATIONS_DB = {
    prepare: (sql) => CONVERSATIONS_DB.prepare(sql),
    batch: (statements) => (state.down ? Promise.reject(new Error("D1_ERROR: away")) : CONVERSATIONS_DB.batch(statements)),
  };
  const env: Env = { CONVERSATIONS, CONVERSATIONS_DB: database, TEST: `away ${++count}`, ...more };
  return { state, env };
}

beforeEach(() => void vi.stubGlobal("console", { ...console, log() {}, warn() {}, error() {} }));
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const PRODUCTION = { ENVIRONMENT: "production", SECRET: "Zl5cZ0vWc0l8pZ2m0nqv0mOE1fQm6yq0r6y8w1t3u5s=", API_KEYS: admin };

it.each([
  ["production with an encryption key", { ...PRODUCTION, CONVERSATION_ENCRYPTION_KEY: `away:${masterKey()}` }, admin],
  ["production without one", PRODUCTION, admin],
])("%s makes conversations and appends, health is degraded, and /livez is 200", async (_, variables, key) => {
  const { env, state } = coldIsolate(variables);
  const made = await ask(env, key, "POST", PATH, { body: {} });
  expect(made.status).toBe(200);
  const id = made.json.conversationId;
  const messages = [{ role: "user", content: "Buongiorno" }];
  expect((await ask(env, key, "POST", `${PATH}/${id}/messages`, { body: { messages } })).status).toBe(200);
  expect((await ask(env, key, "GET", `${PATH}/${id}`)).json.data.messages).toMatchObject(messages);
  const health = await ask(env, null, "GET", "/health");
  expect([health.status, JSON.parse(health.text)]).toMatchObject([200, { status: "degraded", checks: { hot: "ok", archive: "down" } }]);
  expect((await ask(env, null, "GET", "/livez")).status).toBe(200);
  state.down = false;
  expect((await ask(env, key, "GET", `${PATH}/${id}`)).status).toBe(200);
});

it("development needs no database for its secret", async () => {
  const { env } = coldIsolate({ ENVIRONMENT: "development" });
  const headers = { "cf-connecting-ip": "127.0.0.1" };
  const response = await (
    await import("../../src/runtimes/worker/index.ts")
  )
    .createWorker()
    .fetch(new Request(`http://localhost${PATH}`, { method: "POST", headers }), env, { waitUntil: (work) => void work.catch(() => {}) });
  expect(response.status).toBe(200);
});

it("a wrong key is refused as soon as the database answers", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const before = coldIsolate({ ...PRODUCTION, CONVERSATION_ENCRYPTION_KEY: `same:${masterKey()}` });
  before.state.down = false;
  expect((await ask(before.env, admin, "POST", PATH, { body: {} })).status).toBe(200);

  const { env, state } = coldIsolate({ ...PRODUCTION, CONVERSATION_ENCRYPTION_KEY: `same:${masterKey()}` });
  expect((await ask(env, null, "GET", "/health")).status).toBe(200);
  state.down = false;
  vi.setSystemTime(Date.now() + 11_000);
  expect((await ask(env, admin, "POST", PATH, { body: {} })).status).toBe(500);
  expect((await ask(env, admin, "GET", PATH)).status).toBe(500);
  expect((await ask(env, null, "GET", "/livez")).status).toBe(200);
});
