// Bad input, by the names of section 4 of quality.md.

import { beforeEach, describe, expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../../src/core/limits.ts";
import { BASE, startService, type Answer } from "./service.ts";

const encoder = new TextEncoder();

let service: ReturnType<typeof startService>;
let path: string;

beforeEach(async () => {
  service = startService();
  path = `${BASE}/${await service.create()}`;
});

const append = (body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
  service.call("POST", `${path}/messages`, { body, headers });

/** A body that comes in pieces and does not say how long it is. */
function chunked(text: string, size = 65_536): ReadableStream {
  const bytes = encoder.encode(text);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, (at += size)));
    },
  });
}

/** JSON of exactly so many bytes. */
function sized(bytes: number, before = '{"content":"', after = '"}'): string {
  return before + "x".repeat(bytes - before.length - after.length) + after;
}

const nested = (levels: number): string => '{"a":'.repeat(levels - 1) + "{}" + "}".repeat(levels - 1);

describe("a byte over each limit", () => {
  const sendings = [
    ["with a length", (text: string) => ({ body: text, headers: { "content-length": String(encoder.encode(text).length) } })],
    ["chunked", (text: string) => ({ body: chunked(text), headers: {} })],
  ] as const;

  for (const [how, sending] of sendings) {
    const put = (text: string) => service.call("PUT", path, sending(text));
    const post = (text: string) => service.call("POST", `${path}/messages`, sending(text));

    it(`of the body, ${how}, is 413, and at the limit it is not`, async () => {
      // White space counts as well, so the message itself stays within its own limit.
      const limit = DEFAULT_LIMITS.bodyBytes;
      expect((await post(`{}${" ".repeat(limit - 2)}`)).status).toBe(200);
      expect(await post(`{}${" ".repeat(limit - 1)}`)).toMatchObject({ status: 413, json: { code: "too_large", details: { limit } } });
    });

    it(`of the body of a PUT, ${how}, is 413, and at the limit it is not`, async () => {
      const limit = DEFAULT_LIMITS.wholeBodyBytes;
      expect((await put(`{}${" ".repeat(limit - 2)}`)).status).toBe(200);
      expect(await put(`{}${" ".repeat(limit - 1)}`)).toMatchObject({ status: 413, json: { code: "too_large" } });
    });

    it(`of a message, ${how}, is 413`, async () => {
      expect((await post(sized(DEFAULT_LIMITS.messageBytes))).status).toBe(200);
      expect((await post(sized(DEFAULT_LIMITS.messageBytes + 1))).status).toBe(413);
    });

    it(`of the session's state, ${how}, is 413`, async () => {
      // The state as it is kept is {"context":"…"}.
      const state = (bytes: number) => `{"messages":[],"state":${sized(bytes, '{"context":"')}}`;
      expect((await post(state(DEFAULT_LIMITS.sessionBytes))).status).toBe(200);
      expect((await post(state(DEFAULT_LIMITS.sessionBytes + 1))).status).toBe(413);
    });

    it(`of metadata, ${how}, is 413`, async () => {
      const stored = JSON.stringify((await service.call("GET", path)).json.data.metadata).length;
      // A further key costs a comma; the braces are there already.
      const patch = (bytes: number) => `{"metadata":${sized(bytes - stored + 1, '{"text":"')}}`;
      expect((await put(patch(DEFAULT_LIMITS.metadataBytes))).status).toBe(200);
      expect((await put(patch(DEFAULT_LIMITS.metadataBytes + 1))).status).toBe(413);
    });
  }

  it("a body that says it is too long is refused before it is read", async () => {
    let pulled = 0;
    const body = new ReadableStream({ pull: () => void pulled++ }, { highWaterMark: 0 });
    const answer = await service.call("POST", `${path}/messages`, { body, headers: { "content-length": "1048577" } });
    expect({ status: answer.status, pulled }).toEqual({ status: 413, pulled: 0 });
  });

  it("an endless body is cut at the limit", async () => {
    let cancelled = false;
    const piece = new Uint8Array(65_536).fill(32);
    const body = new ReadableStream({ pull: (controller) => controller.enqueue(piece), cancel: () => void (cancelled = true) });
    expect((await append(body)).status).toBe(413);
    expect(cancelled).toBe(true);
  });

  it("of the whole conversation is 413", async () => {
    const small = startService({}, { limits: { conversationMessages: 3, conversationBytes: 1000 } });
    const id = await small.create();
    const post = (body: unknown) => small.call("POST", `${BASE}/${id}/messages`, { body });
    expect((await post({ messages: [{}, {}, {}] })).status).toBe(200);
    expect(await post({})).toMatchObject({ status: 413, json: { code: "too_large" } });
  });
});

