// Bad input by name, against a server as it is in production, over its socket.

import { afterAll, beforeAll } from "vitest";
import { DEFAULT_LIMITS } from "../../src/core/limits.ts";
import { BASE } from "../http/service.ts";
import { caseTable, type Case } from "./case-table.ts";
import { startGuardedServer, type Request } from "./guarded-server.ts";

let server: Awaited<ReturnType<typeof startGuardedServer>>;
let id: string;
beforeAll(async () => {
  server = await startGuardedServer();
  id = await server.create();
});
afterAll(() => server.close());

const CREATE: Request = {};
const appending = (): Request => ({ path: `${BASE}/${id}/messages` });
const updating = (): Request => ({ method: "PUT", path: `${BASE}/${id}` });

const outcome = async (request: Request): Promise<string> => (await server.send(request)).outcome;

/** What all of them are answered; one text if it is the same for all. */
async function all(requests: readonly Request[]): Promise<string> {
  const answers = new Set<string>();
  for (const request of requests) answers.add(await outcome(request));
  return [...answers].toSorted().join(", ");
}

/** JSON of exactly so many bytes. */
const sized = (bytes: number, before = '{"content":"', after = '"}'): string =>
  before + "x".repeat(bytes - before.length - after.length) + after;

const blank = (bytes: number): string => `{}${" ".repeat(bytes - 2)}`;
const nested = (levels: number): string => '{"a":'.repeat(levels - 1) + "{}" + "}".repeat(levels - 1);

const { bodyBytes, wholeBodyBytes, messageBytes, metadataBytes, sessionBytes } = DEFAULT_LIMITS;

/** What is sent at a limit and a byte over it. */
const SIZES: readonly (readonly [what: string, request: () => Request, body: (over: 0 | 1) => string])[] = [
  ["the body", appending, (over) => blank(bodyBytes + over)],
  ["the body of a PUT", updating, (over) => blank(wholeBodyBytes + over)],
  ["a message", appending, (over) => sized(messageBytes + over)],
  ["a message in a batch", appending, (over) => `{"messages":[${sized(messageBytes + over)}]}`],
  ["the session's state", appending, (over) => `{"messages":[],"state":${sized(sessionBytes + over, '{"context":"')}}`],
];

/** Texts that other programs would run. */
const TEXTS: Readonly<Record<string, string>> = {
  SQL: "'; DROP TABLE conversations; --",
  Lua: "return redis.call('FLUSHALL')",
  "JSON path": "$.a[?(@.b)] || '$..*'",
  script: "<script>alert(1)</script>",
  "a path": "../../etc/passwd",
  "a template": "${process.env} {{x}} %00",
};

/** Wherever a text can stand. */
const places = (text: string): Request[] => {
  const json = JSON.stringify(text);
  return [
    { body: `{"source":${JSON.stringify(text.slice(0, 60))},"initialContext":{${json}:${json}}}` },
    { ...appending(), body: `{"id":${json},"content":${json}}` },
    { ...appending(), body: `{"messages":[],"state":{"step":${json},"leadData":{"email":${json}}}}` },
    { ...updating(), body: `{"metadata":{${json}:${json}}}` },
    { method: "PUT", path: `${BASE}/${id}/extend`, body: `{"extensionHours":1,"reason":${json}}` },
    { method: "GET", path: `${BASE}?source=${encodeURIComponent(text.slice(0, 60))}` },
    { path: "/api/v1/erasures", body: `{"key":"email","value":${json},"dryRun":true}` },
  ];
};

const BAD_TEXTS: Readonly<Record<string, string>> = { "lone surrogates": "\\ud800", NUL: "\\u0000" };

const badPlaces = (bad: string): Request[] => [
  { body: `{"source":"${bad}"}` },
  { body: `{"initialContext":{"${bad}":1}}` },
  { ...appending(), body: `{"content":"${bad}"}` },
  { ...appending(), body: `{"id":"${bad}"}` },
  { ...appending(), body: `{"messages":[],"state":{"step":"${bad}"}}` },
  { ...updating(), body: `{"metadata":{"a":["${bad}"]}}` },
  { method: "DELETE", path: `${BASE}/${id}`, body: `{"reason":"${bad}"}` },
  { path: "/api/v1/erasures", body: `{"key":"email","value":"${bad}"}` },
  { path: "/api/v1/keys", body: `{"scope":"service","name":"${bad}"}` },
];

