// The first five routes on Express, and on the least that an application can be.

import express from "express";
import request from "supertest";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import ConversationRoutes, { type ConversationRoutesOptions, type RequestLike } from "../../src/classic/conversation-routes.ts";
import { DatabaseDouble } from "./database-double.ts";
import { KvDouble } from "./kv-double.ts";

const BASE = "/api/v1/conversations";
const UNKNOWN = "ITERA_20250125_143052_A7B9X2M8P4Q1_P";
const MALFORMED = "ITERA_20251325_143052_A7B9X2M8P4Q1_P";

let kv: KvDouble;
let db: DatabaseDouble;

beforeEach(() => {
  kv = new KvDouble({ writeLimit: false });
  db = new DatabaseDouble();
  vi.spyOn(console, "log").mockImplementation(() => {});
});

afterEach(() => {
  vi.restoreAllMocks();
});

function serving(options?: ConversationRoutesOptions, { parsing = true } = {}): express.Express {
  const app = express();
  if (parsing) app.use(express.json());
  new ConversationRoutes(app, kv, db, options);
  return app;
}

async function create(app: express.Express, body: object = {}): Promise<string> {
  const response = await request(app).post(BASE).send(body);
  return response.body.conversationId as string;
}

describe("on Express", () => {
  it("POST creates, with the visitor's browser, address and context", async () => {
    const response = await request(serving())
      .post(BASE)
      .set("user-agent", "Mozilla/5.0")
      .set("cf-connecting-ip", "203.0.113.9")
      .send({ source: "shop", initialContext: { topic: "printer", clientIP: "forged", source: "forged", userAgent: "forged" } });
    expect(response.status).toBe(200);
    const { success, conversationId, data } = response.body;
    expect(success).toBe(true);
    expect(conversationId).toBe(data.id);
    expect(data).toMatchObject({ status: "active", messageCount: 0, messages: [] });
    expect(data.metadata).toEqual({
      userAgent: "Mozilla/5.0",
      source: "shop",
      clientIP: expect.stringMatching(/127\.0\.0\.1|::1/),
      topic: "printer",
    });
  });

  it("POST without a body, parsed or not, creates too", async () => {
    for (const parsing of [true, false]) {
      const response = await request(serving({}, { parsing })).post(BASE);
      expect(response.status).toBe(200);
      expect(response.body.data.metadata.source).toBe("api");
    }
  });

  it("POST takes the body's browser before the header's, and the address from Cloudflare only where that is trusted", async () => {
    const response = await request(serving({ trustCloudflare: true }))
      .post(BASE)
      .set("user-agent", "x".repeat(600))
      .set("cf-connecting-ip", "203.0.113.9")
      .send({ userAgent: "mine" });
    expect(response.body.data.metadata).toEqual({ userAgent: "mine", source: "api", clientIP: "203.0.113.9" });
    const long = await request(serving()).post(BASE).set("user-agent", "x".repeat(600));
    expect(long.body.data.metadata.userAgent).toBe("x".repeat(512));
  });

  it.each([
    [{ source: 7 }, "source must be a text of 0 to 64 characters"],
    [{ source: "x".repeat(65) }, "source must be a text of 0 to 64 characters"],
    [{ userAgent: "x".repeat(513) }, "userAgent must be a text of 0 to 512 characters"],
    [{ initialContext: [1] }, "initialContext must be a JSON object"],
    [["a", "list"], "The body must be a JSON object"],
  ])("POST %j is refused with the rule", async (body, error) => {
    const response = await request(serving()).post(BASE).send(body);
    expect(response.status).toBe(400);
    expect(response.body).toEqual({ success: false, error, code: "invalid_input" });
    expect(kv.keys()).toEqual([]);
  });

  it("GET answers the conversation, or as much of it as is asked for", async () => {
    const app = serving();
    const id = await create(app);
    await request(app)
      .put(`${BASE}/${id}`)
      .send({ messages: [{ n: 1 }, { n: 2 }, { n: 3 }] });
    expect((await request(app).get(`${BASE}/${id}`)).body).toMatchObject({
      success: true,
      data: { id, messages: [{ n: 1 }, { n: 2 }, { n: 3 }] },
    });
    expect((await request(app).get(`${BASE}/${id}?messages=1`)).body.data.messages).toEqual([{ n: 3 }]);
    expect((await request(app).get(`${BASE}/${id}?messages=none&touch=false`)).body.data).toMatchObject({ messages: [], messageCount: 3 });
    expect((await request(app).get(`${BASE}/${id}?messages=some`)).status).toBe(400);
    expect((await request(app).get(`${BASE}/${id}?touch=maybe`)).status).toBe(400);
  });

  it("PUT merges metadata, appends to the transcript, and refuses what cannot be set", async () => {
    const app = serving();
    const id = await create(app, { initialContext: { a: 1, b: 2 } });
    const put = (body: object) => request(app).put(`${BASE}/${id}`).send(body);
    expect((await put({ metadata: { b: null, step: "x" }, messages: [{ n: 1 }] })).body.data).toMatchObject({
      metadata: { a: 1, step: "x" },
      messages: [{ n: 1 }],
      messageCount: 1,
    });
    expect((await put({ messages: [{ n: 2 }] })).status).toBe(409);
    expect((await put({ status: "archived" })).status).toBe(400);
    expect((await put({ id: UNKNOWN })).body).toMatchObject({ success: false, error: expect.stringContaining("id cannot be changed") });
    const whole = (await request(app).get(`${BASE}/${id}`)).body.data;
    expect((await put({ ...whole, metadata: { ...whole.metadata, c: 3 } })).body.data.metadata).toMatchObject({ a: 1, c: 3 });
  });

  it("PUT …/extend moves the expiry, and keeps to the maximum", async () => {
    const app = serving();
    const id = await create(app);
    const extended = await request(app).put(`${BASE}/${id}/extend`).send({ extensionHours: 100, reason: "complex_issue" });
    expect(extended.body).toMatchObject({ success: true, extended: 100 });
    expect(Date.parse(extended.body.data.expiresAt) - Date.now()).toBeGreaterThan(99.9 * 3_600_000);
    expect((await request(app).put(`${BASE}/${id}/extend`)).body.extended).toBe(24);
    for (const extensionHours of [0, -1, 169, 1.5, "24", Number.MAX_SAFE_INTEGER]) {
      const refused = await request(app).put(`${BASE}/${id}/extend`).send({ extensionHours });
      expect(refused.status).toBe(400);
      expect(refused.body.error).toBe("Extension hours must be between 1 and 168 (7 days)");
    }
    const shorter = await request(serving({ maxExtensionHours: 36 }))
      .put(`${BASE}/${id}/extend`)
      .send({ extensionHours: 37 });
    expect(shorter.body.error).toBe("Extension hours must be between 1 and 36");
  });

  it("DELETE archives, with the reason from the body, the query, or none", async () => {
    const app = serving();
    const ids = [await create(app), await create(app), await create(app)] as const;
    const archived = await request(app).delete(`${BASE}/${ids[0]}`).send({ reason: "resolved" });
    expect(archived.body).toMatchObject({ success: true, data: { id: ids[0], status: "archived", archiveReason: "resolved" } });
    expect((await request(app).delete(`${BASE}/${ids[1]}?reason=queried`)).body.data.archiveReason).toBe("queried");
    expect((await request(app).delete(`${BASE}/${ids[2]}`)).body.data.archiveReason).toBe("manual");
    expect([...db.rows.keys()].toSorted()).toEqual([...ids].toSorted());
    expect(
      (
        await request(app)
          .delete(`${BASE}/${await create(app)}`)
          .send({ reason: "x".repeat(51) })
      ).status,
    ).toBe(400);
  });

  it("DELETE wipes only where the host allows it", async () => {
    const app = serving();
    const id = await create(app, { initialContext: { note: "canary" } });
    const refused = await request(app).delete(`${BASE}/${id}`).send({ preserveData: false });
    expect([refused.status, refused.body.code]).toEqual([403, "forbidden"]);
    expect((await request(app).get(`${BASE}/${id}`)).body.data).toMatchObject({ status: "active", metadata: { note: "canary" } });

    const wiping = serving({ allowWipe: true });
    const wiped = await request(wiping).delete(`${BASE}/${id}?preserveData=false`);
    expect(wiped.body).toMatchObject({ success: true, receipt: { id, action: "wiped" } });
    expect(wiped.body.data).toEqual({ id, status: "archived" });
    expect(
      (
        await request(wiping)
          .put(`${BASE}/${id}`)
          .send({ metadata: { a: 1 } })
      ).body.error,
    ).toBe("Conversation was wiped");
    expect(JSON.stringify([kv.peek(`conv:${id}`), db.rows.get(id)])).not.toContain("canary");
  });

  it.each([
    ["get", ""],
    ["put", ""],
    ["put", "/extend"],
    ["delete", ""],
  ] as const)("%s …/:id%s of an unknown ID is 404, and of a malformed one 400", async (method, path) => {
    const app = serving();
    const unknown = await request(app)[method](`${BASE}/${UNKNOWN}${path}`);
    expect([unknown.status, unknown.body]).toEqual([404, { success: false, error: "Conversation not found", code: "not_found" }]);
    const malformed = await request(app)[method](`${BASE}/${MALFORMED}${path}`).send({ extensionHours: 0 });
    expect([malformed.status, malformed.body]).toEqual([
      400,
      { success: false, error: "Invalid conversation ID format", code: "invalid_id" },
    ]);
  });

  it("a store that fails is 500 with the route's sentence, and nothing of the failure", async () => {
    const app = serving();
    const id = await create(app);
    const errors = vi.spyOn(console, "error").mockImplementation(() => {});
    kv.fault = () => new Error("secret address kv.internal:1234");
    const answers = [
      [await request(app).post(BASE), "Failed to create conversation"],
      [await request(app).get(`${BASE}/${id}`), "Failed to retrieve conversation"],
      [
        await request(app)
          .put(`${BASE}/${id}`)
          .send({ metadata: { a: 1 } }),
        "Failed to update conversation",
      ],
      [await request(app).put(`${BASE}/${id}/extend`), "Failed to extend conversation"],
      [await request(app).delete(`${BASE}/${id}`), "Failed to archive conversation"],
    ] as const;
    for (const [response, error] of answers) {
      expect(response.status).toBe(500);
      expect(response.body).toEqual({ success: false, error, code: "store_unavailable" });
    }
    expect(errors).toHaveBeenCalledTimes(5);
  });

  it("an erased one is 410", async () => {
    const app = express();
    const { storage } = new ConversationRoutes(app, kv, db);
    const { id } = await storage.createConversation();
    await storage.eraseConversation(id);
    const response = await request(app).get(`${BASE}/${id}`);
    expect([response.status, response.body.error]).toEqual([410, "Conversation was erased"]);
  });
});