describe("30,000-deep JSON", () => {
  it("is 400 in objects and in lists, closed or not", async () => {
    for (const body of [nested(30_000), "[".repeat(30_000), "[".repeat(30_000) + "]".repeat(30_000), `{"messages":${"[".repeat(30_000)}`]) {
      expect(await append(body)).toMatchObject({ status: 400, json: { error: "The body is nested too deeply" } });
    }
  });

  it("a message of 32 levels is kept, also in a batch and when written back; 33 are too many", async () => {
    expect((await append(nested(32))).status).toBe(200);
    expect((await append(`{"messages":[${nested(32)}],"state":{"context":${nested(31)}}}`)).status).toBe(200);
    const { text } = await service.call("GET", path);
    const { data } = JSON.parse(text) as { data: unknown };
    expect((await service.call("PUT", path, { body: data })).status).toBe(200);
    expect(await append(nested(33))).toMatchObject({ status: 400, json: { code: "invalid_input" } });
    expect(await append(`{"messages":[${nested(33)}]}`)).toMatchObject({ status: 400, json: { code: "invalid_input" } });
    expect(await append(`{"messages":[],"state":{"context":${nested(32)}}}`)).toMatchObject({
      status: 400,
      json: { code: "invalid_input" },
    });
  });

  it("brackets in texts do not count", async () => {
    const content = `${"[".repeat(1000)}\\"${"{".repeat(1000)}\\\\`;
    expect((await append(`{"content":"${content}"}`)).status).toBe(200);
    expect((await service.call("GET", `${path}/messages`)).text).toContain(content);
  });
});

describe("texts", () => {
  it("lone surrogates and NUL are 400, wherever they stand", async () => {
    for (const bad of ["\\ud800", "\\udc00x", "\\u0000"]) {
      for (const [method, below, body] of [
        ["POST", "/messages", `{"content":"${bad}"}`],
        ["POST", "/messages", `{"${bad}":1}`],
        ["POST", "/messages", `{"id":"${bad}"}`],
        ["POST", "/messages", `{"messages":[{"a":["${bad}"]}]}`],
        ["POST", "/messages", `{"messages":[],"state":{"step":"${bad}"}}`],
        ["PUT", "", `{"metadata":{"a":"${bad}"}}`],
        ["PUT", "", `{"messages":[{"a":"${bad}"}]}`],
        ["PUT", "", `{"${bad}":1}`],
        ["PUT", "/extend", `{"reason":"${bad}"}`],
        ["DELETE", "", `{"reason":"${bad}"}`],
        ["POST", "/erase", `{"reason":"${bad}"}`],
        ["POST", "/hold", `{"reason":"${bad}"}`],
      ] as const) {
        expect(await service.call(method, path + below, { body }), `${method} ${below} ${body}`).toMatchObject({
          status: 400,
          json: { code: "invalid_input" },
        });
      }
      for (const body of [
        `{"source":"${bad}"}`,
        `{"userAgent":"${bad}"}`,
        `{"initialContext":{"a":"${bad}"}}`,
        `{"initialContext":{"${bad}":1}}`,
      ]) {
        expect((await service.call("POST", BASE, { body })).status, body).toBe(400);
      }
      expect((await service.call("POST", "/api/v1/erasures", { body: `{"key":"email","value":"${bad}"}` })).status).toBe(400);
    }
    expect((await service.call("GET", path)).json.data.version).toBe(1);
  });

  it("whole surrogate pairs are kept", async () => {
    await append('{"content":"\\ud83d\\ude00"}');
    expect((await service.call("GET", `${path}/messages`)).text).toContain("😀");
  });

  it("invalid UTF-8 is 400, with a length and chunked", async () => {
    for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82]]) {
      const body = new Uint8Array([...encoder.encode('{"content":"'), ...bytes, ...encoder.encode('"}')]);
      const refusal = { status: 400, json: { error: "The body is not valid UTF-8" } };
      expect(await append(body, { "content-length": String(body.length) })).toMatchObject(refusal);
      expect(await append(new Response(body).body!)).toMatchObject(refusal);
    }
  });

  it("script, SQL, Lua and JSON-path text is text", async () => {
    for (const content of [
      "<script>alert(1)</script>",
      "'; DROP TABLE conversations; --",
      "$.a[?(@.b)]",
      "return redis.call('FLUSHALL')",
      "%00 ${x} {{x}}",
      "../../etc/passwd",
    ]) {
      expect((await append({ content, id: content })).status).toBe(200);
      expect((await service.call("GET", `${path}?messages=1`)).json.data.messages).toEqual([{ content, id: content }]);
      expect((await service.call("GET", `${BASE}?source=${encodeURIComponent(content)}&q=${encodeURIComponent(content)}`)).status).toBe(
        200,
      );
      expect((await service.call("GET", `${BASE}/${encodeURIComponent(content)}`)).status).toBe(400);
    }
  });

  it("__proto__ and constructor are names like any other", async () => {
    expect((await append('{"messages":[{"a":1}],"__proto__":{}}')).status).toBe(400);
    expect((await service.call("PUT", path, { body: '{"__proto__":{"status":"archived"}}' })).status).toBe(400);
    expect((await service.call("PUT", path, { body: '{"constructor":1}' })).status).toBe(400);
    const { json } = await service.call("PUT", path, { body: '{"metadata":{"__proto__":{"a":1},"constructor":"c"}}' });
    expect(Object.keys(json.data.metadata)).toEqual(expect.arrayContaining(["__proto__", "constructor"]));
    expect(({} as { a?: number }).a).toBeUndefined();
  });
});

