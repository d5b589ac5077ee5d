import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import { createApp } from "../../src/http/app.ts";
import { listen, type HttpServer, type NodeEnv } from "../../src/runtimes/node/http-server.ts";
import { exchange } from "../raw-http.ts";
import {
  answeredRequests,
  besideSilentOnes,
  HOST,
  noEnvelope,
  refusedRequests,
  sendDamaged,
  slowBodies,
  trickle,
} from "../raw-requests.ts";

let server: HttpServer;
let port: number;
let manager: ConversationManager;
const errors: unknown[] = [];

beforeAll(async () => {
  manager = new ConversationManager(memoryStores(), { environment: "D" });
  const app = createApp({
    manager,
    logger: { info() {}, warn() {}, error: (facts) => errors.push(facts) },
    version: "0.0.0",
    secret: crypto.getRandomValues(new Uint8Array(32)),
    keyless: { allowed: true, remoteAddress: (c) => (c.env as NodeEnv).incoming.socket.remoteAddress ?? null },
    clientAddress: () => null,
  });
  server = await listen((request, env) => app.fetch(request, env), { host: "127.0.0.1", port: 0, onError: (error) => errors.push(error) });
  port = server.address.port;
});

afterAll(async () => {
  await server.stop(0);
  await manager.close();
  if (errors.length > 0) throw new AggregateError(errors, "the server logged errors");
});

describe("the HTTP door", () => {
  it.each(refusedRequests(null))("refuses %s", async (_, send, status) => {
    const { answers, rest, closed } = await exchange(port, send, { patienceMs: 3000 });
    expect(answers.map((answer) => answer.status)).toEqual([status]);
    expect(noEnvelope(answers[0]!)).toBeNull();
    expect(rest).toBe("");
    expect(closed).toBe(true);
    expect(answers[0]!.headers["connection"]).toBe("close");
  });

  it.each(answeredRequests(null))("answers %s", async (_, send, statuses) => {
    const { answers, rest } = await exchange(port, send);
    expect(answers.map((answer) => answer.status)).toEqual(statuses);
    expect(answers.filter(({ status }) => status >= 400).flatMap((answer) => noEnvelope(answer) ?? [])).toEqual([]);
    expect(rest).toBe("");
  });

  it("answers HEAD without a body", async () => {
    const { answers, rest } = await exchange(port, `HEAD /livez HTTP/1.1\r\n${HOST}\r\n`, { head: true });
    expect(answers.map((answer) => answer.status)).toEqual([200]);
    expect(rest).toBe("");
  });

  it("says 405 with the methods that are allowed", async () => {
    const { answers } = await exchange(port, `TRACE /livez HTTP/1.1\r\n${HOST}\r\n`);
    expect(answers[0]!.headers["allow"]).toContain("GET");
  });

  it("ends a header that comes too slowly with 408 within ten seconds", { timeout: 30_000, concurrent: true }, async () => {
    const { answers, closed } = await trickle(port, `GET /livez HTTP/1.1\r\n${HOST}`, "X-A: 1\r\n");
    expect(answers.map((answer) => answer.status)).toEqual([408]);
    expect(noEnvelope(answers[0]!)).toBeNull();
    expect(closed).toBe(true);
  });

  it.each(slowBodies(null))(
    "ends a body that comes too slowly with 408 within ten seconds, %s",
    { timeout: 30_000, concurrent: true },
    async (_, begin, more, statuses) => {
      const { answers, rest, closed } = await trickle(port, begin, more);
      expect(answers.map((answer) => answer.status)).toEqual(statuses);
      expect(noEnvelope(answers.at(-1)!)).toBeNull();
      expect(rest).toBe("");
      expect(closed).toBe(true);
    },
  );

  it("does not wait for 1,000 connections that say nothing", async () => {
    expect(await besideSilentOnes(port, 1000)).toEqual([200]);
  });

  it(
    "survives 1,000 damaged requests: every answer is whole, none is a failure of ours, and there are no more answers than requests",
    { timeout: 120_000 },
    async () => {
      expect(await sendDamaged(port, null, 1000)).toBeGreaterThan(250);
    },
  );
});