describe("on mocks", () => {
  type Handler = (request: RequestLike, response: { status(code: number): unknown; json(body: unknown): unknown }) => unknown;

  it("needs no more of an application than four methods, and of a response than two", async () => {
    const handlers = new Map<string, Handler>();
    const on = (method: string) => (path: string, handler: Handler) => handlers.set(`${method} ${path}`, handler);
    const app = { post: on("post"), get: on("get"), put: on("put"), delete: on("delete") };
    new ConversationRoutes(app as never, kv, null);
    expect([...handlers.keys()]).toEqual([
      `post ${BASE}`,
      `get ${BASE}/:id`,
      `put ${BASE}/:id`,
      `put ${BASE}/:id/extend`,
      `delete ${BASE}/:id`,
    ]);
    const response = { status: vi.fn<(code: number) => unknown>(), json: vi.fn<(body: unknown) => void>() };
    response.status.mockReturnValue(response);
    await handlers.get(`post ${BASE}`)!({ params: {}, headers: {}, body: undefined }, response);
    expect(response.status).not.toHaveBeenCalled();
    expect(response.json).toHaveBeenCalledWith(
      expect.objectContaining({ success: true, conversationId: expect.stringMatching(/^ITERA_/) }),
    );
    await handlers.get(`get ${BASE}/:id`)!({ params: { id: "nonsense" }, headers: {} }, response);
    expect(response.status).toHaveBeenCalledWith(400);
  });

  it("the environment decides the letter of IDs", async () => {
    const app = express();
    const { storage } = new ConversationRoutes(app, kv, null, { environment: "production" });
    expect((await storage.createConversation()).id).toMatch(/_P$/);
  });
});
