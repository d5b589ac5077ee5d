// Sessions of a Worker that binds more than KV: they are where those bindings lead, if somebody here can open them.

import { beforeEach, expect, it, vi } from "vitest";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { openBindingsWith } from "../../src/classic/bindings.ts";
import { getOrCreateSession, saveSession } from "../../src/classic/sessions.ts";
import { StoreUnavailableError } from "../../src/core/errors.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import { KvDouble } from "./kv-double.ts";

let kv: KvDouble;
let errors: string[];

beforeEach(() => {
  kv = new KvDouble({ writeLimit: false });
  errors = [];
  vi.spyOn(console, "log").mockImplementation(() => {});
  vi.spyOn(console, "error").mockImplementation((...said: unknown[]) => void errors.push(said.join(" ")));
});

/** Says something in a new session and answers its ID. */
async function say(env: { readonly [name: string]: unknown }): Promise<string> {
  const session = await getOrCreateSession(null, kv, env);
  session.messages.push({ role: "user", content: "Buongiorno" });
  await saveSession(session, kv, env);
  return session.id;
}

// First, as long as nobody has said how they are opened.
it("where nobody can open them, sessions are in KV, and what to import is said once", async () => {
  const env = { CHAT_SESSIONS: kv, CONVERSATIONS: {}, CONVERSATIONS_DB: {}, ENVIRONMENT: "development" };
  const id = await say(env);
  await say(env);
  expect(await kv.get(`conv:${id}`)).toContain("Buongiorno");
  expect(errors).toEqual([expect.stringMatching(/CONVERSATIONS, CONVERSATIONS_DB are bound: add import "itera-conversations\/worker"/)]);
});

it("where somebody can, they are there, and KV holds none", async () => {
  const manager = new ConversationManager(memoryStores(), { environment: "D" });
  const asked: unknown[] = [];
  openBindingsWith(async (env) => {
    asked.push(env);
    return { manager };
  });
  const env = { CHAT_SESSIONS: kv, CONVERSATIONS: {}, ENVIRONMENT: "development" };
  const id = await say(env);
  expect(await manager.peekConversation(id)).toMatchObject({
    messages: [{ content: "Buongiorno" }],
    metadata: { source: "chatbot_widget" },
  });
  expect(await kv.get(`conv:${id}`)).toBeNull();
  expect(asked[0]).toBe(env);
});

it("an environment that binds KV alone does not ask", async () => {
  openBindingsWith(() => Promise.reject(new Error("not to be asked")));
  const id = await say({ CHAT_SESSIONS: kv, ENVIRONMENT: "development" });
  expect(await kv.get(`conv:${id}`)).toContain("Buongiorno");
  expect(errors).toEqual([]);
});

it("while they cannot be opened, what is said lies in KV and is adopted afterwards", async () => {
  const manager = new ConversationManager(memoryStores(), { environment: "D" });
  let down = true;
  openBindingsWith(async () => {
    if (down) throw new StoreUnavailableError("down");
    return { manager };
  });
  const env = { CHAT_SESSIONS: kv, CONVERSATIONS: {}, ENVIRONMENT: "development" };
  const fallback = await say(env);
  expect(fallback).toMatch(/^fallback_/);
  down = false;
  const session = await getOrCreateSession(fallback, kv, env);
  expect(await manager.peekConversation(session.id)).toMatchObject({ messages: [{ content: "Buongiorno" }] });
});
