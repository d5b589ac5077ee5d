// Who gets in: the list of authentication and authorization cases, on a service as it is in production.

import { SignJWT } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { createContract, isOpen, type Route } from "../../src/contract/index.ts";
import { DEFAULT_LIMITS } from "../../src/core/limits.ts";
import { makeApiKey, parseApiKey } from "../../src/security/api-key-text.ts";
import { createApiKeys } from "../../src/security/api-keys.ts";
import { createConversationTokens } from "../../src/security/conversation-tokens.ts";
import { deriveKey } from "../../src/security/mac.ts";
import { createCursors } from "../../src/http/cursors.ts";
import { BASE, SECRET, UNKNOWN, type Sent } from "../http/service.ts";
import { caseTable, type Case } from "./case-table.ts";
import { ORIGIN, otherKeys, outcome, startGuarded } from "./guarded-service.ts";

type Guarded = Awaited<ReturnType<typeof startGuarded>>;

const routes = Object.values(createContract({ limits: DEFAULT_LIMITS, maxExtensionHours: 168 })) as Route[];
const closed = routes.filter((route) => !isOpen(route));
const LIST = `${BASE}?limit=1`;
const WEEK = 7 * 24 * 3_600_000;

/** A request that its route takes as far as its form goes. */
function request({ name, method, path, body }: Route, id: string): [string, string, Sent] {
  const bodies: Record<string, object> = {
    appendMessages: { role: "user", content: "ciao" },
    holdConversation: { reason: "audit" },
    releaseConversation: { reason: "audit" },
    eraseSubject: { key: "email", value: "nobody@example.com", dryRun: true },
    createKey: { scope: "service" },
  };
  const at = path.replace("{id}", id).replace("{key}", "0123456789ab");
  return [method, at, body ? { body: bodies[name] ?? {} } : {}];
}

let guarded: Guarded;
beforeAll(async () => {
  guarded = await startGuarded();
});

const list = async (headers: Record<string, string>, path = LIST): Promise<string> =>
  outcome(await guarded.call(null, "GET", path, { headers }));

const changed = (text: string, at: number): string => text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);

caseTable("Authentication", [
  { name: "none", expected: "401 unauthorized", got: () => list({}) },
  { name: "wrong scheme", expected: "401 unauthorized", got: () => list({ authorization: `Basic ${guarded.keys.admin}` }) },
  { name: "the key without a scheme", expected: "401 unauthorized", got: () => list({ authorization: guarded.keys.admin }) },
  { name: "key in the query", expected: "401 unauthorized", got: () => list({}, `${LIST}&key=${guarded.keys.admin}`) },
  { name: "key in another header", expected: "401 unauthorized", got: () => list({ "x-api-key": guarded.keys.admin }) },
  {
    name: "bad checksum",
    expected: "401 unauthorized",
    got: () => list({ authorization: `Bearer ${changed(guarded.keys.admin, guarded.keys.admin.length - 1)}` }),
  },
  { name: "unknown key", expected: "401 unauthorized", got: () => list({ authorization: `Bearer ${makeApiKey("admin").text}` }) },
  {
    name: "known public part, another secret",
    expected: "401 unauthorized",
    async got() {
      const known = parseApiKey(guarded.keys.admin)!;
      const forged = { ...makeApiKey("admin"), publicPart: known.publicPart };
      const answer = await guarded.apiKeys.recognise(forged).catch((error: { status: number; code: string }) => error);
      return "status" in answer ? `${answer.status} ${answer.code}` : "200";
    },
  },
  {
    name: "a known key that calls itself one of another scope",
    expected: "401 unauthorized",
    async got() {
      const known = parseApiKey(guarded.keys.service)!;
      const answer = await guarded.apiKeys
        .recognise({ ...known, scope: "admin" })
        .catch((error: { status: number; code: string }) => error);
      return "status" in answer ? `${answer.status} ${answer.code}` : "200";
    },
  },
  {
    name: "revoked key",
    expected: "401 unauthorized",
    async got() {
      const { key, data } = await guarded.apiKeys.create({ scope: "admin" });
      await guarded.apiKeys.revoke(data.id);
      return list({ authorization: `Bearer ${key}` });
    },
  },
  {
    name: "expired key",
    expected: "401 unauthorized",
    async got() {
      const { key } = await guarded.apiKeys.create({ scope: "admin", expiresAt: guarded.time.now + 1000 });
      guarded.time.now += 1001;
      return list({ authorization: `Bearer ${key}` });
    },
  },
  {
    name: "two Authorization headers",
    expected: "401 unauthorized",
    got: () => list({ authorization: `Bearer ${guarded.keys.admin}, Bearer ${guarded.keys.admin}` }),
  },
  { name: "8 kB header", expected: "401 unauthorized", got: () => list({ authorization: `Bearer ${"a".repeat(8192)}` }) },
  {
    name: "21 bad keys a minute from one address",
    expected: "20 × 401 unauthorized, then 429 rate_limited",
    async got() {
      const { call } = await startGuarded();
      const answers: string[] = [];
      for (let n = 0; n < 21; n++) answers.push(outcome(await call(makeApiKey("service").text, "GET", LIST)));
      return answers.slice(0, 20).every((answer) => answer === "401 unauthorized")
        ? `20 × ${answers[0]}, then ${answers[20]}`
        : answers.join(", ");
    },
  },
  {
    name: "a right key from an address with 21 bad ones",
    expected: "200",
    async got() {
      const { call, keys } = await startGuarded();
      for (let n = 0; n < 21; n++) await call("nonsense", "GET", LIST);
      return outcome(await call(keys.operator, "GET", LIST));
    },
  },
]);

