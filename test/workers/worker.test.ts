// The Worker's handlers inside workerd: whom it answers, what its settings do, and that nothing is read from anywhere but `env`.

import { env as bound } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { makeApiKey } from "../../src/security/api-key-text.ts";
import { createWorker, type Env } from "../../src/runtimes/worker/index.ts";
import { SHARED_CONFIG_KEY } from "../../src/runtimes/worker/shared-config.ts";

const BASE = "http://localhost/api/v1/conversations";
const SECRET = "Zl5cZ0vWc0l8pZ2m0nqv0mOE1fQm6yq0r6y8w1t3u5s=";
const bindings = bound as unknown as Required<Pick<Env, "CHAT_SESSIONS" | "SHARED_CONFIG" | "CONVERSATIONS" | "CONVERSATIONS_DB">>;
const { CHAT_SESSIONS, SHARED_CONFIG, CONVERSATIONS, CONVERSATIONS_DB } = bindings;

/** Variables of its own for each test, so that none meets what is kept of another. */
let count = 0;
const development = (more: Partial<Env> = {}): Env => ({ CHAT_SESSIONS, ENVIRONMENT: "development", TEST: String(++count), ...more });

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly json: {
    readonly code?: string;
    readonly error?: string;
    readonly conversationId: string;
    readonly data: { readonly created: string; readonly expiresAt: string; readonly metadata: object };
  };
}

/** Sends a request and lets all end that goes on after the answer. */
async function ask(
  env: Env,
  method: string,
  url: string,
  { headers = {}, body }: { headers?: Record<string, string>; body?: unknown } = {},
): Promise<Answer> {
  const after: Promise<unknown>[] = [];
  const init: RequestInit = { method, headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers } };
  if (body !== undefined) init.body = JSON.stringify(body);
  const response = await createWorker().fetch(new Request(url, init), env, { waitUntil: (work) => void after.push(work) });
  const text = await response.text();
  await Promise.all(after);
  return { status: response.status, headers: response.headers, json: JSON.parse(text === "" ? "null" : text) as Answer["json"] };
}

/** What was logged, by the method of the console. */
const logged: Record<"log" | "warn" | "error", string[]> = { log: [], warn: [], error: [] };

