// The chatbot's two functions over a KV: nobody is turned away, and nothing that was said is lost.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ConversationStorageManager } from "../../src/classic/conversation-storage-manager.ts";
import { getOrCreateSession, saveSession, type SessionEnv } from "../../src/classic/sessions.ts";
import { KvDouble } from "./kv-double.ts";

const UNKNOWN = "ITERA_20250125_143052_A7B9X2M8P4Q1_P";
const ANY_ID = /^ITERA_\d{8}_\d{6}_[A-Z0-9]{12}_[PSD]$/;

let kv: KvDouble;
let env: SessionEnv;
let errors: ReturnType<typeof vi.spyOn>;

beforeEach(() => {
  kv = new KvDouble({ writeLimit: false });
  env = { CHAT_SESSIONS: kv, ENVIRONMENT: "production" };
  vi.spyOn(console, "log").mockImplementation(() => {});
  errors = vi.spyOn(console, "error").mockImplementation(() => {});
});

afterEach(() => {
  vi.restoreAllMocks();
});

const LEAD = { name: "Anna" };
const said = (content: string) => ({ role: "user", content });
const stored = (id: string, over = kv) => new ConversationStorageManager(over).peekConversation(id);

describe("getOrCreateSession and saveSession", () => {
  it("no ID is a new conversation", async () => {
    const session = await getOrCreateSession(null, kv, env);
    expect(session).toEqual({
      id: expect.stringMatching(/_P$/),
      created: expect.any(Number),
      messages: [],
      context: {},
      step: "greeting",
      leadData: {},
    });
    expect(await stored(session.id)).toMatchObject({ status: "active", metadata: { source: "chatbot_widget" } });
  });

  it("a known ID comes back with transcript and state, whatever function or object saved it", async () => {
    const session = await getOrCreateSession(undefined, kv, env);
    session.messages.push(said("one"), said("two"));
    Object.assign(session, { context: { topic: "printer" }, step: "matter", leadData: { email: "a@example.com" } });
    await saveSession(session, kv, env);
    const again = await getOrCreateSession(session.id, kv, env);
    expect(again).toEqual({ ...session, created: expect.any(Number) });
    const copy = structuredClone(again);
    copy.messages.push(said("three"));
    await saveSession(copy, kv, env);
    expect((await getOrCreateSession(session.id, kv, env)).messages).toEqual(["one", "two", "three"].map(said));
  });

  it("saving a loaded session is one get and one put", async () => {
    const session = await getOrCreateSession(undefined, kv, env);
    session.messages.push(said("one"));
    const [reads, writes] = [kv.reads.length, kv.writes.length];
    await saveSession(session, kv, env);
    expect([kv.reads.length - reads, kv.writes.length - writes]).toEqual([1, 1]);
  });

  it("two tabs that diverge both keep everything", async () => {
    const { id } = await getOrCreateSession(undefined, kv, env);
    const tabs = [await getOrCreateSession(id, kv, env), await getOrCreateSession(id, kv, env)];
    for (const [i, tab] of tabs.entries()) tab.messages.push(said(`tab ${i}`), said("sì"), said("sì"));
    await Promise.all(tabs.map((tab) => saveSession(tab, kv, env)));
    const texts = (await stored(id))!.messages.map(({ content }) => JSON.stringify(content));
    expect(texts.toSorted((a, b) => a.localeCompare(b))).toEqual(
      ["sì", "sì", "sì", "sì", "tab 0", "tab 1"].map((text) => JSON.stringify(text)),
    );
  });

  it.each([UNKNOWN, "nonsense", "conv:x", "x".repeat(600)])("the unknown ID %s starts a new conversation that remembers it", async (id) => {
    const session = await getOrCreateSession(id, kv, env);
    expect(session.id).toMatch(ANY_ID);
    expect(session.id).not.toBe(id);
    expect((await stored(session.id))?.metadata).toMatchObject({ source: "chatbot_widget_recovery", originalSessionId: id.slice(0, 128) });
  });

  it("while the store cannot be reached there are fallback sessions, kept under their own ID with a TTL", async () => {
    const down = new KvDouble();
    down.fault = () => new Error("KV is down");
    const outage = { ...env, CHAT_SESSIONS: down, MAX_SESSION_DURATION: "3600" };
    const session = await getOrCreateSession(UNKNOWN, kv, outage);
    expect(session.id).toMatch(/^fallback_\d+_[a-z0-9]{9}$/);
    expect(session.originalSessionId).toBe(UNKNOWN);
    session.messages.push(said("during the outage"));
    await saveSession(session, kv, outage);
    expect(kv.peek(session.id)).toMatchObject({ id: session.id, messages: [said("during the outage")] });
    expect(kv.ttlOf(session.id)).toBe(3600);

    const found = await Promise.all([1, 2, 3].map(() => getOrCreateSession(session.id, kv, env)));
    expect(new Set(found.map(({ id }) => id)).size).toBe(1);
    expect(found[0]).toMatchObject({ id: expect.stringMatching(ANY_ID), messages: [said("during the outage")] });
    expect(kv.keys().filter((key) => key.startsWith("conv:"))).toHaveLength(1);
    expect(errors).toHaveBeenCalled();
  });

  it("what was saved bare goes to the conversation it belongs to, once", async () => {
    const session = await getOrCreateSession(undefined, kv, env);
    session.messages.push(said("before"));
    await saveSession(session, kv, env);
    session.messages.push(said("during"));
    kv.fault = (what, key) => (what === "put" && key.startsWith("conv:") ? new Error("KV PUT failed: 500") : null);
    await saveSession(session, kv, env);
    kv.fault = () => null;
    expect(kv.keys()).toContain(session.id);
    const back = await getOrCreateSession(session.id, kv, env);
    expect(back).toMatchObject({ id: session.id, messages: [said("before"), said("during")] });
    expect(kv.keys()).toEqual([`conv:${session.id}`]);
  });

  it("a session whose conversation is not found gets a new one, where every later save arrives", async () => {
    const lost = { id: UNKNOWN, created: 0, messages: [said("one")], context: {}, step: "x", leadData: {} };
    const twin = structuredClone(lost);
    await Promise.all([saveSession(lost, kv, env), saveSession(twin, kv, env)]);
    expect(lost.id).not.toBe(UNKNOWN);
    expect(twin.id).toBe(lost.id);
    expect(await stored(lost.id)).toMatchObject({ messages: [said("one")], metadata: { originalSessionId: UNKNOWN, step: "x" } });
    expect((await getOrCreateSession(UNKNOWN, kv, env)).id).toBe(lost.id);
  });

  it("nothing is written anywhere for what was erased or wiped", async () => {
    for (const how of ["erase", "wipe"]) {
      const session = await getOrCreateSession(undefined, kv, env);
      session.messages.push(said("canary"));
      await saveSession(session, kv, env);
      const manager = new ConversationStorageManager(kv);
      if (how === "erase") await manager.eraseConversation(session.id);
      else await manager.archiveConversation(session.id, "manual", { preserveData: false });
      session.messages.push(said("canary again"));
      await saveSession(session, kv, env);
      await saveSession(structuredClone(session), kv, env);
      for (const key of kv.keys()) expect(await kv.get(key), `${how} ${key}`).not.toContain("canary");
      expect((await getOrCreateSession(session.id, kv, env)).id).not.toBe(session.id);
    }
  });

  it("the binding counts before the argument, each binding has a store of its own, and so have other variables", async () => {
    const [a, b] = [new KvDouble(), new KvDouble()];
    const inA = await getOrCreateSession(null, b, { CHAT_SESSIONS: a, ENVIRONMENT: "staging" });
    expect([a.keys(), b.keys()]).toEqual([[`conv:${inA.id}`], []]);
    expect(inA.id).toMatch(/_S$/);
    const inB = await getOrCreateSession(null, b);
    expect(b.keys()).toEqual([`conv:${inB.id}`]);
    const other = await getOrCreateSession(null, b, { KV_PREFIX: "chat:", CONVERSATION_ID_PREFIX: "SHOP", ENVIRONMENT: "P" });
    expect(b.keys()).toContain(`chat:${other.id}`);
    expect(other.id).toMatch(/^SHOP_/);
  });

  it("a KV that answers every key with one conversation is taken at its word", async () => {
    const metadata = { source: "shop", context: { a: 1 }, step: "b", leadData: LEAD };
    const record = { id: UNKNOWN, status: "active", created: new Date().toISOString(), messages: [said("one")], metadata };
    const deleted: string[] = [];
    const mock = { get: async () => JSON.stringify(record), put: async () => {}, delete: async (key: string) => void deleted.push(key) };
    const session = await getOrCreateSession(UNKNOWN, mock, { CHAT_SESSIONS: mock });
    expect(session).toMatchObject({ id: UNKNOWN, messages: [said("one")], context: { a: 1 }, step: "b", leadData: LEAD });
    expect(deleted).toEqual([]);
  });

  it("with CONVERSATION_RESUME_HOURS a session idle for longer starts anew, with its lead", async () => {
    const old = {
      id: UNKNOWN,
      created: "2025-01-25T14:30:52.000Z",
      status: "active",
      messages: [said("old")],
      metadata: { leadData: { name: "Anna" } },
    };
    kv.fill(`conv:${UNKNOWN}`, old);
    expect((await getOrCreateSession(UNKNOWN, kv, env)).id).toBe(UNKNOWN);
    const session = await getOrCreateSession(UNKNOWN, kv, { ...env, CONVERSATION_RESUME_HOURS: "12" });
    expect(session).toMatchObject({ id: expect.not.stringMatching(UNKNOWN), messages: [], leadData: { name: "Anna" } });
  });

  it("LEGACY_SESSION_PATTERN lets sessions of an older system be found, and nothing else that lies there", async () => {
    kv.fill("sess-42", { id: "sess-42", messages: [said("old")], context: { a: 1 }, step: "b" });
    kv.fill("config", { id: "config", secret: true });
    const patterned = { ...env, LEGACY_SESSION_PATTERN: "^sess-\\d+$" };
    expect((await getOrCreateSession("sess-42", kv, env)).messages).toEqual([]);
    expect(await getOrCreateSession("sess-42", kv, patterned)).toMatchObject({ messages: [said("old")], context: { a: 1 }, step: "b" });
    expect((await getOrCreateSession("config", kv, patterned)).messages).toEqual([]);
    expect(kv.peek("config")).toEqual({ id: "config", secret: true });
  });

  it("variables that make no sense, a missing binding, and nonsense for a session turn nobody away", async () => {
    for (const bad of [
      { MAX_SESSION_DURATION: "long" },
      { CONVERSATION_TTL_HOURS: "200" },
      { LEGACY_SESSION_PATTERN: "(" },
      { CONVERSATION_ID_PREFIX: "x" },
    ]) {
      expect((await getOrCreateSession(null, kv, { ...env, ...bad })).id).toMatch(/_P$/);
    }
    for (const none of [undefined, null, {} as never, "kv" as never]) {
      const session = await getOrCreateSession(UNKNOWN, none, {});
      expect(session.id).toMatch(/^fallback_/);
      await saveSession(session, none, undefined);
    }
    for (const nonsense of [undefined, null, 7, "x", [], {}, { id: 7 }]) await saveSession(nonsense as never, kv, env);
    expect(errors).toHaveBeenCalled();
  });
});
