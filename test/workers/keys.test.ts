// Who gets in at a Worker: keys and limits in objects, so that all isolates know the same.

import { runInDurableObject } from "cloudflare:test";
import { env as bound } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { makeApiKey } from "../../src/security/api-key-text.ts";
import type { Env } from "../../src/runtimes/worker/index.ts";
import { ask } from "./ask.ts";

const CONVERSATIONS_PATH = "/api/v1/conversations";
const KEYS_PATH = "/api/v1/keys";
const ORIGIN = "https://www.example.com";
const SECRET = "Zl5cZ0vWc0l8pZ2m0nqv0mOE1fQm6yq0r6y8w1t3u5s=";
const { CHAT_SESSIONS, CONVERSATIONS, CONVERSATIONS_DB } = bound as unknown as Required<
  Pick<Env, "CHAT_SESSIONS" | "CONVERSATIONS" | "CONVERSATIONS_DB">
>;

const admin = makeApiKey("admin").text;

/** A Worker in production over objects and D1. Variables of its own give it a service of its own, as another isolate has. */
let count = 0;
const isolate = (more: Partial<Env> = {}): Env => ({
  CONVERSATIONS,
  CONVERSATIONS_DB,
  ENVIRONMENT: "production",
  SECRET,
  API_KEYS: admin,
  ALLOWED_ORIGINS: ORIGIN,
  TEST: String(++count),
  ...more,
});

/** What was logged as an error or a warning. */
const logged: string[] = [];

