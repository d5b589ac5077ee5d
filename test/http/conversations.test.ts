// Creating, reading, updating and listing over HTTP.

import { describe, expect, it } from "vitest";
import { BASE, startService, UNKNOWN } from "./service.ts";

describe("creating", () => {
  it("answers the ID and the conversation, with the metadata of the request", async () => {
    const { call } = startService();
    const { status, headers, json } = await call("POST", BASE, {
      body: { userAgent: "Mozilla/5.0", source: "website", initialContext: { page: "/contatti" } },
    });
    expect(status).toBe(200);
    expect(Object.keys(json)).toEqual(["success", "conversationId", "data"]);
    expect(json).toMatchObject({
      success: true,
      conversationId: expect.stringMatching(/^ITERA_20260115_120000_[A-Z0-9]{12}_D$/),
      data: {
        id: json.conversationId,
        status: "active",
        messageCount: 0,
        messages: [],
        version: 1,
        metadata: { userAgent: "Mozilla/5.0", source: "website", clientIP: "203.0.113.77", page: "/contatti" },
      },
    });
    expect(headers.get("etag")).toMatch(/^"[^".-]+\.1-0-all"$/);
    expect(headers.get("content-type")).toBe("application/json; charset=utf-8");
  });

  it("takes no body at all: the source is api, the user agent the header's", async () => {
    const { call } = startService();
    const { status, json } = await call("POST", BASE, { headers: { "user-agent": "curl/8" } });
    expect(status).toBe(200);
    expect(json.data.metadata).toEqual({ userAgent: "curl/8", source: "api", clientIP: "203.0.113.77" });
  });

  it("takes null and empty texts as absent, as existing code sends them", async () => {
    const { call } = startService();
    const { json } = await call("POST", BASE, {
      body: { userAgent: "", source: null, initialContext: null },
      headers: { "user-agent": "curl/8" },
    });
    expect(json.data.metadata).toEqual({ userAgent: "curl/8", source: "api", clientIP: "203.0.113.77" });
  });

  it("cuts a long User-Agent header, and refuses a long one in the body", async () => {
    const { call } = startService();
    const cut = await call("POST", BASE, { headers: { "user-agent": "x".repeat(600) } });
    expect(cut.json.data.metadata["userAgent"]).toBe("x".repeat(512));
    const refused = await call("POST", BASE, { body: { userAgent: "x".repeat(513) } });
    expect(refused).toMatchObject({
      status: 400,
      json: { code: "invalid_input", error: "userAgent must be a text of 0 to 512 characters" },
    });
  });

  it("initialContext overrides neither source, user agent nor address, even where there is none of them", async () => {
    const { call } = startService({ clientAddress: () => null });
    const { json } = await call("POST", BASE, {
      body: { initialContext: { source: "forged", userAgent: "forged", clientIP: "forged", originalSessionId: "sess_1" } },
    });
    expect(json.data.metadata).toEqual({ source: "api", originalSessionId: "sess_1" });
  });

  it("keeps keys called __proto__ and constructor as data", async () => {
    const { call } = startService();
    const context = '{"__proto__":{"polluted":true},"constructor":{"prototype":1}}';
    const { text, json } = await call("POST", BASE, { body: `{"initialContext":${context},"__proto__":{"source":"forged"}}` });
    expect(text).toContain('"__proto__":{"polluted":true},"constructor":{"prototype":1}');
    expect(json.data.metadata["source"]).toBe("api");
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it("keeps the address whole, its network, or nothing", async () => {
    for (const [mode, address, kept] of [
      ["full", "203.0.113.77", "203.0.113.77"],
      ["truncated", "203.0.113.77", "203.0.113.0"],
      ["truncated", "2001:db8:12:34::5", "2001:db8:12::"],
      ["truncated", "not an address", undefined],
      ["none", "203.0.113.77", undefined],
    ] as const) {
      const { call } = startService({ clientIp: mode, clientAddress: () => address });
      const { json } = await call("POST", BASE);
      expect(json.data.metadata["clientIP"], `${mode} ${address}`).toBe(kept);
    }
  });

  it("ignores unknown fields, and refuses known ones of the wrong type", async () => {
    const { call } = startService();
    expect((await call("POST", BASE, { body: { whatever: [1] } })).status).toBe(200);
    for (const [body, error] of [
      [{ source: 5 }, "source must be a text of 0 to 64 characters"],
      [{ source: "x".repeat(65) }, "source must be a text of 0 to 64 characters"],
      [{ initialContext: [] }, "initialContext must be a JSON object"],
      [{ initialContext: "text" }, "initialContext must be a JSON object"],
      [[], "The body must be a JSON object"],
      ["null", "The body must be a JSON object"],
    ] as const) {
      expect(await call("POST", BASE, { body }), error).toMatchObject({ status: 400, json: { code: "invalid_input", error } });
    }
  });

  it("metadata over its limit is 413", async () => {
    const { call } = startService();
    const { status, json } = await call("POST", BASE, { body: { initialContext: { text: "x".repeat(64 * 1024) } } });
    expect({ status, code: json.code }).toEqual({ status: 413, code: "too_large" });
  });
});

describe("reading", () => {
  it("answers all messages, none, or the newest N", async () => {
    const { call, create } = startService();
    const id = await create();
    await call("POST", `${BASE}/${id}/messages`, { body: { messages: [{ n: 1 }, { n: 2 }, { n: 3 }] } });
    const read = async (query: string) => (await call("GET", `${BASE}/${id}${query}`)).json.data.messages;
    expect(await read("")).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(await read("?messages=all")).toHaveLength(3);
    expect(await read("?messages=2")).toEqual([{ n: 2 }, { n: 3 }]);
    expect(await read("?messages=none")).toEqual([]);
    expect(await read("?messages=0")).toEqual([]);
  });

  it("counts as access, unless touch=false", async () => {
    const { call, create, time } = startService();
    const id = await create();
    const read = async (query = "") => (await call("GET", `${BASE}/${id}${query}`)).json.data.lastAccess;
    expect(await read("?touch=false")).toBeNull();
    time.now += 5000;
    expect(await read()).toBe("2026-01-15T12:00:05.000Z");
  });

  it("an unknown conversation is 404, with a sentence that does not repeat its ID", async () => {
    const { call } = startService();
    const answer = await call("GET", `${BASE}/${UNKNOWN}`);
    expect(answer).toMatchObject({ status: 404, json: { success: false, error: "Conversation not found", code: "not_found" } });
    expect(Object.keys(answer.json)).toEqual(["success", "error", "code", "requestId"]);
  });

  it("HEAD answers the headers of GET alone", async () => {
    const { call, create } = startService();
    const id = await create();
    const { status, headers, text } = await call("HEAD", `${BASE}/${id}`);
    expect({ status, text }).toEqual({ status: 200, text: "" });
    expect(headers.get("etag")).not.toBeNull();
  });
});

describe("updating", () => {
  it("merges metadata and answers the window that was asked for", async () => {
    const { call, create } = startService();
    const id = await create({ initialContext: { a: 1, b: 2 } });
    const { status, json } = await call("PUT", `${BASE}/${id}?messages=none`, {
      body: { metadata: { b: null, c: 3 }, messages: [{ role: "user", content: "ciao" }] },
    });
    expect(status).toBe(200);
    expect(json.data).toMatchObject({ metadata: { a: 1, c: 3 }, messageCount: 1, messages: [] });
  });

  it("what was read can be written back whole", async () => {
    const { call, create } = startService();
    const id = await create();
    await call("POST", `${BASE}/${id}/messages`, { body: { role: "user", content: "ciao" } });
    const read = await call("GET", `${BASE}/${id}`);
    const written = await call("PUT", `${BASE}/${id}`, { body: read.json.data });
    expect(written.status).toBe(200);
    expect(written.json.data.messages).toEqual([{ role: "user", content: "ciao" }]);
  });

  it("an unknown field is 400 and names it, a diverging transcript 409, no body 400", async () => {
    const { call, create } = startService();
    const id = await create();
    await call("POST", `${BASE}/${id}/messages`, { body: { role: "user", content: "ciao" } });
    expect(await call("PUT", `${BASE}/${id}`, { body: { owner: "me" } })).toMatchObject({
      status: 400,
      json: { error: expect.stringContaining("owner") },
    });
    expect(await call("PUT", `${BASE}/${id}`, { body: { messages: [] } })).toMatchObject({ status: 409, json: { code: "conflict" } });
    expect(await call("PUT", `${BASE}/${id}`)).toMatchObject({ status: 400, json: { code: "invalid_input" } });
    expect(await call("PUT", `${BASE}/${UNKNOWN}`, { body: {} })).toMatchObject({ status: 404 });
  });
});

describe("listing", () => {
  async function three() {
    const service = startService();
    const ids: string[] = [];
    for (const source of ["web", "app", "web"]) {
      ids.unshift(await service.create({ source }));
      service.time.now += 60_000;
    }
    await service.manager.deliver();
    const list = async (query: string) => {
      const { status, json } = await service.call("GET", `${BASE}${query}`);
      expect(status, query).toBe(200);
      return json as unknown as { data: { id: string }[]; nextCursor: string | null };
    };
    return { ...service, ids, list };
  }

  it("pages newest first, each once, with opaque cursors", async () => {
    const { ids, list } = await three();
    const seen: string[] = [];
    let cursor = "";
    do {
      const page = await list(`?limit=1${cursor}`);
      seen.push(...page.data.map(({ id }) => id));
      cursor = page.nextCursor === null ? "" : `&cursor=${page.nextCursor}`;
      expect(ids.some((id) => page.nextCursor?.includes(id))).toBe(false);
    } while (cursor !== "");
    expect(seen).toEqual(ids);
  });

  it("filters by status, source, environment and time, to exclusive", async () => {
    const { call, ids, list, manager } = await three();
    await call("POST", `${BASE}/${ids[0]}/complete`);
    await manager.deliver();
    const found = async (query: string) => (await list(query)).data.map(({ id }) => ids.indexOf(id));
    expect(await found("?status=completed")).toEqual([0]);
    expect(await found("?status=active,completed&source=web")).toEqual([0, 2]);
    expect(await found("?environment=development")).toEqual([0, 1, 2]);
    expect(await found("?environment=P")).toEqual([]);
    expect(await found("?from=2026-01-15T12:01:00Z&to=2026-01-15T12:02:00Z")).toEqual([1]);
    expect(await found("?from=2026-01-16")).toEqual([]);
  });

  it("finds what was said, with a snippet", async () => {
    const { call, ids, list, manager } = await three();
    await call("POST", `${BASE}/${ids[1]}/messages`, { body: { role: "user", content: "La stampante non funziona" } });
    await manager.deliver();
    const { data } = await list("?q=stampante");
    expect(data).toMatchObject([{ id: ids[1], snippet: expect.stringContaining("stampante"), source: "app", environment: "D" }]);
    expect(data[0]).not.toHaveProperty("messages");
  });

  it("refuses what no list has, naming the parameter and the rule", async () => {
    const { call } = startService();
    for (const [query, error] of [
      ["limit=0", "limit must be a whole number from 1 to 100"],
      ["limit=101", "limit must be a whole number from 1 to 100"],
      ["limit=1000000000", "limit must be a whole number from 1 to 100"],
      ["limit=1e1", "limit must be a whole number from 1 to 100"],
      ["limit=10&limit=10", "limit must be given at most once"],
      ["status=open", "status must be some of active, completed, archived, deleted, comma-separated, each at most once"],
      ["status=active,active", "status must be some of active, completed, archived, deleted, comma-separated, each at most once"],
      ["environment=test", "environment must be P, S, D, production, staging or development"],
      ["from=yesterday", "from must be an ISO 8601 date such as 2025-01-25, or a time such as 2025-01-25T14:30:52Z"],
      ["to=2025-02-30", "to must be an ISO 8601 date such as 2025-01-25, or a time such as 2025-01-25T14:30:52Z"],
      ["from=2025-02-02&to=2025-02-01", "from must not be after to"],
      ["q=", "q must be a text of 1 to 200 characters"],
      ["cursor=abc", "cursor must be the nextCursor of a page of this list, with the same filters; start again without it"],
      ["q=%ff", "The query holds percent-encoding that is not valid UTF-8"],
      ["q=%00", "q must not contain the NUL character"],
    ] as const) {
      expect(await call("GET", `${BASE}?${query}`), query).toMatchObject({ status: 400, json: { code: "invalid_input", error } });
    }
  });

  it("ignores parameters that it does not know", async () => {
    const { list } = await three();
    expect((await list("?utm_source=x&utm_source=y&__proto__=1")).data).toHaveLength(3);
  });

  it("a cursor with any bit flipped, or of other filters, is refused", async () => {
    const { call, list } = await three();
    const { nextCursor } = await list("?limit=1&source=web");
    const cursor = nextCursor!;
    expect((await list(`?limit=5&source=web&cursor=${cursor}`)).data).toHaveLength(1);
    expect((await call("GET", `${BASE}?limit=1&cursor=${cursor}`)).status).toBe(400);
    expect((await call("GET", `${BASE}?limit=1&source=web&cursor=${cursor}=`)).status).toBe(400);
    for (let i = 0; i < cursor.length; i++) {
      for (let bit = 0; bit < 7; bit++) {
        const flipped = cursor.slice(0, i) + String.fromCharCode(cursor.charCodeAt(i) ^ (1 << bit)) + cursor.slice(i + 1);
        const { status } = await call("GET", `${BASE}?source=web&cursor=${encodeURIComponent(flipped)}`);
        expect(status, `bit ${bit} of character ${i}`).toBe(400);
      }
    }
  });
});