const bytes = (...values: number[]): Uint8Array<ArrayBuffer> =>
  new Uint8Array([...new TextEncoder().encode('{"content":"'), ...values, ...new TextEncoder().encode('"}')]);

caseTable("Input", [
  ...SIZES.flatMap(([what, request, body]) =>
    (["with a length", "chunked"] as const).map((how): Case => ({
      name: `a byte over the limit of ${what}, ${how}`,
      expected: "at the limit 200, over it 413 too_large",
      got: async () =>
        `at the limit ${await outcome({ ...request(), body: body(0), how })}, over it ${await outcome({ ...request(), body: body(1), how })}`,
    })),
  ),
  ...(["with a length", "chunked"] as const).map((how): Case => ({
    name: `a byte over the limit of metadata, ${how}`,
    expected: "at the limit 200, over it 413 too_large",
    async got() {
      const path = `${BASE}/${await server.create()}`;
      const { text } = await server.send({ method: "GET", path });
      const stored = JSON.stringify((JSON.parse(text) as { data: { metadata: object } }).data.metadata).length;
      // A further key costs a comma; the braces are there already.
      const body = (over: number) => `{"metadata":${sized(metadataBytes + over - stored + 1, '{"text":"')}}`;
      const put = (over: number) => outcome({ method: "PUT", path, body: body(over), how });
      return `at the limit ${await put(0)}, over it ${await put(1)}`;
    },
  })),
  {
    name: "30,000-deep JSON, in objects and lists, closed or not",
    expected: "400 invalid_input",
    got: () =>
      all(
        [nested(30_000), "[".repeat(30_000), "[".repeat(30_000) + "]".repeat(30_000), `{"messages":${"[".repeat(30_000)}`].map((body) => ({
          ...appending(),
          body,
        })),
      ),
  },
  {
    name: "a message of 32 levels, and of 33",
    expected: "200, 400 invalid_input",
    got: async () => `${await outcome({ ...appending(), body: nested(32) })}, ${await outcome({ ...appending(), body: nested(33) })}`,
  },
  {
    name: "__proto__ and constructor as fields",
    expected: "400 invalid_input",
    got: () =>
      all([
        { ...appending(), body: '{"messages":[{"a":1}],"__proto__":{}}' },
        { ...updating(), body: '{"__proto__":{"status":"archived"}}' },
        { ...updating(), body: '{"constructor":1}' },
        { path: "/api/v1/erasures", body: '{"__proto__":{"dryRun":true},"key":"email","value":"a"}' },
      ]),
  },
  {
    name: "__proto__ and constructor as names of data",
    expected: "200, kept as names, nothing inherited",
    async got() {
      const path = `${BASE}/${await server.create()}`;
      const put = await outcome({ method: "PUT", path, body: '{"metadata":{"__proto__":{"admin":true},"constructor":"c"}}' });
      const { text } = await server.send({ method: "GET", path });
      const kept = text.includes('"__proto__":{"admin":true}') && text.includes('"constructor":"c"');
      return `${put}, ${kept ? "kept as names" : "lost"}, ${"admin" in {} ? "inherited" : "nothing inherited"}`;
    },
  },
  ...Object.entries(BAD_TEXTS).map(([what, bad]): Case => ({
    name: `${what}, wherever a text can stand`,
    expected: "400 invalid_input",
    got: () => all(badPlaces(bad)),
  })),
  {
    name: "invalid UTF-8, with a length and chunked",
    expected: "400 invalid_input",
    got: () =>
      all(
        [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82]].flatMap((values) =>
          (["with a length", "chunked"] as const).map((how) => ({ ...appending(), body: bytes(...values), how })),
        ),
      ),
  },
  {
    name: "1e400, 2^53+1 and others that would come back as another number",
    expected: "400 invalid_input",
    got: () =>
      all(
        ["1e400", "-1e400", "9007199254740993", "9007199254740993.0", "1e-400", "123456789012345678901234567890"].flatMap((number) => [
          { ...appending(), body: `{"n":${number}}` },
          { ...updating(), body: `{"metadata":{"n":${number}}}` },
          { ...CREATE, body: `{"initialContext":{"n":${number}}}` },
        ]),
      ),
  },
  {
    name: "unknown fields where they are refused: the messages envelope, erasures, tokens, PUT",
    expected: "400 invalid_input",
    got: () =>
      all([
        { ...appending(), body: '{"messages":[{"a":1}],"more":1}' },
        { path: "/api/v1/erasures", body: '{"key":"email","value":"a","more":1}' },
        { path: `${BASE}/${id}/token`, body: '{"more":1}' },
        { ...updating(), body: '{"more":1}' },
      ]),
  },
  {
    name: "unknown fields where they are ignored: create, extend, complete",
    expected: "200",
    got: () =>
      all([
        { ...CREATE, body: '{"more":1}' },
        { method: "PUT", path: `${BASE}/${id}/extend`, body: '{"more":1}' },
        { path: `${BASE}/${id}/complete`, body: '{"more":1}' },
      ]),
  },
  {
    name: "a page size of 10^9, 0, -1, 1e9, nothing",
    expected: "400 invalid_input",
    got: () =>
      all(
        ["1000000000", "0", "-1", "1e9", ""].flatMap((limit) => [
          { method: "GET", path: `${BASE}?limit=${limit}` },
          { method: "GET", path: `${BASE}/${id}/messages?limit=${limit}` },
        ]),
      ),
  },
  {
    name: "a window of 10^9",
    expected: "400 invalid_input",
    got: () =>
      all([
        { ...appending(), path: `${BASE}/${id}/messages?window=1000000000`, body: '{"content":"a"}' },
        { method: "GET", path: `${BASE}/${id}?messages=1000000000` },
      ]),
  },
  {
    name: "a million metadata keys",
    expected: "413 too_large",
    async got() {
      const keys = Array.from({ length: 1_000_000 }, (_, i) => `"${i}":0`).join(",");
      return all([
        { ...updating(), body: `{"metadata":{${keys}}}` },
        { ...CREATE, body: `{"initialContext":{${keys}}}` },
      ]);
    },
  },
  {
    name: "other content types",
    expected: "415 unsupported_media_type",
    got: () =>
      all([
        ...[
          "text/plain",
          "text/plain;charset=UTF-8",
          "application/x-www-form-urlencoded",
          "multipart/form-data; boundary=x",
          "application/jsonp",
          "json",
          "application/json; charset=latin1",
          "application/xml",
        ].map((type) => ({ ...appending(), body: "{}", headers: { "content-type": type } })),
        { ...appending(), body: "{}", headers: { "content-encoding": "gzip" } },
      ]),
  },
  ...Object.entries(TEXTS).map(([what, text]): Case => ({
    name: `${what} wherever a text can stand`,
    expected: "200, and comes back as it was",
    async got() {
      id = await server.create();
      const answers = await all(places(text));
      const { text: said } = await server.send({ method: "GET", path: `${BASE}/${id}?messages=1` });
      return `${answers}, and ${said.includes(JSON.stringify(text)) ? "comes back as it was" : "does not come back"}`;
    },
  })),
  {
    name: "SQL, Lua and JSON path in the place of an ID, a cursor and a key's ID",
    expected: "400 invalid_id, 400 invalid_input, 404 not_found",
    got: () =>
      all(
        Object.values(TEXTS).flatMap((text) => [
          { method: "GET", path: `${BASE}/${encodeURIComponent(text)}` },
          { method: "GET", path: `${BASE}?cursor=${encodeURIComponent(text)}` },
          { method: "DELETE", path: `/api/v1/keys/${encodeURIComponent(text)}` },
        ]),
      ),
  },
  {
    name: "CRLF in what reaches headers",
    expected: "400 invalid_input, no header of it",
    async got() {
      const answer = await server.send({ method: "GET", path: `${BASE}/${id}?messages=%0d%0aSet-Cookie:x` });
      return `${answer.outcome}, ${answer.headers.has("set-cookie") ? "a header" : "no header of it"}`;
    },
  },
  {
    name: "CRLF in what reaches errors and logs",
    expected: "409 conflict, one line",
    async got() {
      await server.send({ ...appending(), body: '{"id":"a\\r\\nlevel:60 forged","content":"x"}' });
      const answer = await server.send({ ...appending(), body: '{"id":"a\\r\\nlevel:60 forged","content":"y"}' });
      const error = (JSON.parse(answer.text) as { error: string }).error;
      return `${answer.outcome}, ${/[\r\n]/.test(error) || server.log().includes("forged") ? "more lines" : "one line"}`;
    },
  },
  {
    name: "what is not JSON is not repeated",
    expected: "400 invalid_input, not repeated",
    async got() {
      const answer = await server.send({ ...appending(), body: '{"secret words' });
      return `${answer.outcome}, ${answer.text.includes("secret") ? "repeated" : "not repeated"}`;
    },
  },
]);
