// The chatbot's two functions inside workerd, called as the platform's chatbot calls them.

import { env as bound } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { getOrCreateSession, saveSession, type KVNamespaceLike, type SessionEnv } from "../../src/index.ts";
import { createWorker, type Env } from "../../src/runtimes/worker/index.ts";

const bindings = bound as unknown as Required<Pick<Env, "CHAT_SESSIONS" | "CONVERSATIONS" | "CONVERSATIONS_DB">>;
const { CHAT_SESSIONS, CONVERSATIONS, CONVERSATIONS_DB } = bindings;

const OVER_KV: SessionEnv = { CHAT_SESSIONS, ENVIRONMENT: "development", MAX_SESSION_DURATION: "3600" };
const OVER_OBJECTS: SessionEnv = { ...OVER_KV, CONVERSATIONS, CONVERSATIONS_DB };
const SEALED_KV: SessionEnv = { ...OVER_KV, CONVERSATION_ENCRYPTION_KEY: "k1:tY3vZ0m0b1u8w0d9c2k5o7q4x6r1e8n3a5s7g9h2j4A=" };
const said = (content: string) => ({ role: "user", content });

/** A namespace that refuses everything. */
const fails = () => Promise.reject(new Error("not there"));

beforeEach(() => {
  const silent = () => {};
  vi.stubGlobal("console", { ...console, log: silent, warn: silent, error: silent });
});
afterEach(() => void vi.unstubAllGlobals());

describe.each([
  ["KV alone", OVER_KV],
  ["KV alone, encrypted", SEALED_KV],
  ["objects and D1", OVER_OBJECTS],
])("over %s", (_, env) => {
  it("a session is kept from one request to the next, with its state", async () => {
    const session = await getOrCreateSession(null, env.CHAT_SESSIONS, env);
    expect(session).toMatchObject({ id: expect.stringMatching(/^ITERA_.*_D$/), messages: [], context: {}, step: "greeting", leadData: {} });
    session.messages.push(said("Buongiorno"));
    session.step = "matter";
    session.leadData["email"] = "lucia@esempio.example";
    await saveSession(session, env.CHAT_SESSIONS, env);
    const again = await getOrCreateSession(session.id, env.CHAT_SESSIONS, env);
    expect(again).toEqual({ ...session, created: expect.any(Number) });
  });

  it("two tabs lose nothing", async () => {
    const { id } = await getOrCreateSession(null, env.CHAT_SESSIONS, env);
    await Promise.all(
      Array.from({ length: 10 }, async (__, index) => {
        const tab = await getOrCreateSession(id, env.CHAT_SESSIONS, env);
        tab.messages.push(said(`tab ${index}`));
        await saveSession(tab, env.CHAT_SESSIONS, env);
      }),
    );
    const { messages } = await getOrCreateSession(id, env.CHAT_SESSIONS, env);
    expect(messages.map(({ content }) => content as string).toSorted()).toEqual(Array.from({ length: 10 }, (__, index) => `tab ${index}`));
  });

  it("a lost session is recovered as a new one", async () => {
    const lost = "ITERA_20250125_143052_A7B9X2M8P4Q1_D";
    const session = await getOrCreateSession(lost, env.CHAT_SESSIONS, env);
    expect(session.id).not.toBe(lost);
    expect(session.messages).toEqual([]);
  });
});

describe("where conversations are", () => {
  it("with objects bound they are there, where the API finds them, and not in KV", async () => {
    const session = await getOrCreateSession(null, OVER_OBJECTS.CHAT_SESSIONS, OVER_OBJECTS);
    session.messages.push(said("Buongiorno"));
    await saveSession(session, OVER_OBJECTS.CHAT_SESSIONS, OVER_OBJECTS);
    expect(await CHAT_SESSIONS.get(`conv:${session.id}`)).toBeNull();
    const request = new Request(`http://localhost/api/v1/conversations/${session.id}`);
    const response = await createWorker().fetch(request, OVER_OBJECTS as Env, { waitUntil: () => {} });
    expect(await response.json()).toMatchObject({ success: true, data: { messages: [said("Buongiorno")] } });
  });

  it("with KV alone they are in its classic layout", async () => {
    const session = await getOrCreateSession(null, OVER_KV.CHAT_SESSIONS, OVER_KV);
    expect(JSON.parse((await CHAT_SESSIONS.get(`conv:${session.id}`))!)).toMatchObject({ id: session.id, status: "active" });
  });

  it("with KV alone and an encryption key nothing lies there as it was said", async () => {
    const session = await getOrCreateSession(null, SEALED_KV.CHAT_SESSIONS, SEALED_KV);
    session.messages.push(said("canarino"));
    await saveSession(session, SEALED_KV.CHAT_SESSIONS, SEALED_KV);
    const stored = await CHAT_SESSIONS.get(`conv:${session.id}`);
    expect(stored).toContain("sealed");
    expect(stored).not.toContain("canarino");
  });

  it("they are remembered for each binding, not once for all", async () => {
    const other = new Map<string, string>();
    const kv: KVNamespaceLike = {
      get: async (key) => other.get(key) ?? null,
      put: async (key, value) => void other.set(key, value),
      delete: async (key) => void other.delete(key),
    };
    const there = await getOrCreateSession(null, kv, { ...OVER_KV, CHAT_SESSIONS: kv });
    const here = await getOrCreateSession(null, CHAT_SESSIONS, OVER_KV);
    expect([...other.keys()]).toEqual([`conv:${there.id}`]);
    expect(await CHAT_SESSIONS.get(`conv:${here.id}`)).not.toBeNull();
  });
});

describe("what is bound and cannot be opened", () => {
  it("is sealed beside the store, if there is an encryption key", async () => {
    const broken: SessionEnv = { ...SEALED_KV, CONVERSATIONS, ENVIRONMENT: "production" };
    const session = await getOrCreateSession(null, broken.CHAT_SESSIONS, broken);
    session.messages.push(said("canarino"));
    await saveSession(session, broken.CHAT_SESSIONS, broken);
    const stored = await CHAT_SESSIONS.get(session.id);
    expect(stored).toContain("sealed");
    expect(stored).not.toContain("canarino");
    expect((await getOrCreateSession(session.id, SEALED_KV.CHAT_SESSIONS, SEALED_KV)).messages).toEqual([said("canarino")]);
  });

  it("turns nobody away: the session lies in KV, and is adopted once the stores are there", async () => {
    const broken: SessionEnv = { ...OVER_OBJECTS, ENVIRONMENT: "production" };
    const session = await getOrCreateSession(null, broken.CHAT_SESSIONS, broken);
    expect(session.id).toMatch(/^fallback_/);
    session.messages.push(said("Mi sentite?"));
    await saveSession(session, broken.CHAT_SESSIONS, broken);
    const adopted = await getOrCreateSession(session.id, OVER_OBJECTS.CHAT_SESSIONS, OVER_OBJECTS);
    expect(adopted.id).toMatch(/^ITERA_/);
    expect(adopted.messages).toEqual([said("Mi sentite?")]);
  });

  it("objects that do not answer are an outage like any other", async () => {
    const objects = { getByName: () => new Proxy({}, { get: () => fails }) };
    const env = { ...OVER_OBJECTS, CONVERSATIONS: objects } as unknown as SessionEnv;
    const session = await getOrCreateSession(null, env.CHAT_SESSIONS, env);
    expect(session.id).toMatch(/^fallback_/);
  });
});
