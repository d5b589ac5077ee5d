// Appending and paging over HTTP.

import { beforeEach, describe, expect, it } from "vitest";
import { BASE, startService, UNKNOWN } from "./service.ts";

let service: ReturnType<typeof startService>;
let path: string;

beforeEach(async () => {
  service = startService();
  path = `${BASE}/${await service.create()}/messages`;
});

describe("appending", () => {
  it("takes one message, and answers its place", async () => {
    const { status, headers, json } = await service.call("POST", path, { body: { role: "user", content: "Buongiorno" } });
    expect(status).toBe(200);
    expect(json).toEqual({
      success: true,
      data: { messages: [{ seq: 1, storedAt: "2026-01-15T12:00:00.000Z" }], messageCount: 1, version: 2 },
    });
    expect(headers.get("etag")).toMatch(/^"[^".-]+\.2-\d+-0"$/);
  });

  it("takes a batch with the session's state, and answers the window, oldest first", async () => {
    await service.call("POST", path, { body: { role: "user", content: "0" } });
    const { json } = await service.call("POST", `${path}?window=2`, {
      body: { messages: [{ content: "1" }, { content: "2" }], state: { step: "details", context: { a: 1 }, leadData: {} } },
    });
    expect(json.data).toMatchObject({ messages: [{ seq: 2 }, { seq: 3 }], messageCount: 3, window: [{ content: "1" }, { content: "2" }] });
    const read = await service.call("GET", path.replace("/messages", ""));
    expect(read.json.data.metadata).toMatchObject({ step: "details", context: { a: 1 }, leadData: {} });
  });

  it("a body with a role is one message, even if it has a list called messages", async () => {
    await service.call("POST", path, { body: { role: "assistant", messages: [1, 2], extra: true } });
    const { json } = await service.call("GET", path);
    expect(json.data).toMatchObject([{ seq: 1, message: { role: "assistant", messages: [1, 2], extra: true } }]);
  });

  it("adds nothing to a message, and takes nothing from it", async () => {
    const body = '{"__proto__":{"a":1},"constructor":null,"n":-0.5e-3,"deep":{"list":[[],{}]}}';
    await service.call("POST", path, { body });
    const { text } = await service.call("GET", path);
    expect(text).toContain('"message":{"__proto__":{"a":1},"constructor":null,"n":-0.0005,"deep":{"list":[[],{}]}}');
  });

  it("an empty batch needs a state", async () => {
    expect(await service.call("POST", path, { body: { messages: [] } })).toMatchObject({ status: 400, json: { code: "invalid_input" } });
    expect(await service.call("POST", path, { body: { messages: [], state: { step: "end" } } })).toMatchObject({
      status: 200,
      json: { data: { messageCount: 0 } },
    });
  });

  it("refuses what is neither message nor envelope", async () => {
    for (const [body, error] of [
      ["[]", "The body must be a JSON object: one message, or messages and state"],
      ['"text"', "The body must be a JSON object: one message, or messages and state"],
      ["null", "The body must be a JSON object: one message, or messages and state"],
      [{ messages: [{}], sender: "me" }, "The body must hold no other fields than messages, state"],
      [{ messages: [{}, "text"] }, "messages[1] must be a JSON object"],
      [{ messages: [{}, null] }, "messages[1] must be a JSON object"],
      [{ messages: Array.from({ length: 101 }, () => ({})) }, "messages must hold at most 100 messages"],
      [{ messages: [{}], state: null }, "state must be a JSON object"],
      [{ messages: [{}], state: { mood: "good" } }, "state must hold no other fields than step, context, leadData"],
    ] as const) {
      expect(await service.call("POST", path, { body }), error).toMatchObject({ status: 400, json: { code: "invalid_input", error } });
    }
    expect((await service.call("GET", path)).json.data).toEqual([]);
  });

  it("refuses a window that is out of range", async () => {
    for (const window of ["-1", "1001", "1.5", "all", ""]) {
      const { status, json } = await service.call("POST", `${path}?window=${window}`, { body: {} });
      expect({ status, error: json.error }, window).toEqual({ status: 400, error: "window must be a whole number from 0 to 1000" });
    }
  });

  it("the same message id with the same content is a repeat, with other content 409", async () => {
    const first = await service.call("POST", path, { body: { id: "m1", content: "a" } });
    const again = await service.call("POST", path, { body: { content: "a", id: "m1" } });
    expect(again.json).toEqual(first.json);
    const other = await service.call("POST", path, { body: { messages: [{ content: "new" }, { id: "m1", content: "b" }] } });
    expect(other).toMatchObject({ status: 409, json: { code: "conflict", error: expect.stringContaining("m1") } });
    expect((await service.call("GET", path)).json.data).toHaveLength(1);
  });

  it("an unknown conversation is 404, an erased one 410, a wiped one 409", async () => {
    const body = { content: "x" };
    expect((await service.call("POST", `${BASE}/${UNKNOWN}/messages`, { body })).status).toBe(404);
    const conversation = path.replace("/messages", "");
    await service.call("DELETE", `${conversation}?preserveData=false`);
    expect(await service.call("POST", path, { body })).toMatchObject({ status: 409, json: { error: "Conversation was wiped" } });
    await service.call("POST", `${conversation}/erase`);
    expect(await service.call("POST", path, { body })).toMatchObject({
      status: 410,
      json: { code: "gone", error: "Conversation was erased" },
    });
  });
});

describe("paging", () => {
  beforeEach(async () => {
    await service.call("POST", path, { body: { messages: Array.from({ length: 5 }, (_, i) => ({ n: i + 1 })) } });
  });

  const page = async (query: string) => {
    const { status, json } = await service.call("GET", `${path}${query}`);
    expect(status, query).toBe(200);
    const { data, nextCursor } = json as unknown as { data: { seq: number; message: { n: number } }[]; nextCursor: number | null };
    return { seqs: data.map(({ seq }) => seq), nextCursor };
  };

  it("goes on from nextCursor, in both orders", async () => {
    expect(await page("")).toEqual({ seqs: [1, 2, 3, 4, 5], nextCursor: null });
    expect(await page("?limit=2")).toEqual({ seqs: [1, 2], nextCursor: 2 });
    expect(await page("?limit=2&after=2")).toEqual({ seqs: [3, 4], nextCursor: 4 });
    expect(await page("?limit=2&after=4")).toEqual({ seqs: [5], nextCursor: null });
    expect(await page("?limit=3&order=desc")).toEqual({ seqs: [5, 4, 3], nextCursor: 3 });
    expect(await page("?limit=3&order=desc&before=3")).toEqual({ seqs: [2, 1], nextCursor: null });
    expect(await page("?after=1&before=4")).toEqual({ seqs: [2, 3], nextCursor: null });
  });

  it("refuses what is out of range", async () => {
    for (const [query, error] of [
      ["limit=1001", "limit must be a whole number from 1 to 1000"],
      ["limit=0", "limit must be a whole number from 1 to 1000"],
      ["after=-1", "after must be a whole number of 0 or more"],
      ["before=9007199254740993", "before must be a whole number of 0 or more"],
      ["order=newest", "order must be asc or desc"],
    ] as const) {
      expect(await service.call("GET", `${path}?${query}`), query).toMatchObject({ status: 400, json: { error } });
    }
  });

  it("an unknown conversation is 404", async () => {
    expect((await service.call("GET", `${BASE}/${UNKNOWN}/messages`)).status).toBe(404);
  });
});