/** Which scopes a key includes. */
const INCLUDED: Record<string, string[]> = {
  site: ["site"],
  service: ["service"],
  operator: ["service", "operator"],
  admin: ["site", "service", "operator", "admin"],
  token: ["token"],
};

caseTable(
  "Authorization",
  closed.flatMap((route) =>
    Object.entries(INCLUDED).map(([scope, included]): Case => {
      const allowed = route.scopes.some((wanted) => included.includes(wanted));
      return {
        name: `${route.method} ${route.path} with ${scope === "token" ? "a token" : `a key of ${scope}`}`,
        expected: allowed ? "let in" : "403 forbidden",
        async got() {
          const { id, token } = await guarded.begin();
          const credential = scope === "token" ? token : guarded.keys[scope as "site"];
          const [method, path, sent] = request(route, id);
          const answer = await guarded.call(credential, method, path, { ...sent, headers: { origin: ORIGIN } });
          return answer.status === 401 || answer.status === 403 ? outcome(answer) : "let in";
        },
      };
    }),
  ),
);

caseTable("Authorization, further", [
  {
    name: "wiping with a key of service",
    expected: "403 forbidden",
    got: async () =>
      outcome(await guarded.call(guarded.keys.service, "DELETE", `${BASE}/${(await guarded.begin()).id}?preserveData=false`)),
  },
  {
    name: "wiping with a key of operator",
    expected: "200",
    got: async () =>
      outcome(await guarded.call(guarded.keys.operator, "DELETE", `${BASE}/${(await guarded.begin()).id}?preserveData=false`)),
  },
  {
    name: "a token on another conversation: as a missing one",
    expected: "equal but for requestId: 404 not_found",
    async got() {
      const [mine, other] = [await guarded.begin(), await guarded.begin()];
      const [there, missing] = await Promise.all([other.id, UNKNOWN].map((id) => guarded.call(mine.token, "GET", `${BASE}/${id}`)));
      const bare = (answer: Awaited<ReturnType<Guarded["call"]>>) => {
        const headers = Object.fromEntries(answer.headers);
        delete headers["x-request-id"];
        return JSON.stringify([answer.status, { ...answer.json, requestId: "" }, headers]);
      };
      return bare(there!) === bare(missing!) ? `equal but for requestId: ${outcome(there!)}` : "different";
    },
  },
  {
    name: "a token that mints a token for more than it allows",
    expected: "403 forbidden",
    async got() {
      const { id } = await guarded.begin();
      const { json } = await guarded.call(guarded.keys.service, "POST", `${BASE}/${id}/token`, { body: { operations: ["read", "renew"] } });
      return outcome(await guarded.call(json.token, "POST", `${BASE}/${id}/token`, { body: { operations: ["append"] } }));
    },
  },
  {
    name: "a token without the operation",
    expected: "403 forbidden",
    async got() {
      const { id } = await guarded.begin();
      const { json } = await guarded.call(guarded.keys.service, "POST", `${BASE}/${id}/token`, { body: { operations: ["read"] } });
      return outcome(await guarded.call(json.token, "POST", `${BASE}/${id}/messages`, { body: { role: "user", content: "ciao" } }));
    },
  },
  {
    name: "an old epoch",
    expected: "200, then 401 unauthorized",
    async got() {
      const { id, token } = await guarded.begin();
      const before = outcome(await guarded.call(token, "GET", `${BASE}/${id}`));
      await guarded.call(guarded.keys.service, "DELETE", `${BASE}/${id}/token`);
      return `${before}, then ${outcome(await guarded.call(token, "GET", `${BASE}/${id}`))}`;
    },
  },
  {
    name: "an expired token",
    expected: "401 unauthorized",
    async got() {
      const { id, token } = await guarded.begin();
      guarded.time.now += 3_600_001;
      return outcome(await guarded.call(token, "GET", `${BASE}/${id}`));
    },
  },
  ...["none", "HS512", "another key", "a webhook's secret", "without a type", "for longer than a day", "another audience"].map(
    (kind): Case => ({
      name: `a foreign JWT: ${kind}`,
      expected: "401 unauthorized",
      async got() {
        const { id } = await guarded.begin();
        return outcome(await guarded.call(await foreignToken(kind, id, guarded.time.now), "GET", `${BASE}/${id}`));
      },
    }),
  ),
  {
    name: "the same JWT under the right key, as a control",
    expected: "200",
    async got() {
      const { id } = await guarded.begin();
      return outcome(await guarded.call(await foreignToken("right", id, guarded.time.now), "GET", `${BASE}/${id}`));
    },
  },
]);

