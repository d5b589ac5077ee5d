// Requests generated from the OpenAPI document, half of them broken: no 5xx, and every answer in its documented status and shape.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createContract, errorCodes, ERROR_STATUSES, openApiDocument, shapes, type Route } from "../../src/contract/index.ts";
import { DEFAULT_LIMITS } from "../../src/core/limits.ts";
import type { KeyScope } from "../../src/security/api-key-text.ts";
import { startService, UNKNOWN, type Answer } from "./service.ts";

const RUNS = Number(process.env["FUZZ_RUNS"] ?? 2000);
const CONVERSATIONS = 12;

const contract = createContract({ limits: DEFAULT_LIMITS, maxExtensionHours: 168 });
const routes = Object.values(contract) as Route[];
const document = openApiDocument(contract, { version: "1.2.3" });

/** JSON Schema as the document has it. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly format?: string;
  readonly examples?: readonly unknown[];
}

/** Any JSON, with what programs stumble over. */
const anything: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>(
    "",
    "\u0000",
    "\ud800",
    "__proto__",
    "constructor",
    1e308,
    -1,
    0.5,
    2 ** 53,
    null,
    [],
    {},
    "ITERA_",
    "x".repeat(300),
    "';--",
    "%",
    "\r\n",
  ),
);

const anyObject = fc.dictionary(
  fc.oneof(fc.string({ maxLength: 12 }), fc.constantFrom("id", "role", "content", "messages", "state", "__proto__", "toJSON")),
  anything,
  { maxKeys: 5 },
);

/** Values that fit a schema. */
function fitting(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.$ref) return fitting(document.components.schemas[schema.$ref.split("/").at(-1)!] as Schema);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if ("const" in schema) return fc.constant(schema.const);
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(fitting));
  if (schema.examples && schema.type === "string") return fc.constantFrom(...schema.examples);
  switch (Array.isArray(schema.type) ? schema.type[0] : schema.type) {
    case "integer":
      return fc.integer({ min: schema.minimum ?? 0, max: Math.min(schema.maximum ?? 1000, 2000) });
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "array":
      return fc.array(fitting(schema.items!), { maxLength: Math.min(schema.maxItems ?? 4, 4) });
    case "string":
      if (schema.format === "date") return fc.constantFrom("2026-01-01", "2026-01-15", "2025-12-31");
      return fc.string({ unit: "grapheme", minLength: schema.minLength ?? 0, maxLength: Math.min(schema.maxLength ?? 40, 40) });
    case "object":
      return schema.properties ? fittingObject(schema) : anyObject;
    default:
      return fc.jsonValue();
  }
}

function fittingObject({ properties = {}, required = [] }: Schema): fc.Arbitrary<unknown> {
  const fields = Object.fromEntries(Object.entries(properties).map(([name, field]) => [name, fitting(field)]));
  return fc.record(fields, { requiredKeys: required.filter((name) => name in fields) });
}

