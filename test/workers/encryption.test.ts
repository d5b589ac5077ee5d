// Encryption at rest on Workers: what objects and D1 hold of what was said.

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env as bound } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { AnyObjectLike, DurableObjectNamespaceLike } from "../../src/adapters/durable-objects/durable-object-stores.ts";
import { makeApiKey } from "../../src/security/api-key-text.ts";
import type { Env } from "../../src/runtimes/worker/index.ts";
import { ask } from "./ask.ts";
import { behind } from "./behind.ts";

const PATH = "/api/v1/conversations";
const HOUR = 3_600_000;
const CANARY = "canarino-giallo-4711";
const masterKey = (): string => btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))));
const K1 = `k1:${masterKey()}`;
const K2 = `k2:${masterKey()}`;
const { CONVERSATIONS_DB, DEPLOYED_OBJECTS: CONVERSATIONS } = bound as unknown as {
  CONVERSATIONS_DB: NonNullable<Env["CONVERSATIONS_DB"]>;
  DEPLOYED_OBJECTS: DurableObjectNamespaceLike<AnyObjectLike>;
};

const admin = makeApiKey("admin").text;
const VARIABLES = {
  ENVIRONMENT: "production",
  SECRET: "Zl5cZ0vWc0l8pZ2m0nqv0mOE1fQm6yq0r6y8w1t3u5s=",
  API_KEYS: admin,
  CONVERSATION_ENCRYPTION_KEY: K1,
};

/** A Worker over objects and D1. Variables of its own give it a service of its own, as another isolate has. */
let count = 0;
const isolate = (more: Record<string, string> = {}): Env => ({
  CONVERSATIONS,
  CONVERSATIONS_DB,
  ...VARIABLES,
  TEST: String(++count),
  ...more,
});

/** Everything that the tables of a database hold, as text. `rows`: what a statement finds. */
async function dump(rows: (sql: string) => Promise<unknown[][]>): Promise<string> {
  const names = (await rows("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB '_cf*'")).flat().map(String);
  const all = [];
  for (const name of names) {
    const found = await rows(`SELECT * FROM "${name}"`).catch(() => null);
    // The tables behind a full-text index are read through it.
    if (found) all.push(JSON.stringify([name, found]));
  }
  return all.join("\n");
}

const inObject = (id: string): Promise<string> =>
  runInDurableObject(CONVERSATIONS.getByName(id), (_, { storage }) =>
    dump(async (sql) => [...storage.sql.exec(sql).raw()].map((row) => [...row])),
  );

const inD1 = (): Promise<string> =>
  dump(async (sql) => {
    const [found] = await CONVERSATIONS_DB.batch([CONVERSATIONS_DB.prepare(sql)]);
    return (found?.results ?? []).map((row) => Object.values(row as object));
  });

/** A conversation that holds the canary wherever something can be held. */
async function talk(env: Env): Promise<string> {
  const begun = await ask(env, admin, "POST", PATH, {
    headers: { "idempotency-key": `begin-${++count}` },
    body: { metadata: { email: `${CANARY}@example.com`, note: CANARY } },
  });
  expect(begun.status).toBe(200);
  const id = begun.json.conversationId;
  const more = await ask(env, admin, "POST", `${PATH}/${id}/messages`, {
    headers: { "idempotency-key": `more-${++count}` },
    body: {
      messages: [
        { role: "user", content: CANARY },
        { role: "assistant", content: `${CANARY}!` },
      ],
      state: { step: CANARY, context: { said: CANARY } },
    },
  });
  expect(more.status).toBe(200);
  return id;
}

async function saidIn(env: Env, id: string): Promise<string[]> {
  const { json } = await ask(env, admin, "GET", `${PATH}/${id}?touch=false`);
  return json.data.messages.map(({ content }) => content);
}

const logged: string[] = [];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
  behind.variables = VARIABLES;
  logged.length = 0;
  const note = (line: unknown) => void logged.push(String(line));
  vi.stubGlobal("console", { ...console, log: note, warn: note, error: note });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("encryption over objects and D1", () => {
  it("nothing said lies in the object, in D1 or in the log, live and archived by the object's alarm; and it reads back", async () => {
    const env = isolate();
    const id = await talk(env);
    const live = await inObject(id);
    expect(live).toContain(id);
    expect(live).not.toContain(CANARY);
    expect(await saidIn(env, id)).toEqual([CANARY, `${CANARY}!`]);
    // Another isolate, and the service's own objects.
    expect(await saidIn(isolate(), id)).toEqual([CANARY, `${CANARY}!`]);
    expect(await inObject("service:records")).not.toContain(CANARY);

    // Its time is over: the alarm archives it, and a day later empties the object.
    const object = CONVERSATIONS.getByName(id);
    for (let hours = 0; hours < 120; hours += 12) {
      vi.setSystemTime(Date.now() + 12 * HOUR);
      await runDurableObjectAlarm(object);
    }
    expect(await inObject(id)).toBe("");
    const archived = await inD1();
    expect(archived).toContain(id);
    expect(archived).not.toContain(CANARY);
    expect(await saidIn(isolate(), id)).toEqual([CANARY, `${CANARY}!`]);
    expect(logged.join("\n")).not.toContain(CANARY);
    expect(logged.filter((line) => line.includes('"level":50'))).toEqual([]);
  });

  it("without encryption the canary is found, so that looking for it means something", async () => {
    const { CONVERSATION_ENCRYPTION_KEY: _, ...plain } = VARIABLES;
    behind.variables = plain;
    const fresh: typeof CONVERSATIONS = { getByName: (name) => CONVERSATIONS.getByName(`plain:${name}`) };
    const env: Env = { CONVERSATIONS: fresh, ...plain, TEST: String(++count) };
    const id = await talk(env);
    expect(await inObject(`plain:${id}`)).toContain(CANARY);
  });

  it("another master key first: what was written before is read, and what comes is written with the new one", async () => {
    // Whatever order isolates and objects come to know of it, both keys are there.
    behind.variables = { ...VARIABLES, CONVERSATION_ENCRYPTION_KEY: `${K2},${K1}` };
    const before = await talk(isolate());
    const rotated = isolate({ CONVERSATION_ENCRYPTION_KEY: `${K2},${K1}` });
    expect(await saidIn(rotated, before)).toEqual([CANARY, `${CANARY}!`]);
    const after = await talk(rotated);
    expect(await inObject(after)).toContain("k2");
    expect(await saidIn(rotated, after)).toEqual([CANARY, `${CANARY}!`]);
  });

  it.each([
    ["without the key", {}],
    ["with another key under its name", { CONVERSATION_ENCRYPTION_KEY: `k1:${masterKey()}` }],
  ])("%s nothing is served but a clear error, and the log says what is wrong", async (_, given: Record<string, string>) => {
    const id = await talk(isolate());
    const { CONVERSATION_ENCRYPTION_KEY: __, ...others } = isolate();
    const env: Env = { ...others, TEST: String(++count), ...given };
    const { status, text } = await ask(env, admin, "GET", `${PATH}/${id}`);
    expect([status, text]).toEqual([500, expect.stringContaining("not configured correctly")]);
    expect(logged.join("\n")).toContain("CONVERSATION_ENCRYPTION_KEY");
  });
});