beforeEach(() => {
  logged.length = 0;
  const note = (line: unknown) => void logged.push(String(line));
  vi.stubGlobal("console", { ...console, log: () => {}, warn: note, error: note });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

async function made(env: Env, body: object): Promise<{ id: string; key: string }> {
  const { status, json } = await ask(env, admin, "POST", KEYS_PATH, { body });
  expect(status).toBe(200);
  return { id: json.data.id, key: json.key };
}

describe("keys of a Worker", () => {
  it("are made with the first one, work in every isolate, and are refused everywhere within five seconds of being revoked", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    const [here, elsewhere] = [isolate(), isolate()];
    const { id, key } = await made(here, { scope: "service", name: "chatbot" });
    for (const env of [here, elsewhere]) expect(await ask(env, key, "POST", CONVERSATIONS_PATH)).toMatchObject({ status: 200 });
    expect(await ask(here, admin, "DELETE", `${KEYS_PATH}/${id}`)).toMatchObject({ status: 200 });
    expect(await ask(here, key, "POST", CONVERSATIONS_PATH)).toMatchObject({ status: 401, json: { code: "unauthorized" } });
    vi.setSystemTime(Date.now() + 5000);
    expect(await ask(elsewhere, key, "POST", CONVERSATIONS_PATH)).toMatchObject({ status: 401, json: { code: "unauthorized" } });
  });

  it("are rotated with an overlap", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    const env = isolate();
    const { id, key } = await made(env, { scope: "operator" });
    const { json } = await ask(env, admin, "POST", `${KEYS_PATH}/${id}/rotate`, { body: { overlapHours: 1 } });
    for (const each of [key, json.key]) expect(await ask(env, each, "GET", CONVERSATIONS_PATH)).toMatchObject({ status: 200 });
    vi.setSystemTime(Date.now() + 3_600_001);
    expect(await ask(env, key, "GET", CONVERSATIONS_PATH)).toMatchObject({ status: 401 });
    expect(await ask(env, json.key, "GET", CONVERSATIONS_PATH)).toMatchObject({ status: 200 });
  });

  it("lie in an object, as hashes; not in KV, and not in the database", async () => {
    const { id, key } = await made(isolate({ CHAT_SESSIONS }), { scope: "service" });
    const kept = await runInDurableObject(CONVERSATIONS.getByName("service:records"), (_, { storage }) =>
      [...storage.sql.exec("SELECT * FROM records").raw()].map((row) => JSON.stringify(row)),
    );
    expect(kept.filter((row) => row.includes(id))).toHaveLength(1);
    expect(kept.join("\n")).not.toContain(key.slice(-49, -6));
    const [rows] = await CONVERSATIONS_DB.batch([CONVERSATIONS_DB.prepare("SELECT * FROM records WHERE kind = 'key'")]);
    expect(rows!.results).toEqual([]);
    expect(JSON.stringify(await CHAT_SESSIONS.list!({ prefix: "" }))).not.toContain(id);
  });

  it("tell when they were last used", async () => {
    const env = isolate();
    const { id, key } = await made(env, { scope: "service" });
    await ask(env, key, "POST", CONVERSATIONS_PATH);
    const used = async () => {
      const { json } = await ask(env, admin, "GET", KEYS_PATH);
      return (json.data as unknown as { id: string; lastUsed: string | null }[]).find((each) => each.id === id)?.lastUsed;
    };
    await expect.poll(used).toEqual(expect.any(String));
  });

  it("of a site let a page begin, and its token goes on", async () => {
    const env = isolate();
    const { key } = await made(env, { scope: "site", origins: [ORIGIN] });
    const headers = { origin: ORIGIN };
    const begun = await ask(env, key, "POST", CONVERSATIONS_PATH, { headers });
    const path = `${CONVERSATIONS_PATH}/${begun.json.conversationId}`;
    const { token } = begun.json;
    const body = { role: "user", content: "Buongiorno" };
    expect(await ask(env, token, "POST", `${path}/messages`, { headers, body })).toMatchObject({ status: 200 });
    const read = await ask(isolate(), token, "GET", path, { headers });
    expect([read.status, read.json.data.messages.map(({ content }) => content)]).toEqual([200, ["Buongiorno"]]);
    expect(read.headers.get("access-control-allow-origin")).toBe(ORIGIN);
    const renewed = await ask(env, token, "POST", `${path}/token`, { headers });
    expect(await ask(env, renewed.json.token, "GET", path, { headers })).toMatchObject({ status: 200 });

    expect(await ask(env, key, "GET", path, { headers })).toMatchObject({ status: 403 });
    expect(await ask(env, key, "POST", CONVERSATIONS_PATH, { headers: { origin: "https://evil.example" } })).toMatchObject({ status: 403 });
    const other = await ask(env, key, "POST", CONVERSATIONS_PATH, { headers });
    expect(await ask(env, token, "GET", `${CONVERSATIONS_PATH}/${other.json.conversationId}`)).toMatchObject({ status: 404 });
    expect(await ask(env, token, "DELETE", path)).toMatchObject({ status: 403 });
  });

  it("cannot be made over KV alone; the configured ones work", async () => {
    const env = isolate({ CONVERSATIONS: undefined, CONVERSATIONS_DB: undefined, CHAT_SESSIONS } as unknown as Partial<Env>);
    expect(await ask(env, admin, "POST", CONVERSATIONS_PATH)).toMatchObject({ status: 200 });
    expect(await ask(env, admin, "GET", KEYS_PATH)).toMatchObject({ status: 200, json: { data: [{ scope: "admin", configured: true }] } });
    expect(await ask(env, admin, "POST", KEYS_PATH, { body: { scope: "service" } })).toMatchObject({
      status: 501,
      json: { code: "not_supported" },
    });
    expect(await ask(env, admin, "DELETE", `${KEYS_PATH}/${admin.split("_")[2]!}`)).toMatchObject({ status: 501 });
    expect(await ask(env, makeApiKey("admin").text, "GET", KEYS_PATH)).toMatchObject({ status: 401 });
  });

  it("over KV with a database beside it are in the database", async () => {
    const env = isolate({ CONVERSATIONS: undefined, CHAT_SESSIONS } as unknown as Partial<Env>);
    const { id, key } = await made(env, { scope: "service" });
    expect(await ask(env, key, "POST", CONVERSATIONS_PATH)).toMatchObject({ status: 200 });
    expect(await ask(env, admin, "DELETE", `${KEYS_PATH}/${id}`)).toMatchObject({ status: 200 });
    expect(await ask(env, key, "POST", CONVERSATIONS_PATH)).toMatchObject({ status: 401 });
  });
});

