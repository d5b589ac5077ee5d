// Sessions over a plain KV with an encryption key: neither the conversation nor what lies beside it is stored as it was said.

import { beforeEach, describe, expect, it, vi } from "vitest";
import { kvStores } from "../../src/adapters/cloudflare-kv/kv-stores.ts";
import { openBindingsWith } from "../../src/classic/bindings.ts";
import { getOrCreateSession, saveSession } from "../../src/classic/sessions.ts";
import { StoreUnavailableError } from "../../src/core/errors.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import type { KVNamespaceLike } from "../../src/adapters/cloudflare-kv/kv-namespace.ts";
import { encryptedStores } from "../../src/security/encryption/encrypted-stores.ts";
import { sealedValues } from "../../src/security/encryption/sealed-values.ts";
import { KvDouble } from "../classic/kv-double.ts";

const key = (id: string, seed: number) => ({ id, key: new Uint8Array(32).map((_, i) => (i * 37 + seed * 11) & 255) });
const [K1, K2] = [key("k1", 1), key("k2", 2)];
const CANARY = "canarino-azzurro-2024";
const PLAIN_ID = "fallback_1737815452000_abcdefghi";

let kv: KvDouble;
let down: boolean;
let errors: string[];

beforeEach(() => {
  kv = new KvDouble({ writeLimit: false });
  down = false;
  errors = [];
  vi.spyOn(console, "log").mockImplementation(() => {});
  vi.spyOn(console, "error").mockImplementation((...said: unknown[]) => void errors.push(said.join(" ")));
  const managers = new Map<unknown, ConversationManager>();
  openBindingsWith(
    async ({ CHAT_SESSIONS }) => {
      if (down) throw new StoreUnavailableError("down");
      const made =
        managers.get(CHAT_SESSIONS) ?? new ConversationManager(encryptedStores(kvStores({ kv: CHAT_SESSIONS as KVNamespaceLike }), [K1]));
      managers.set(CHAT_SESSIONS, made);
      return { manager: made };
    },
    ({ CONVERSATION_ENCRYPTION_KEY }, bare) => {
      if (CONVERSATION_ENCRYPTION_KEY !== "k1") throw new Error("no such key");
      return sealedValues(bare, [K1]);
    },
  );
});

const env = () => ({ CHAT_SESSIONS: kv, ENVIRONMENT: "development", CONVERSATION_ENCRYPTION_KEY: "k1" });
const everything = async () => JSON.stringify(await Promise.all(kv.keys().map(async (name) => [name, await kv.get(name)])));

async function say(given: { readonly [name: string]: unknown }): Promise<string> {
  const session = await getOrCreateSession(null, kv, given);
  session.messages.push({ role: "user", content: CANARY });
  session.leadData["name"] = CANARY;
  await saveSession(session, kv, given);
  return session.id;
}

describe("with an encryption key", () => {
  it("a conversation in KV is sealed, and comes back as it was said", async () => {
    const id = await say(env());
    expect(kv.keys()).toEqual([`conv:${id}`]);
    expect(await everything()).not.toContain(CANARY);
    expect(await getOrCreateSession(id, kv, env())).toMatchObject({ messages: [{ content: CANARY }], leadData: { name: CANARY } });
  });

  it("as a control, without one it is stored as it was said", async () => {
    await say({ CHAT_SESSIONS: kv, ENVIRONMENT: "development" });
    expect(await everything()).toContain(CANARY);
  });

  it("the namespace that is only an argument is the one that is used", async () => {
    const id = await say({ ENVIRONMENT: "development", CONVERSATION_ENCRYPTION_KEY: "k1" });
    expect(kv.keys()).toEqual([`conv:${id}`]);
    expect(await everything()).not.toContain(CANARY);
  });

  it("a session that lies beside the store is sealed, goes on, and is adopted", async () => {
    down = true;
    const fallback = await say(env());
    expect(fallback).toMatch(/^fallback_/);
    expect(kv.keys()).toContain(fallback);
    expect(await everything()).not.toContain(CANARY);
    expect((await getOrCreateSession(fallback, kv, env())).messages).toMatchObject([{ content: CANARY }]);
    down = false;
    const adopted = await getOrCreateSession(fallback, kv, env());
    expect(adopted).toMatchObject({ id: expect.stringMatching(/^ITERA_/), messages: [{ content: CANARY }], leadData: { name: CANARY } });
    expect(await everything()).not.toContain(CANARY);
    expect((await getOrCreateSession(fallback, kv, env())).id).toBe(adopted.id);
  });

  it("one of a time without a key is adopted as well", async () => {
    const session = {
      id: PLAIN_ID,
      created: 1_737_815_452_000,
      messages: [{ role: "user", content: CANARY }],
      context: {},
      step: "matter",
      leadData: {},
    };
    kv.fill(PLAIN_ID, session);
    const adopted = await getOrCreateSession(PLAIN_ID, kv, env());
    expect(adopted).toMatchObject({ id: expect.stringMatching(/^ITERA_/), messages: [{ content: CANARY }] });
  });

  it("that cannot be read nothing is stored, and nobody is turned away", async () => {
    down = true;
    const id = await say({ ...env(), CONVERSATION_ENCRYPTION_KEY: "k9" });
    expect(id).toMatch(/^fallback_/);
    expect(kv.keys()).toEqual([]);
    expect(errors.join("\n")).toContain("read CONVERSATION_ENCRYPTION_KEY");
  });
});

describe("sealed values", () => {
  it("are opened under the key that they name alone, and under no other name", async () => {
    const values = new Map<string, string>();
    const place = {
      get: async (name: string) => values.get(name),
      put: async (name: string, value: string) => void values.set(name, value),
      delete: async (name: string) => void values.delete(name),
    };
    await sealedValues(place, [K1]).put("a", CANARY);
    expect(values.get("a")).not.toContain(CANARY);
    expect(await sealedValues(place, [K2, K1]).get("a")).toBe(CANARY);
    expect(await sealedValues(place, [K1]).get("nothing")).toBeUndefined();
    await expect(sealedValues(place, [K2]).get("a")).rejects.toMatchObject({ code: "internal", message: expect.stringContaining('"k1"') });
    values.set("b", values.get("a")!);
    await expect(sealedValues(place, [K1]).get("b")).rejects.toMatchObject({ code: "internal" });
  });
});
