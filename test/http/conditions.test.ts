// ETags and idempotency keys: what makes a repeated or a late request harmless.

import { beforeEach, describe, expect, it } from "vitest";
import { BASE, startService, UNKNOWN } from "./service.ts";

let service: ReturnType<typeof startService>;
let path: string;

beforeEach(async () => {
  service = startService();
  path = `${BASE}/${await service.create()}`;
});

const etag = async (query = ""): Promise<string> => (await service.call("GET", path + query)).headers.get("etag")!;

describe("If-Match", () => {
  const update = (condition: string) => service.call("PUT", path, { body: { metadata: { n: 1 } }, headers: { "if-match": condition } });

  it("lets a change happen on the state that it names, once", async () => {
    const tag = await etag();
    const done = await update(tag);
    expect(done.status).toBe(200);
    const late = await update(tag);
    expect(late).toMatchObject({ status: 412, json: { code: "version_mismatch", details: { version: 2 } } });
    expect(late.headers.get("etag")).toBe(done.headers.get("etag"));
  });

  it("compares only what stands before the first dash, so access and window do not matter", async () => {
    const tag = await etag("?messages=none&touch=false");
    service.time.now += 120_000;
    await etag();
    expect((await update(tag)).status).toBe(200);
  });

  it("takes *, and lists in which one tag matches", async () => {
    const tag = await etag();
    expect((await update("*")).status).toBe(200);
    const now = await etag();
    expect((await update(`"x.1-0-all", ${tag} , ${now}`)).status).toBe(200);
    expect((await update(`${tag}, ${now}`)).status).toBe(412);
  });

  it("a weak tag never matches, nor one that is not ours", async () => {
    const tag = await etag();
    for (const condition of [`W/${tag}`, '"abc"', '"-.0-1"', `W/${tag}, "abc"`, '""']) {
      const answer = await update(condition);
      expect(answer.status, condition).toBe(412);
      expect(answer.headers.get("etag"), condition).toBe(tag);
    }
  });

  it("what is no list of tags is 400", async () => {
    for (const condition of ["abc", '"abc', "", '"a" "b"', "*, *", "W/*"]) {
      expect(await update(condition), condition).toMatchObject({
        status: 400,
        json: { error: "If-Match must be * or a list of ETags in double quotes" },
      });
    }
  });

  it("holds for every verb", async () => {
    const stale = '"x.1-0-all"';
    for (const [method, below, body] of [
      ["PUT", "", { status: "completed" }],
      ["PUT", "/extend", undefined],
      ["DELETE", "", undefined],
      ["DELETE", "?preserveData=false", undefined],
      ["POST", "/messages", { content: "x" }],
      ["POST", "/complete", undefined],
      ["POST", "/reopen", undefined],
      ["POST", "/hold", { reason: "x" }],
      ["POST", "/release", { reason: "x" }],
      ["POST", "/erase", undefined],
    ] as const) {
      const answer = await service.call(method, path + below, { body, headers: { "if-match": stale } });
      expect(answer.status, method + below).toBe(412);
      expect(answer.headers.get("etag"), method + below).toMatch(/^"[^".-]+\.1-0-(?:all|0)"$/);
    }
    expect((await service.call("GET", path)).json.data.version).toBe(1);
  });

  it("of 50 updates with the same tag one happens, and 49 are 412", async () => {
    const tag = await etag();
    const statuses = await Promise.all(Array.from({ length: 50 }, async () => (await update(tag)).status));
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 412)).toHaveLength(49);
  });

  it("on an unknown conversation it is 404, however many tags it has", async () => {
    for (const condition of ['"x.1-0-all"', '"x.1-0-all", "x.2-0-all"', "*"]) {
      const answer = await service.call("PUT", `${BASE}/${UNKNOWN}`, { body: {}, headers: { "if-match": condition } });
      expect(answer.status, condition).toBe(404);
    }
  });

  it("a diverging transcript replaces the stored one with it", async () => {
    await service.call("POST", `${path}/messages`, { body: { content: "a" } });
    const put = (headers: Record<string, string>) => service.call("PUT", path, { body: { messages: [{ content: "b" }] }, headers });
    expect((await put({})).status).toBe(409);
    expect((await put({ "if-match": await etag() })).json.data.messages).toEqual([{ content: "b" }]);
  });
});

describe("If-None-Match", () => {
  const read = (condition: string, query = "") => service.call("GET", path + query, { headers: { "if-none-match": condition } });

  it("answers 304 without a body while nothing has changed", async () => {
    const tag = await etag();
    const unchanged = await read(tag);
    expect(unchanged).toMatchObject({ status: 304, text: "" });
    expect(unchanged.headers.get("etag")).toBe(tag);
    expect((await read(`W/${tag}, "other"`)).status).toBe(304);
    expect((await read("*")).status).toBe(304);
    await service.call("POST", `${path}/messages`, { body: { content: "x" } });
    expect((await read(tag)).status).toBe(200);
  });

  it("still counts as access", async () => {
    const tag = await etag("?touch=false");
    expect((await service.manager.peekConversation(path.slice(BASE.length + 1)))!.lastAccess).toBeNull();
    await read(tag);
    expect((await service.manager.peekConversation(path.slice(BASE.length + 1)))!.lastAccess).not.toBeNull();
  });

  it("another window is another answer", async () => {
    expect((await read(await etag("?messages=none"))).status).toBe(200);
    expect((await read(await etag("?messages=none"), "?messages=none")).status).toBe(304);
  });

  it("what is no list of tags is 400", async () => {
    expect((await read("abc")).status).toBe(400);
  });
});