describe("without any key", () => {
  const none = { API_KEYS: "" };

  it("production refuses every closed route, and its log says what to do", async () => {
    const fresh: typeof CONVERSATIONS = { getByName: (name) => CONVERSATIONS.getByName(`fresh:${name}`) };
    const env = isolate({ ...none, CONVERSATIONS: fresh });
    const { text } = await ask(env, null, "GET", "/openapi.json");
    const { paths } = JSON.parse(text) as { paths: Record<string, Record<string, { security?: unknown[] }>> };
    let closed = 0;
    for (const [path, methods] of Object.entries(paths)) {
      for (const [method, { security = [] }] of Object.entries(methods)) {
        if (security.length === 0) continue;
        closed++;
        const address = { "cf-connecting-ip": `198.51.100.${closed}` };
        const { status } = await ask(env, null, method.toUpperCase(), path.replaceAll(/\{\w+\}/g, "x"), { headers: address });
        expect([path, method, status]).toEqual([path, method, 401]);
      }
    }
    expect(closed).toBeGreaterThan(15);
    await vi.waitFor(() => expect(logged.join("\n")).toMatch(/no API key[^\n]*itera keys create[^\n]*wrangler secret put API_KEYS/));
    expect(await ask(env, null, "GET", "/health")).toMatchObject({ status: 200 });
  });

  it("nothing is told while a key that was made before is there", async () => {
    const { key } = await made(isolate(), { scope: "admin" });
    const env = isolate(none);
    expect(await ask(env, key, "GET", KEYS_PATH)).toMatchObject({ status: 200 });
    expect(logged.filter((line) => line.includes("API_KEYS"))).toEqual([]);
  });
});

describe("limits of a Worker", () => {
  it("21 bad keys a minute from one address, over two isolates, end in 429; others go on", async () => {
    const isolates = [isolate(), isolate()];
    const from = (last: number) => ({ headers: { "cf-connecting-ip": `192.0.2.${last}` } });
    const statuses: number[] = [];
    for (let n = 0; n < 21; n++) {
      const bad = n % 3 === 0 ? "itc_admin_bad" : makeApiKey("admin").text;
      statuses.push((await ask(isolates[n % 2]!, bad, "GET", KEYS_PATH, from(1))).status);
    }
    expect(statuses).toEqual([...Array.from({ length: 20 }, () => 401), 429]);
    expect(await ask(isolates[0]!, makeApiKey("admin").text, "GET", KEYS_PATH, from(2))).toMatchObject({ status: 401 });
  });

  it("a key has one window in all isolates, with its headers", async () => {
    const isolates = [1, 2, 3].map(() => isolate({ API_KEY_RATE_LIMIT_PER_MINUTE: "10" }));
    const { key } = await made(isolate(), { scope: "operator" });
    const answers = [];
    for (let n = 0; n < 12; n++) answers.push(await ask(isolates[n % 3]!, key, "GET", CONVERSATIONS_PATH));
    expect(answers.map(({ status }) => status)).toEqual([...Array.from({ length: 10 }, () => 200), 429, 429]);
    expect(answers[4]!.headers.get("ratelimit")).toMatch(/^"[\w-]+";r=5;t=\d+$/);
    expect(answers[10]!.headers.get("ratelimit-policy")).toMatch(/;q=10;w=60$/);
    expect(Number(answers[10]!.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  });

  it("while the objects fail each isolate counts by itself: degraded, never open", async () => {
    const fails = () => Promise.reject(new Error("no object answers"));
    const failing = { getByName: () => new Proxy({}, { get: () => fails }) } as unknown as typeof CONVERSATIONS;
    const env = isolate({ CONVERSATIONS: failing });
    const statuses: number[] = [];
    for (let n = 0; n < 21; n++) statuses.push((await ask(env, "itc_admin_bad", "GET", KEYS_PATH)).status);
    expect(statuses).toEqual([...Array.from({ length: 20 }, () => 401), 429]);
    expect(logged.filter((line) => line.includes("limits by itself"))).toHaveLength(1);
    expect(await ask(env, makeApiKey("admin").text, "GET", KEYS_PATH, { headers: { "cf-connecting-ip": "192.0.2.9" } })).toMatchObject({
      status: 503,
    });
  });
});

describe("over objects alone", () => {
  it("a repeated creation is answered as the first", async () => {
    const env = isolate({ CONVERSATIONS_DB: undefined } as unknown as Partial<Env>);
    const headers = { "idempotency-key": "begin-1" };
    const answers = await Promise.all([1, 2, 3].map(() => ask(env, admin, "POST", CONVERSATIONS_PATH, { headers, body: {} })));
    expect(new Set(answers.map(({ json }) => json.conversationId)).size).toBe(1);
    expect(answers.filter((answer) => answer.headers.get("idempotency-replayed") === "true")).toHaveLength(2);
  });
});
