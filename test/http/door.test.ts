// What every request meets: routes and methods, failures, keyless access, overload, request IDs, headers and the log.

import { describe, expect, it } from "vitest";
import { createContract, isOpen, type Route } from "../../src/contract/index.ts";
import type { ApiKeys } from "../../src/security/api-keys.ts";
import type { Conversations } from "../../src/core/conversations.ts";
import { StoredDataError, StoreUnavailableError } from "../../src/core/errors.ts";
import { DEFAULT_LIMITS } from "../../src/core/limits.ts";
import { BASE, startService, UNKNOWN } from "./service.ts";

const contract = createContract({ limits: DEFAULT_LIMITS, maxExtensionHours: 168 });
const routes = Object.values(contract) as Route[];
const closed = routes.filter((route) => !isOpen(route));

/** A request that is right in form, for any route. */
function request({ method, path, body, name }: Route): [string, string, { body?: unknown }] {
  const bodies: Record<string, unknown> = {
    appendMessages: { content: "x" },
    holdConversation: { reason: "x" },
    releaseConversation: { reason: "x" },
    eraseSubject: { key: "email", value: "x" },
    createKey: { scope: "service" },
  };
  return [
    method,
    path.replace("{id}", UNKNOWN).replace("{key}", "0123456789ab").replace("{file}", "start.js"),
    body ? { body: bodies[name] ?? {} } : {},
  ];
}

/** A manager, keys and metrics, whose every verb fails. */
function failing(error: () => unknown): { manager: Conversations; keys: ApiKeys; metrics: () => Promise<string> } {
  const everything = new Proxy({} as Conversations & ApiKeys, {
    get: () => async () => {
      throw error();
    },
  });
  return { manager: everything, keys: everything, metrics: () => Promise.reject(error() as Error) };
}

describe("unknown routes and methods", () => {
  it("an unknown path is 404", async () => {
    const { call } = startService();
    for (const path of [
      "/",
      "/api",
      "/api/v1/conversation",
      `${BASE}/`,
      `${BASE}/${UNKNOWN}/`,
      `${BASE}/${UNKNOWN}/stop`,
      "/metricx",
      "/docs/",
      "/__proto__",
    ]) {
      for (const method of ["GET", "POST", "OPTIONS", "BREW"]) {
        expect(await call(method, path), path).toMatchObject({
          status: 404,
          json: { success: false, error: "Not found", code: "not_found", requestId: expect.any(String) },
        });
      }
    }
  });

  it("a known path with another method is 405 with Allow, even if the ID is none", async () => {
    const { call } = startService();
    for (const [path, allow] of [
      [BASE, "POST, GET, HEAD, OPTIONS"],
      [`${BASE}/x`, "GET, HEAD, PUT, DELETE, OPTIONS"],
      [`${BASE}/${UNKNOWN}/messages`, "POST, GET, HEAD, OPTIONS"],
      [`${BASE}/${UNKNOWN}/extend`, "PUT, OPTIONS"],
      ["/health", "GET, HEAD, OPTIONS"],
      ["/openapi.json", "GET, HEAD, OPTIONS"],
    ] as const) {
      for (const method of ["PATCH", "BREW", "PROPFIND"]) {
        const answer = await call(method, path);
        expect(answer, `${method} ${path}`).toMatchObject({ status: 405, json: { success: false, code: "method_not_allowed" } });
        expect(answer.headers.get("allow")).toBe(allow);
      }
      const options = await call("OPTIONS", path);
      expect({ status: options.status, text: options.text, allow: options.headers.get("allow") }).toEqual({ status: 204, text: "", allow });
    }
    expect((await call("HEAD", `${BASE}/${UNKNOWN}/extend`)).status).toBe(405);
    expect((await call("GET", "/openapiXjson")).status).toBe(404);
  });
});