beforeEach(() => {
  for (const lines of Object.values(logged)) lines.length = 0;
  const to = (method: keyof typeof logged) => (line: unknown) => void logged[method].push(String(line));
  vi.stubGlobal("console", { ...console, log: to("log"), warn: to("warn"), error: to("error") });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("without keys", () => {
  it("development is answered on localhost, with and without the edge's header", async () => {
    const env = development();
    expect(await ask(env, "POST", BASE)).toMatchObject({ status: 200 });
    expect(await ask(env, "POST", BASE, { headers: { "cf-connecting-ip": "127.0.0.1" } })).toMatchObject({
      status: 200,
      json: { data: { metadata: { clientIP: "127.0.0.1" } } },
    });
  });

  it.each([
    ["a visitor from elsewhere", BASE, { "cf-connecting-ip": "203.0.113.7" }],
    ["a name that is not this machine's", BASE.replace("localhost", "chat.example.com"), {}],
    ["what came through a proxy", BASE, { "x-forwarded-for": "127.0.0.1" }],
    ["a web page from elsewhere", BASE, { origin: "https://evil.example" }],
  ])("%s is not answered", async (_, url, headers) => {
    expect(await ask(development(), "POST", url, { headers })).toMatchObject({ status: 401, json: { code: "unauthorized" } });
  });

  it.each(["staging", "production"])("%s answers nobody, not even on localhost", async (ENVIRONMENT) => {
    const env = development({ ENVIRONMENT, SECRET });
    expect(await ask(env, "POST", BASE)).toMatchObject({ status: 401 });
    expect(await ask(env, "GET", "http://localhost/health")).toMatchObject({ status: 200 });
  });
});

describe("with keys", () => {
  it("production answers who shows one, from anywhere, and nobody else", async () => {
    const { text } = makeApiKey("service");
    const env = development({ ENVIRONMENT: "production", SECRET, API_KEYS: text });
    const url = BASE.replace("localhost", "chat.example.com");
    const visitor = { "cf-connecting-ip": "203.0.113.7" };
    const { status, json } = await ask(env, "POST", url, { headers: { ...visitor, authorization: `Bearer ${text}` } });
    expect([status, json.data.metadata]).toMatchObject([200, { clientIP: "203.0.113.7" }]);
    expect(json.conversationId).toMatch(/_P$/);
    expect(await ask(env, "POST", url, { headers: visitor })).toMatchObject({ status: 401 });
    expect(await ask(env, "GET", url, { headers: { ...visitor, authorization: `Bearer ${text}` } })).toMatchObject({ status: 403 });
  });
});

describe("settings", () => {
  it.each([
    ["production without a secret", { ENVIRONMENT: "production" }, /SECRET/],
    ["a variable that is wrong", { CONVERSATION_TTL_HOURS: "soon" }, /CONVERSATION_TTL_HOURS/],
    ["no place for conversations", { CHAT_SESSIONS: undefined }, /CONVERSATIONS/],
  ])("%s is told in the log, and to nobody else", async (_, more, told) => {
    const { status, json, headers } = await ask(development(more as Partial<Env>), "GET", "http://localhost/health");
    expect([status, json.code, json.error]).toEqual([
      500,
      "internal",
      "The service is not configured correctly; its log says what is wrong",
    ]);
    expect(headers.get("x-request-id")).not.toBeNull();
    expect(logged.error.join("\n")).toMatch(told);
  });

  it("come from env alone: the process's variables count for nothing", async () => {
    process.env["CONVERSATION_TTL_HOURS"] = "1";
    process.env["ENVIRONMENT"] = "production";
    try {
      const { json } = await ask(development(), "POST", BASE);
      expect(json.conversationId).toMatch(/_D$/);
      expect(Date.parse(json.data.expiresAt) - Date.parse(json.data.created)).toBe(24 * 3_600_000);
    } finally {
      delete process.env["CONVERSATION_TTL_HOURS"];
      delete process.env["ENVIRONMENT"];
    }
  });

  it("can be changed in SHARED_CONFIG without a deploy; what is wrong there is ignored with an alert", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    const env = development({ SHARED_CONFIG });
    const hours = async () => {
      const { json } = await ask(env, "POST", BASE);
      return (Date.parse(json.data.expiresAt) - Date.parse(json.data.created)) / 3_600_000;
    };
    expect(await hours()).toBe(24);
    await SHARED_CONFIG.put(SHARED_CONFIG_KEY, '{"CONVERSATION_TTL_HOURS": 48, "LOG_LEVEL": "loud"}');
    expect(await hours()).toBe(24);
    vi.setSystemTime(Date.now() + 60_000);
    expect(await hours()).toBe(48);
    expect(logged.warn.filter((line) => line.includes('"alert":"shared_config"'))).toHaveLength(1);
    await SHARED_CONFIG.delete(SHARED_CONFIG_KEY);
  });
});

describe("stores", () => {
  it("KV that fails is 503 with Retry-After, in the envelope", async () => {
    const fails = () => Promise.reject(new Error("KV is down"));
    // A namespace that never was there before, as after a deploy.
    const env = development({ SECRET, CHAT_SESSIONS: { get: fails, put: fails, delete: fails } });
    const { status, headers, json } = await ask(env, "POST", BASE);
    expect([status, json.code, json.error]).toEqual([503, "store_unavailable", "Failed to create conversation"]);
    expect(headers.get("retry-after")).toBe("1");
    expect(await ask(env, "GET", "http://localhost/readyz")).toMatchObject({ status: 503 });
  });

  it("objects win over KV, and what they bind is not looked for in it", async () => {
    const objects = development({ CONVERSATIONS, CONVERSATIONS_DB });
    const { json } = await ask(objects, "POST", BASE);
    expect(await CHAT_SESSIONS.get(`conv:${json.conversationId}`)).toBeNull();
    expect(await ask(objects, "GET", `${BASE}/${json.conversationId}`)).toMatchObject({ status: 200 });
    expect(await ask(development(), "GET", `${BASE}/${json.conversationId}`)).toMatchObject({ status: 404 });
  });

  it("what only KV has is read there, and goes over to its object once: with the first change, or by the cron", async () => {
    const over = async () => {
      const { json } = await ask(development(), "POST", BASE);
      return json.conversationId;
    };
    const [changed, left] = [await over(), await over()];
    const env = development({ CONVERSATIONS, CONVERSATIONS_DB, CONVERSATIONS_FROM: CHAT_SESSIONS });
    const objects = development({ CONVERSATIONS, CONVERSATIONS_DB });
    expect(await ask(env, "GET", `${BASE}/${changed}?touch=false`)).toMatchObject({ status: 200 });
    expect(await ask(objects, "GET", `${BASE}/${changed}`)).toMatchObject({ status: 404 });

    const body = { role: "user", content: "Buongiorno" };
    expect(await ask(env, "POST", `${BASE}/${changed}/messages`, { body })).toMatchObject({ status: 200 });
    expect(await ask(objects, "GET", `${BASE}/${changed}`)).toMatchObject({ status: 200, json: { data: { messages: [body] } } });
    expect(await CHAT_SESSIONS.get(`conv:${changed}`)).toBeNull();

    await createWorker().scheduled({ cron: "7 * * * *", scheduledTime: Date.now() }, env, { waitUntil: () => {} });
    expect(await CHAT_SESSIONS.get(`conv:${left}`)).toBeNull();
    expect(await ask(objects, "GET", `${BASE}/${left}`)).toMatchObject({ status: 200 });
  });

  it("a secret of development is kept, so that every isolate has the same", async () => {
    const kept = () => CHAT_SESSIONS.get("secret:development");
    await ask(development(), "POST", BASE);
    const first = await kept();
    await ask(development(), "POST", BASE);
    expect(first).toMatch(/^[A-Za-z0-9+/]{43}=$/);
    expect(await kept()).toBe(first);
  });
});

describe("the cron", () => {
  it.each(["* * * * *", "7 * * * *", ""])("%j runs over KV, objects and D1", async (cron) => {
    const waitUntil = () => {};
    for (const env of [development(), development({ CONVERSATIONS, CONVERSATIONS_DB })]) {
      await createWorker().scheduled({ cron, scheduledTime: Date.UTC(2026, 0, 15, 6, 7) }, env, { waitUntil });
    }
    expect(logged.error).toEqual([]);
  });

  it("notes its sweep, which health then sees", async () => {
    const env = development({ CONVERSATIONS, CONVERSATIONS_DB });
    await createWorker().scheduled({ cron: "* * * * *", scheduledTime: Date.now() - 6 * 60_000 }, env, { waitUntil: () => {} });
    const checks = async () =>
      (await ask(env, "GET", "http://localhost/health")).json as unknown as { status: string; checks: { sweep: string } };
    expect(await checks()).toMatchObject({ status: "degraded", checks: { sweep: "degraded" } });
    await createWorker().scheduled({ cron: "* * * * *", scheduledTime: Date.now() }, env, { waitUntil: () => {} });
    expect(await checks()).toMatchObject({ status: "ok", checks: { sweep: "ok" } });
  });
});