async function foreignToken(kind: string, id: string, now: number): Promise<string> {
  const seconds = Math.floor(now / 1000);
  const claims = { ops: ["read", "append"], epoch: 0, sub: id, aud: kind === "another audience" ? "shop" : "itera-conversations" };
  const expires = kind === "for longer than a day" ? 90_000 : 600;
  if (kind === "none") {
    const part = (value: object) => btoa(JSON.stringify(value)).replace(/=+$/, "");
    return `${part({ alg: "none", typ: "conversation+jwt" })}.${part({ ...claims, iat: seconds, exp: seconds + expires })}.`;
  }
  const right = await deriveKey(SECRET, "conversation token");
  const key = kind === "another key" ? new Uint8Array(32).fill(9) : kind === "a webhook's secret" ? SECRET : right;
  return new SignJWT(claims)
    .setProtectedHeader({ alg: kind === "HS512" ? "HS512" : "HS256", ...(kind === "without a type" ? {} : { typ: "conversation+jwt" }) })
    .setIssuedAt(kind === "for longer than a day" ? seconds - 86_500 : seconds)
    .setExpirationTime(seconds + expires)
    .sign(key);
}

caseTable("Browser", [
  ...(
    [
      ["the allowed origin", ORIGIN, ORIGIN],
      ["a foreign origin", "https://evil.example", "none"],
      ["the null origin", "null", "none"],
      ["the allowed host over http", "http://www.example.com", "none"],
      ["a longer name", "https://www.example.com.evil.example", "none"],
    ] as const
  ).map(([name, origin, expected]): Case => ({
    name: `${name}: what a page may read`,
    expected,
    async got() {
      const { id, token } = await guarded.begin();
      const answer = await guarded.call(token, "GET", `${BASE}/${id}`, { headers: { origin } });
      if (answer.headers.get("access-control-allow-credentials") !== null) return "with credentials";
      return answer.headers.get("access-control-allow-origin") ?? "none";
    },
  })),
  {
    name: "Vary: Origin, on answers with and without",
    expected: "Origin, Origin",
    got: async () =>
      [
        (await guarded.call(guarded.keys.operator, "GET", LIST)).headers.get("vary"),
        (await guarded.call(guarded.keys.operator, "GET", LIST, { headers: { origin: ORIGIN } })).headers.get("vary"),
      ].join(", "),
  },
  {
    name: "the question of a browser",
    expected: `204 ${ORIGIN} authorization`,
    async got() {
      const headers = { origin: ORIGIN, "access-control-request-method": "POST", "access-control-request-headers": "authorization" };
      const answer = await guarded.call(null, "OPTIONS", `${BASE}/${UNKNOWN}/messages`, { headers });
      const allowed = (answer.headers.get("access-control-allow-headers") ?? "").includes("authorization") ? "authorization" : "nothing";
      return `${answer.status} ${answer.headers.get("access-control-allow-origin")} ${allowed}`;
    },
  },
  {
    name: "a site key without an origin",
    expected: "403 forbidden",
    got: async () => outcome(await guarded.call(guarded.keys.site, "POST", BASE)),
  },
  {
    name: "a site key on a foreign origin",
    expected: "403 forbidden",
    got: async () => outcome(await guarded.call(guarded.keys.site, "POST", BASE, { headers: { origin: "https://evil.example" } })),
  },
  {
    name: "a site key on an origin that the server allows and the key does not",
    expected: "403 forbidden",
    async got() {
      const { key } = await guarded.apiKeys.create({ scope: "site", origins: ["https://other.example.com"] });
      return outcome(await guarded.call(key, "POST", BASE, { headers: { origin: ORIGIN } }));
    },
  },
  {
    name: "nosniff and a strict policy",
    expected: "nosniff default-src 'none'; frame-ancestors 'none'",
    async got() {
      const { headers } = await guarded.call(null, "GET", LIST);
      return `${headers.get("x-content-type-options")} ${headers.get("content-security-policy")}`;
    },
  },
]);