describe("numbers", () => {
  it("1e400, 2^53+1 and what else would come back as another number are 400", async () => {
    for (const number of [
      "1e400",
      "-1e400",
      "9007199254740993",
      "-9007199254740993",
      "9007199254740993.0",
      "9.007199254740993e15",
      "1152921504606846977",
      "1e-400",
      "123456789012345678901234567890",
    ]) {
      for (const body of [`{"n":${number}}`, `{"n":[1,${number}]}`, `{"messages":[{"n": ${number} }]}`]) {
        expect(await append(body), body).toMatchObject({ status: 400, json: { code: "invalid_input" } });
      }
      expect((await service.call("PUT", path, { body: `{"metadata":{"n":${number}}}` })).status, number).toBe(400);
      expect((await service.call("POST", BASE, { body: `{"initialContext":{"n":${number}}}` })).status, number).toBe(400);
    }
  });

  it("all others come back equal, and digits in texts are texts", async () => {
    const numbers = [
      "0",
      "-0",
      "1e2",
      "1E+2",
      "9007199254740991",
      "-9007199254740992",
      "1e300",
      "100000000000000000000",
      "0.1",
      "0.30000000000000004",
      "1.7976931348623157e308",
      "5e-324",
      "0e999",
      "1.0000000000000000",
    ];
    const body = `{"numbers":[${numbers.join(",")}],"text":"9007199254740993 1e400","9007199254740993":true}`;
    expect((await append(body)).status).toBe(200);
    const { text } = await service.call("GET", `${path}/messages`);
    const { data } = JSON.parse(text) as { data: { message: { numbers: number[]; text: string } }[] };
    expect(data[0]!.message.numbers.map((n) => n + 0)).toEqual(numbers.map((n) => Number(n) + 0));
    expect(data[0]!.message.text).toBe("9007199254740993 1e400");
  });
});

describe("what is not JSON", () => {
  it("is 400, and is not repeated in the answer", async () => {
    for (const body of [
      "{",
      '{"a":}',
      "{'a':1}",
      '{"a":1,}',
      "NaN",
      '{"a":01}',
      "secret words",
      '{"a":"secret\nwords"}',
      '{"a":1}{"b":2}',
      "-",
      "1e",
      '"\\x"',
    ]) {
      const answer = await append(body);
      expect(answer, body).toMatchObject({ status: 400, json: { code: "invalid_input", error: "The body is not valid JSON" } });
      expect(answer.text).not.toContain("secret");
    }
    expect(await append("")).toMatchObject({ status: 400, json: { error: "A body is needed here: a JSON object" } });
  });

  it("a byte order mark is no harm, and of two equal keys the last one counts", async () => {
    expect((await append('\ufeff{"a":1,"a":2}')).status).toBe(200);
    expect((await service.call("GET", path)).json.data.messages).toEqual([{ a: 2 }]);
  });
});