/** A request: `id` picks a conversation; -1 an unknown one, a text stands for itself. */
interface Request {
  readonly route: Route;
  readonly id: number | string;
  readonly query: readonly (readonly [string, string])[];
  readonly body: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

interface Parameter {
  readonly name: string;
  readonly schema: Schema;
}

const asText = (value: unknown): string =>
  Array.isArray(value) ? value.join(",") : typeof value === "string" ? value : JSON.stringify(value);

function queryOf(route: Route, valid: boolean): fc.Arbitrary<readonly (readonly [string, string])[]> {
  const { parameters } = document.paths[route.path]![route.method.toLowerCase()] as { parameters: Parameter[] };
  const known = parameters.filter((parameter) => "schema" in parameter);
  if (known.length === 0) return fc.constant([]);
  const one = fc
    .constantFrom(...known)
    .chain(({ name, schema }) => (valid ? fitting(schema) : anything).map((value) => [name, asText(value)] as const));
  return valid ? fc.uniqueArray(one, { maxLength: 3, selector: ([name]) => name }) : fc.array(one, { maxLength: 3 });
}

function bodyOf(route: Route, valid: boolean): fc.Arbitrary<string | undefined> {
  if (!route.body) return fc.constant(undefined);
  const { requestBody } = document.paths[route.path]![route.method.toLowerCase()] as {
    requestBody: { content: Record<string, { schema: Schema }> };
  };
  const right = fitting(requestBody.content["application/json"]!.schema).map((value) => JSON.stringify(value));
  if (valid) return route.body.required ? right : fc.option(right, { nil: undefined });
  const wrong = fc.oneof(anything, anyObject).map((value) => JSON.stringify(value));
  const torn = right.chain((text) => fc.nat({ max: text.length }).map((end) => text.slice(0, end)));
  const raw = fc.constantFrom(
    "",
    "[",
    "{]",
    '{"a":1e999}',
    '{"n":9007199254740993}',
    "[".repeat(5000),
    '{"__proto__":{}}',
    '{"a":"\\ud800"}',
    "\u0000",
    "nul",
  );
  return fc.oneof(right, wrong, torn, raw, fc.string());
}

const tag = fc.constantFrom("*", '"x.1-0-all"', 'W/"x.1-0-all"', "nonsense", '"a", "b.2-"', "");

function headersOf(valid: boolean): fc.Arbitrary<Record<string, string>> {
  if (valid)
    return fc.record(
      {
        "content-type": fc.constant("application/json"),
        "idempotency-key": fc.stringMatching(/^[!-~]{1,20}$/),
        "if-match": fc.constant("*"),
      },
      { requiredKeys: ["content-type"] },
    );
  const type = fc.constantFrom(
    "application/json",
    "application/json",
    "application/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "",
  );
  return fc.record(
    {
      "content-type": type,
      "idempotency-key": fc.constantFrom("same", "a b", "", "k".repeat(300)),
      "if-match": tag,
      "if-none-match": tag,
      "x-request-id": fc.constantFrom("a", "a b"),
    },
    { requiredKeys: [] },
  );
}

const request: fc.Arbitrary<Request & { valid: boolean }> = fc.tuple(fc.constantFrom(...routes), fc.boolean()).chain(([route, valid]) => {
  const known = fc.integer({ min: 0, max: CONVERSATIONS - 1 });
  const id: fc.Arbitrary<number | string> = valid
    ? known
    : fc.oneof(known, fc.constant(-1), fc.constantFrom("x", "%", "%00", "..", "ITERA_20250230_000000_AAAAAAAAAAAA_D", "%E0%A4%A"));
  return fc.record({
    route: fc.constant(route),
    valid: fc.constant(valid),
    id,
    query: queryOf(route, valid),
    body: bodyOf(route, valid),
    headers: headersOf(valid),
  });
});

/** What is wrong with an answer: its status is not documented, or its shape does not go with it. Null: nothing. */
function objection(route: Route, { status, headers, json, text }: Answer): string | null {
  const also = route.alsoAnswers?.[status];
  // What this service has not got is said so, where the document says that it may be.
  if (status >= 500 && status !== 501) return "a server's fault";
  if (headers.get("x-request-id") === null) return "no request ID";
  if (status === 200) return typeof route.answer === "string" ? null : misshapen(route.answer, json);
  if (also) return also.schema ? misshapen(also.schema, json) : text === "" ? null : "a body";
  if (!errorCodes(route).some((code) => ERROR_STATUSES[code] === status && code === json?.code)) return "not documented";
  return misshapen(shapes.failure, json);
}

function misshapen(schema: Exclude<Route["answer"], string>, json: unknown): string | null {
  return schema.safeParse(json).error?.message ?? null;
}

/** A service, what every request to it carries, and what must be among its answers for the generator to prove anything. */
interface Kind {
  readonly name: string;
  readonly runs: number;
  readonly open: () => Promise<{ service: ReturnType<typeof startService>; credential: string | null }>;
  readonly mustSee: readonly number[];
  /** So much of all is answered with 200. */
  readonly atLeast: number;
}

const GUARDED = { keyless: { allowed: false, remoteAddress: () => "127.0.0.1" }, allowedOrigins: ["https://www.example.com"] };

async function guarded(scope: KeyScope | null): ReturnType<Kind["open"]> {
  const service = startService(GUARDED);
  return { service, credential: scope && (await service.keys.create({ scope })).key };
}

const KINDS: readonly Kind[] = [
  {
    name: "without keys, in development",
    runs: RUNS,
    open: async () => ({ service: startService(), credential: null }),
    mustSee: [400, 404, 409, 415],
    atLeast: 0.2,
  },
  {
    name: "with a service key",
    runs: RUNS,
    open: () => guarded("service"),
    mustSee: [400, 403, 404, 409, 415],
    atLeast: 0.1,
  },
  { name: "with no key where one is needed", runs: RUNS / 4, open: () => guarded(null), mustSee: [401], atLeast: 0.05 },
];

describe.each(KINDS)("generated requests $name", ({ runs, open, mustSee, atLeast }) => {
  it(`${runs} of them are answered as documented, none with 5xx`, { timeout: 30 * 60_000 }, async () => {
    const { service, credential } = await open();
    const seen = new Map<number, number>();
    const create = async (i = 0): Promise<string> =>
      (await service.manager.createConversation({ metadata: { email: `${i}@example.it` } })).id;
    const ids = await Promise.all(Array.from({ length: CONVERSATIONS }, (_, i) => create(i)));
    const authorization: Record<string, string> = credential === null ? {} : { authorization: `Bearer ${credential}` };

    const send = async ({ route, id, query, body, headers: given }: Request & { valid: boolean }) => {
      const name = typeof id === "string" ? id : (ids[id] ?? UNKNOWN);
      const headers = { ...authorization, ...given };
      const search =
        query.length === 0 ? "" : `?${query.map(([key, value]) => `${key}=${encodeURIComponent(value.toWellFormed())}`).join("&")}`;
      const path = route.path.replace("{id}", name).replace("{file}", "start.js") + search;
      // A path that is normalised away is another route's.
      if (id === "..") return;
      const sent = route.method === "GET" ? { headers } : { headers, ...(body === undefined ? {} : { body }) };
      const answer = await service.call(route.method, path, sent);
      seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
      expect(objection(route, answer), `${route.method} ${path} answered ${answer.status} ${answer.text.slice(0, 200)}`).toBeNull();
      // What was erased or wiped is replaced, so that later requests find something.
      if (answer.status === 410 || answer.text.includes("Conversation was wiped")) ids[ids.indexOf(name)] = await create();
      service.time.now += 1000;
    };
    await fc.assert(fc.asyncProperty(request, send), { numRuns: runs, endOnFailure: false });
    // The generator would prove nothing if nothing went through, or if nothing was refused.
    for (const status of mustSee) expect(seen.get(status) ?? 0, `answers with ${status}`).toBeGreaterThan(0);
    expect((seen.get(200) ?? 0) / runs).toBeGreaterThan(atLeast);
  });
});