describe("a visitor's page", () => {
  it("creates with a site key, and goes on with its token alone", async () => {
    const { id, token } = await guarded.begin();
    const said = await guarded.call(token, "POST", `${BASE}/${id}/messages?window=5`, { body: { role: "user", content: "Buongiorno" } });
    expect(said.status).toBe(200);
    expect((await guarded.call(token, "GET", `${BASE}/${id}`)).json.data.messages).toHaveLength(1);
    expect((await guarded.call(token, "GET", `${BASE}/${id}/messages`)).status).toBe(200);
    expect((await guarded.call(token, "PUT", `${BASE}/${id}/extend`)).status).toBe(200);
    const renewed = await guarded.call(token, "POST", `${BASE}/${id}/token`);
    expect(renewed.status).toBe(200);
    expect((await guarded.call(renewed.json.token, "GET", `${BASE}/${id}`)).status).toBe(200);
  });

  it("a replayed creation carries a fresh token for the same conversation", async () => {
    const headers = { origin: ORIGIN, "idempotency-key": "page-1" };
    const first = await guarded.call(guarded.keys.site, "POST", BASE, { headers });
    guarded.time.now += 2000;
    const again = await guarded.call(guarded.keys.site, "POST", BASE, { headers });
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(again.json.conversationId).toBe(first.json.conversationId);
    expect(again.json.token).not.toBe(first.json.token);
    expect((await guarded.call(again.json.token, "GET", `${BASE}/${first.json.conversationId}`)).status).toBe(200);
  });

  it("another visitor with the same Idempotency-Key gets a conversation of their own", async () => {
    const headers = { origin: ORIGIN, "idempotency-key": "1" };
    const { call, keys, place } = await startGuarded();
    const first = await call(keys.site, "POST", BASE, { headers });
    place.address = "203.0.113.99";
    const other = await call(keys.site, "POST", BASE, { headers });
    expect(other.status).toBe(200);
    expect(other.json.conversationId).not.toBe(first.json.conversationId);
  });

  it("a token is not renewed once its conversation is over", async () => {
    const { id, token } = await guarded.begin();
    await guarded.manager.archiveConversation(id);
    expect(await guarded.call(token, "POST", `${BASE}/${id}/token`)).toMatchObject({ status: 409, json: { code: "conflict" } });
  });

  it("a token of an erased conversation answers 410", async () => {
    const { id, token } = await guarded.begin();
    await guarded.manager.eraseConversation(id);
    expect(await guarded.call(token, "GET", `${BASE}/${id}`)).toMatchObject({ status: 410, json: { code: "gone" } });
  });

  it("a service's answer has no token", async () => {
    expect((await guarded.call(guarded.keys.service, "POST", BASE)).json).not.toHaveProperty("token");
  });

  it("an idempotency key belongs to its client", async () => {
    const headers = { "idempotency-key": "shared" };
    const [one, other] = [
      await guarded.call(guarded.keys.service, "POST", BASE, { headers }),
      await guarded.call(guarded.keys.operator, "POST", BASE, { headers }),
    ];
    expect(one.json.conversationId).not.toBe(other.json.conversationId);
  });
});