describe("other content types", () => {
  it("are 415 where there is a body", async () => {
    for (const type of [
      "text/plain",
      "text/plain;charset=UTF-8",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
      "application/jsonp",
      "json",
      "",
      "application/json; charset=latin1",
      "application/json;charset=utf-16",
      "application/xml+json+x",
    ]) {
      for (const body of ["{}", chunked("{}")]) {
        expect(await append(body, { "content-type": type }), type).toMatchObject({ status: 415, json: { code: "unsupported_media_type" } });
      }
    }
    expect((await append("{}", { "content-encoding": "gzip" })).status).toBe(415);
  });

  it("JSON in all its spellings is taken", async () => {
    for (const type of [
      "application/json",
      "Application/JSON; charset=utf-8",
      'application/json;charset="UTF-8"',
      "application/problem+json",
      "application/json; profile=x",
    ]) {
      expect((await append("{}", { "content-type": type, "content-encoding": "identity" })).status, type).toBe(200);
    }
  });

  it("where there is no body they do not matter", async () => {
    for (const [method, target] of [
      ["POST", BASE],
      ["PUT", `${path}/extend`],
      ["POST", `${path}/complete`],
      ["DELETE", path],
      ["GET", path],
    ] as const) {
      expect((await service.call(method, target, { headers: { "content-type": "text/plain" } })).status, target).toBe(200);
      expect((await service.call(method, target, { headers: { "content-length": "0" } })).status, target).toBe(200);
    }
  });
});

describe("a body that does not come", () => {
  it("is 408 when its time is over, chunked or with a length", async () => {
    const impatient = startService({ bodyTimeoutMs: 20 });
    const id = await impatient.create();
    for (const headers of [{}, { "content-length": "40" }] as Record<string, string>[]) {
      const body = new ReadableStream({ start: (controller) => controller.enqueue(encoder.encode('{"a":')) });
      const answer = await impatient.call("POST", `${BASE}/${id}/messages`, { body, headers });
      expect(answer).toMatchObject({ status: 408, json: { code: "request_timeout" } });
      expect(answer.headers.get("connection")).toBe("close");
    }
  });

  it("is 400 when it breaks off", async () => {
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(encoder.encode('{"a":'));
        controller.error(new Error("connection reset"));
      },
    });
    expect(await append(body)).toMatchObject({ status: 400, json: { error: "The body ended before it was complete" } });
  });
});

describe("IDs", () => {
  it("that are none are 400, on every route that takes one", async () => {
    for (const id of [
      "x",
      "ITERA_20250230_143052_A7B9X2M8P4Q1_D",
      "itera_20250125_143052_A7B9X2M8P4Q1_D",
      "ITERA_20250125_143052_A7B9X2M8P4Q1_X",
      "ITERA_20250125_143052_A7B9X2M8P4Q1_D%0A",
      "%00",
      "%E0%A4%A",
      "%ff",
      "..%2f..%2f",
      "OTHER_20250125_143052_A7B9X2M8P4Q1_D",
    ]) {
      for (const [method, below] of [
        ["GET", ""],
        ["PUT", ""],
        ["DELETE", ""],
        ["POST", "/messages"],
        ["POST", "/erase"],
      ] as const) {
        expect(await service.call(method, `${BASE}/${id}${below}`, method === "GET" ? {} : { body: {} }), id).toMatchObject({
          status: 400,
          json: { code: "invalid_id", error: "Invalid conversation ID format" },
        });
      }
    }
  });

  it("of an environment that is not accepted do not exist, and no store is asked", async () => {
    const strict = startService({ acceptEnvironments: ["P"], manager: {} as never });
    const id = path.slice(BASE.length + 1);
    for (const [method, below] of [
      ["GET", ""],
      ["PUT", ""],
      ["POST", "/messages"],
    ] as const) {
      expect(await strict.call(method, `${BASE}/${id}${below}`, method === "GET" ? {} : { body: {} })).toMatchObject({
        status: 404,
        json: { error: "Conversation not found" },
      });
    }
  });
});

describe("a million metadata keys", () => {
  it("are refused by size", async () => {
    const keys = Array.from({ length: 1_000_000 }, (_, i) => `"${i}":0`).join(",");
    expect((await service.call("PUT", path, { body: `{"metadata":{${keys}}}` })).status).toBe(413);
    expect((await service.call("POST", BASE, { body: `{"initialContext":{${keys}}}` })).status).toBe(413);
  });
});

describe("CRLF", () => {
  it("in what reaches headers and logs stays out of both", async () => {
    const answer = await service.call("GET", `${path}?messages=%0d%0aSet-Cookie:x`, { headers: { "x-request-id": "a b" } });
    expect(answer.status).toBe(400);
    expect(answer.headers.get("set-cookie")).toBeNull();
    expect(answer.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    await append({ id: "a\r\nb", content: "x" });
    const conflict = await append({ id: "a\r\nb", content: "y" });
    expect(conflict.status).toBe(409);
    expect(conflict.json.error).not.toMatch(/[\r\n]/);
    expect(JSON.stringify(service.log)).not.toMatch(/Set-Cookie|\\r/);
  });
});