describe("a store that fails", () => {
  const verbs: Record<string, string> = {
    createConversation: "create",
    getConversation: "retrieve",
    updateConversation: "update",
    extendConversation: "extend",
    archiveConversation: "archive",
    completeConversation: "complete",
    reopenConversation: "reopen",
    eraseConversation: "erase",
    holdConversation: "hold",
    releaseConversation: "release",
    appendMessages: "append",
    listMessages: "retrieve",
    listEvents: "retrieve",
    listConversations: "list",
    eraseSubject: "erase",
    analytics: "analyse",
  };
  const others: Record<string, string> = {
    mintToken: "Failed to make a token for the conversation",
    revokeTokens: "Failed to revoke the tokens of the conversation",
    createKey: "Failed to make the API key",
    listKeys: "Failed to list the API keys",
    rotateKey: "Failed to rotate the API key",
    revokeKey: "Failed to revoke the API key",
    metrics: "Failed to show the metrics",
  };
  const sentence = ({ name }: Route): string => others[name] ?? `Failed to ${verbs[name]} conversation`;

  it.each(closed)("$method $path answers 503 with Retry-After and its sentence", async (route) => {
    const { call, log } = startService(failing(() => new StoreUnavailableError("connect ECONNREFUSED 10.1.2.3:5432")));
    const answer = await call(...request(route));
    expect(answer).toMatchObject({
      status: 503,
      json: {
        success: false,
        code: "store_unavailable",
        error: sentence(route),
      },
    });
    expect(Object.keys(answer.json)).toEqual(["success", "error", "code", "requestId"]);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(log.at(-1)).toMatchObject({ level: "warn", facts: { status: 503, route: route.path, method: route.method } });
  });

  it.each(closed)("$method $path answers 500 with its sentence and nothing else for any other fault", async (route) => {
    for (const error of [
      new Error('syntax error at "SELECT secret FROM conversations" host 10.1.2.3'),
      new StoredDataError("row 7 is broken"),
      "text",
      null,
    ]) {
      const { call, log } = startService(failing(() => error));
      const answer = await call(...request(route));
      expect(answer).toMatchObject({
        status: 500,
        json: { code: "internal", error: sentence(route) },
      });
      expect(answer.text).not.toMatch(/SELECT|10\.1|row 7|at .*\.ts/);
      expect(log.at(-1)).toMatchObject({ level: "error", message: "request failed" });
      expect(JSON.stringify(log)).not.toMatch(/SELECT|10\.1/);
    }
  });

  it("the log has where a fault arose, and its cause, without their texts", async () => {
    const cause = Object.assign(new Error("password=hunter2"), { code: "ECONNRESET" });
    const { call, log } = startService(failing(() => new StoreUnavailableError("The database is gone", { cause })));
    await call("GET", `${BASE}/${UNKNOWN}`);
    expect(log.at(-1)!.facts["error"]).toMatchObject({
      name: "StoreUnavailableError",
      message: "The database is gone",
      at: expect.arrayContaining([expect.stringMatching(/^at .*door\.test\.ts/)]),
      cause: { name: "Error", code: "ECONNRESET" },
    });
    expect(JSON.stringify(log)).not.toContain("hunter2");
  });
});

describe("without keys", () => {
  /** What every route that is not open answers. */
  async function answers(options: Parameters<typeof startService>[0], headers: Record<string, string> = {}, origin = "") {
    const { call } = startService({ manager: {} as never, ...options });
    return Promise.all(
      closed.map(async (route) => {
        const [method, path, sent] = request(route);
        const answer = await call(method, origin + path, { ...sent, headers });
        return {
          status: answer.status,
          code: answer.json.code,
          error: answer.json.error,
          challenge: answer.headers.get("www-authenticate"),
        };
      }),
    );
  }

  /** Each refuses, and says what to do. */
  const refusals = closed.map(() => ({
    status: 401,
    code: "unauthorized",
    error: expect.stringMatching(/^(Without API keys this server answers only .*|An API key or a token is needed: .*)\. \w.+\.$/),
    challenge: expect.stringMatching(/^Bearer/),
  }));

  it("nothing but open routes is answered where it is not allowed", async () => {
    expect(await answers({ keyless: { allowed: false, remoteAddress: () => "127.0.0.1" } })).toEqual(refusals);
  });

  it("only loopback addresses are answered", async () => {
    for (const address of ["10.0.0.1", "::2", "203.0.113.7", "::ffff:10.0.0.1", "127.0.0.1.example.com", "127.0.0.256", "", null]) {
      expect(await answers({ keyless: { allowed: true, remoteAddress: () => address } })).toEqual(refusals);
    }
    for (const address of ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"]) {
      const { call } = startService({ keyless: { allowed: true, remoteAddress: () => address } });
      expect((await call("POST", BASE)).status, address).toBe(200);
    }
  });

  it("only loopback names are answered, so that no foreign DNS name leads in", async () => {
    for (const host of ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[::2]"]) {
      expect(await answers({}, {}, `http://${host}`)).toEqual(refusals);
      expect(await answers({}, { host })).toEqual(refusals);
    }
    for (const host of ["localhost", "LOCALHOST", "127.0.0.1", "app.localhost", "[::1]"]) {
      const { call } = startService();
      expect((await call("POST", `http://${host}:8787${BASE}`, { headers: { host: `${host}:8787` } })).status, host).toBe(200);
    }
  });

  it("a request with a forwarding header is refused, even if that names a loopback address", async () => {
    for (const name of [
      "forwarded",
      "via",
      "x-forwarded-for",
      "X-Forwarded-Host",
      "x-forwarded-proto",
      "x-real-ip",
      "cf-connecting-ip",
      "true-client-ip",
    ]) {
      expect(await answers({}, { [name]: "127.0.0.1" })).toEqual(refusals);
      expect(await answers({}, { [name]: "" })).toEqual(refusals);
    }
  });

  it("answers a web page of this machine, and none from elsewhere", async () => {
    for (const origin of [
      "https://elsewhere.example",
      "null",
      "http://localhost.elsewhere.example",
      "http://127.0.0.1.elsewhere.example",
    ]) {
      expect([origin, await answers({}, { origin })]).toEqual([origin, refusals]);
    }
    const { call } = startService();
    for (const origin of ["http://localhost:3000", "http://127.0.0.1:5173", "http://[::1]:80"]) {
      expect([origin, (await call("POST", BASE, { headers: { origin } })).status]).toEqual([origin, 200]);
    }
  });

  it("a header of the platform's own may name a loopback address, and nothing else", async () => {
    const keyless = { allowed: true, remoteAddress: () => "127.0.0.1", platformHeaders: ["cf-connecting-ip"] };
    expect(await answers({ keyless }, { "cf-connecting-ip": "203.0.113.7" })).toEqual(refusals);
    expect(await answers({ keyless }, { "cf-connecting-ip": "127.0.0.1", via: "1.1 x" })).toEqual(refusals);
    const { call } = startService({ keyless });
    expect((await call("POST", BASE, { headers: { "cf-connecting-ip": "::1" } })).status).toBe(200);
  });

  it("open routes are answered to everybody", async () => {
    const { call } = startService({ keyless: { allowed: false, remoteAddress: () => null } });
    for (const route of routes.filter(isOpen)) {
      const [method, path] = request(route);
      expect((await call(method, path, { headers: { via: "1.1 proxy" } })).status, path).toBe(200);
    }
  });
});