/** A text with one bit of its bytes changed. */
const flipped = (text: string, bit: number): string => {
  const bytes = new TextEncoder().encode(text);
  bytes[bit >> 3]! ^= 1 << (bit & 7);
  return new TextDecoder("latin1").decode(bytes);
};

// With the 10,000 of ciphertexts in encryption.test.ts.
describe("50,000 flipped bits", () => {
  it("make no token or key valid", async () => {
    const { id } = await guarded.begin();
    const tokens = createConversationTokens(SECRET, () => guarded.time.now);
    const { token } = await tokens.issue({ conversation: id, operations: ["read"], epoch: 0 }, 3600);
    const key = guarded.keys.service;
    let accepted = 0;
    for (let n = 0; n < 15_000; n++) {
      const text = flipped(token, n % (token.length * 8));
      if (
        await tokens.read(text).then(
          () => true,
          () => false,
        )
      )
        accepted++;
      const parsed = parseApiKey(flipped(key, n % (key.length * 8)));
      if (
        parsed &&
        (await guarded.apiKeys.recognise(parsed).then(
          () => true,
          () => false,
        ))
      )
        accepted++;
    }
    expect(accepted).toBe(0);
    expect(await tokens.read(token)).toMatchObject({ conversation: id });
  });

  it("make no cursor valid", async () => {
    const cursors = createCursors(SECRET);
    const cursor = (await cursors.seal("ITERA_20250125_143052_A7B9X2M8P4Q1_D", "list"))!;
    let accepted = 0;
    const isOpened = (text: string, scope = "list") =>
      cursors.open(text, scope).then(
        () => true,
        () => false,
      );
    for (let n = 0; n < 10_000; n++) if (await isOpened(flipped(cursor, n % (cursor.length * 8)))) accepted++;
    expect(accepted).toBe(0);
    expect(await isOpened(cursor)).toBe(true);
    expect(await isOpened(cursor, "another list")).toBe(false);
    expect(await cursors.open((await cursors.seal("\ufeffA", "list"))!, "list")).toBe("\ufeffA");
  });
});