describe("Idempotency-Key", () => {
  const keyed = (key: string, body: unknown = { content: "a" }, target = `${path}/messages`) =>
    service.call("POST", target, { body, headers: { "idempotency-key": key } });

  it("the same request again answers the same, and does nothing", async () => {
    const first = await keyed("k-1");
    const again = await keyed("k-1");
    expect(first.headers.get("idempotency-replayed")).toBeNull();
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(again.json).toEqual(first.json);
    expect(again.headers.get("etag")).toBe(first.headers.get("etag"));
    expect((await service.call("GET", path)).json.data.messageCount).toBe(1);
  });

  it("makes creating harmless too, twenty times at once", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => keyed("k-2", { source: "web" }, BASE)));
    expect(new Set(answers.map(({ json }) => json.conversationId)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers.get("idempotency-replayed") === null)).toHaveLength(1);
  });

  it("with another body, query or spelling it is 422", async () => {
    await keyed("k-3");
    for (const [body, target] of [
      [{ content: "b" }, `${path}/messages`],
      ['{"content": "a"}', `${path}/messages`],
      [{ content: "a" }, `${path}/messages?window=1`],
    ] as const) {
      expect(await keyed("k-3", body, target)).toMatchObject({ status: 422, json: { code: "idempotency_key_reused" } });
    }
  });

  it("belongs to one path: the one that created a conversation can also append to it", async () => {
    const { json } = await keyed("k-10", {}, BASE);
    const answer = await keyed("k-10", { content: "a" }, `${BASE}/${json.conversationId}/messages`);
    expect({ status: answer.status, replayed: answer.headers.get("idempotency-replayed") }).toEqual({ status: 200, replayed: null });
  });

  it("belongs to one path: another conversation does not know it", async () => {
    await keyed("k-4");
    const other = `${BASE}/${await service.create()}`;
    const answer = await keyed("k-4", { content: "a" }, `${other}/messages`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("idempotency-replayed")).toBeNull();
  });

  it("a replay comes before If-Match, however many tags that has", async () => {
    for (const [key, more] of [
      ["k-5", ""],
      ["k-6", ', "x.1-0-all"'],
    ] as const) {
      const headers = { "idempotency-key": key, "if-match": (await etag()) + more };
      const send = () => service.call("POST", `${path}/messages`, { body: { content: "a" }, headers });
      expect((await send()).status, key).toBe(200);
      const again = await send();
      expect({ status: again.status, replayed: again.headers.get("idempotency-replayed") }, key).toEqual({ status: 200, replayed: "true" });
    }
  });

  it("a failure is not kept", async () => {
    const headers = { "idempotency-key": "k-7", "if-match": '"x.1-0-all"' };
    expect((await service.call("POST", `${path}/messages`, { body: { content: "a" }, headers })).status).toBe(412);
    expect((await keyed("k-7", { content: "other" })).status).toBe(200);
  });

  it("is forgotten after 24 hours", async () => {
    await keyed("k-8");
    service.time.now += 24 * 3_600_000 + 1;
    expect((await keyed("k-8", { content: "b" })).headers.get("idempotency-replayed")).toBeNull();
  });

  it("is 1 to 255 visible ASCII characters in one header", async () => {
    expect((await keyed("k".repeat(255))).status).toBe(200);
    for (const key of ["", "k".repeat(256), "a b", "è"]) {
      expect(await keyed(key), key).toMatchObject({
        status: 400,
        json: { error: "Idempotency-Key must be one header of 1 to 255 visible ASCII characters" },
      });
    }
    const headers = new Headers([
      ["content-type", "application/json"],
      ["idempotency-key", "one"],
      ["idempotency-key", "two"],
    ]);
    expect((await service.app.request(`${path}/messages`, { method: "POST", headers, body: "{}" })).status).toBe(400);
  });

  it("is ignored where repeating is harmless anyway", async () => {
    for (let i = 0; i < 2; i++) {
      const { status, headers } = await service.call("PUT", path, { body: { metadata: { i } }, headers: { "idempotency-key": "a b" } });
      expect({ status, replayed: headers.get("idempotency-replayed") }).toEqual({ status: 200, replayed: null });
    }
  });

  it("another secret makes other keys", async () => {
    await keyed("k-9");
    const other = startService({ manager: service.manager, secret: new Uint8Array(32).fill(9) });
    const answer = await other.call("POST", `${path}/messages`, { body: { content: "b" }, headers: { "idempotency-key": "k-9" } });
    expect(answer.status).toBe(200);
  });
});