describe("too many at once", () => {
  it("the rest is refused with 503 at once, and taken again later; open routes go on", async () => {
    const gate = Promise.withResolvers<null>();
    const manager = { getConversation: () => gate.promise } as unknown as Conversations;
    const { call } = startService({ manager, maxInFlight: 2 });
    const path = `${BASE}/${UNKNOWN}`;
    const first = [call("GET", path), call("GET", path)];
    const third = await call("GET", path);
    expect(third).toMatchObject({ status: 503, json: { code: "store_unavailable", error: "Failed to retrieve conversation" } });
    expect(third.headers.get("retry-after")).toBe("1");
    expect((await call("GET", "/livez")).status).toBe(200);
    gate.resolve(null);
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual([404, 404]);
    expect((await call("GET", path)).status).toBe(404);
  });

  it("those whose bodies are still on their way keep nobody out", async () => {
    const { call, create } = startService({ maxInFlight: 1 });
    const id = await create();
    let finish = (): void => {};
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("{"));
        finish = () => {
          controller.enqueue(new TextEncoder().encode("}"));
          controller.close();
        };
      },
    });
    const slow = call("POST", `${BASE}/${id}/messages`, { body });
    expect((await call("GET", `${BASE}/${id}`)).status).toBe(200);
    finish();
    expect((await slow).status).toBe(200);
  });
});

describe("every answer", () => {
  it("carries the request's ID if that is one, else a new one, also in the envelope and the log", async () => {
    const { call, log } = startService();
    for (const id of ["a", "trace-1.2_3", "x".repeat(128)]) {
      const { headers, json } = await call("GET", `${BASE}/x`, { headers: { "x-request-id": id } });
      expect(headers.get("x-request-id")).toBe(id);
      expect(json.requestId).toBe(id);
      expect(log.at(-1)!.facts["requestId"]).toBe(id);
    }
    for (const id of ["", "a b", "x".repeat(129), "<script>", "è"]) {
      for (const path of ["/nowhere", `${BASE}/x`]) {
        const { headers } = await call("GET", path, { headers: { "x-request-id": id } });
        expect(headers.get("x-request-id"), id).toMatch(/^[0-9a-f-]{36}$/);
      }
    }
  });

  it("is not to be stored, sniffed or framed", async () => {
    const { call } = startService();
    for (const [method, path] of [
      ["POST", BASE],
      ["GET", `${BASE}/x`],
      ["GET", "/health"],
      ["GET", "/nowhere"],
      ["PATCH", BASE],
      ["OPTIONS", BASE],
    ] as const) {
      const { headers } = await call(method, path);
      expect(headers.get("cache-control"), path).toBe("no-store");
      expect(headers.get("x-content-type-options"), path).toBe("nosniff");
      expect(headers.get("x-frame-options"), path).toBe("DENY");
      expect(headers.get("content-security-policy"), path).toContain("default-src 'none'");
    }
  });

  it("is one line in the log: names and numbers, nothing that was said or asked", async () => {
    const { call, create, log } = startService();
    const id = await create({ initialContext: { note: "canary" } });
    await call("POST", `${BASE}/${id}/messages`, { body: { content: "canary" } });
    await call("POST", `${BASE}/${id}/messages`, { body: '{"canary"' });
    await call("GET", `${BASE}?q=canary`);
    await call("GET", `/canary`);
    expect(log).toHaveLength(5);
    for (const { level, facts } of log) {
      expect(level).toBe("info");
      expect(Object.keys(facts)).toEqual(["requestId", "method", "route", "status", "ms"]);
    }
    expect(log.map(({ facts }) => [facts["method"], facts["route"], facts["status"]])).toEqual([
      ["POST", BASE, 200],
      ["POST", `${BASE}/{id}/messages`, 200],
      ["POST", `${BASE}/{id}/messages`, 400],
      ["GET", BASE, 200],
      ["GET", "", 404],
    ]);
    expect(JSON.stringify(log)).not.toContain("canary");
  });
});