describe("API keys", () => {
  it("are made, listed, rotated with overlap and revoked over HTTP", async () => {
    const { call, keys, time } = await startGuarded();
    const made = await call(keys.admin, "POST", "/api/v1/keys", { body: { scope: "service", name: "bot" } });
    const first = made.json.key;
    expect(made.json.data).toMatchObject({ scope: "service", name: "bot", revokedAt: null });
    const rotated = await call(keys.admin, "POST", `/api/v1/keys/${made.json.data.id}/rotate`, { body: { overlapHours: 1 } });
    for (const key of [first, rotated.json.key]) expect((await call(key, "POST", BASE)).status).toBe(200);
    time.now += 3_600_001;
    expect((await call(first, "POST", BASE)).status).toBe(401);
    expect((await call(rotated.json.key, "POST", BASE)).status).toBe(200);
    await call(keys.admin, "DELETE", `/api/v1/keys/${rotated.json.data.id}`);
    expect((await call(rotated.json.key, "POST", BASE)).status).toBe(401);
    const { text, json } = await call(keys.admin, "GET", "/api/v1/keys");
    expect(json.data).toHaveLength(6);
    expect(text).not.toContain(first.slice(-49));
  });

  it("are known to be revoked within five seconds on another server", async () => {
    const { call, keys, stores, apiKeys, time } = await startGuarded();
    const elsewhere = otherKeys(stores.records, SECRET, () => time.now);
    const key = parseApiKey(keys.service)!;
    expect(await elsewhere.recognise(key)).toMatchObject({ scope: "service" });
    await apiKeys.revoke(key.publicPart);
    time.now += 5000;
    await expect(elsewhere.recognise(key)).rejects.toMatchObject({ code: "unauthorized" });
    expect((await call(keys.service, "POST", BASE)).status).toBe(401);
  });

  it("are stored as a keyed hash, and their last use is noted once a minute", async () => {
    const { call, keys, stores, apiKeys, time } = await startGuarded();
    const { publicPart, text } = parseApiKey(keys.service)!;
    await call(keys.service, "POST", BASE);
    await expect.poll(async () => (await apiKeys.list()).find(({ id }) => id === publicPart)?.lastUsed).toBe(time.now);
    const stored = JSON.stringify(await stores.records.get("key", publicPart));
    expect(stored).not.toContain(text.slice(-49, -6));
    const version = (await stores.records.get("key", publicPart))!.version;
    time.now += 30_000;
    await call(keys.service, "POST", BASE);
    expect((await stores.records.get("key", publicPart))!.version).toBe(version);
    time.now += WEEK;
    await call(keys.service, "POST", BASE);
    await expect.poll(async () => (await stores.records.get("key", publicPart))!.version).toBe(version + 1);
  });

  it("given by configuration work, can be revoked, and stay revoked", async () => {
    const { stores, time } = await startGuarded();
    const key = makeApiKey("operator");
    const over = () => createApiKeys({ records: stores.records, secret: SECRET, configured: [key.text], clock: () => time.now });
    expect(await over().recognise(key)).toMatchObject({ scope: "operator", configured: true });
    await over().revoke(key.publicPart);
    await expect(over().recognise(key)).rejects.toMatchObject({ code: "unauthorized" });
  });

  it("given by configuration go with it, also when their use was noted, and outlive another secret", async () => {
    const { stores, time } = await startGuarded();
    const key = makeApiKey("admin");
    const over = (configured: string[], secret = SECRET) =>
      createApiKeys({ records: stores.records, secret, configured, clock: () => time.now });
    await over([key.text]).recognise(key);
    await expect.poll(async () => (await stores.records.get("key", key.publicPart))?.value).toMatchObject({ lastUsed: time.now });
    expect(await over([key.text], new Uint8Array(32).fill(9)).recognise(key)).toMatchObject({ scope: "admin", lastUsed: time.now });
    await expect(over([]).recognise(key)).rejects.toMatchObject({ code: "unauthorized" });
    expect((await over([]).list()).map(({ id }) => id)).not.toContain(key.publicPart);
    expect(await over([]).revoke(key.publicPart)).toBeNull();
  });
});
