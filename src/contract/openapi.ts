/** The OpenAPI 3.1 document, made from the routes. */
import * as z from "zod";
import type { Contract } from "./contract.ts";
import { ERROR_STATUSES } from "./error-statuses.ts";
import { health } from "./health.ts";
import { errorCodes, isOpen, type Route } from "./route.ts";
import * as shapes from "./shapes.ts";

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** An OpenAPI document, as far as its makers need to know it. */
export interface OpenApiDocument {
  openapi: string;
  info: object;
  paths: { [path: string]: { [method: string]: object } };
  components: { schemas: { [name: string]: JsonSchema }; [kind: string]: object };
  [field: string]: unknown;
}

const SHAPES = {
  Message: shapes.message,
  Conversation: shapes.conversation,
  ConversationAnswer: shapes.conversationAnswer,
  ApiKey: shapes.apiKey,
  DirectoryEntry: shapes.directoryEntry,
  Receipt: shapes.receipt,
  SubjectErasure: shapes.subjectErasure,
  PlacedMessage: shapes.placedMessage,
  Appended: shapes.appended,
  LifecycleEvent: shapes.lifecycleEvent,
  Analytics: shapes.analytics,
  Health: health,
  Failure: shapes.failure,
};

const HEADERS = {
  ETag: { description: "Names this state of the conversation, for If-Match and If-None-Match.", schema: { type: "string" } },
  "Idempotency-Replayed": {
    description: "`true`: this repeats the answer of an earlier request with the same key.",
    schema: { type: "string", enum: ["true"] },
  },
  RateLimit: {
    description: "How many requests are left (`r`), and after how many seconds all are there again (`t`).",
    schema: { type: "string" },
  },
  "RateLimit-Policy": { description: "How many requests (`q`) in how many seconds (`w`).", schema: { type: "string" } },
  "Retry-After": { description: "Seconds.", schema: { type: "integer", minimum: 1 } },
  "X-Request-Id": { description: "Names this request in the logs.", schema: { type: "string" } },
};

const PARAMETERS = {
  id: {
    name: "id",
    in: "path",
    required: true,
    description: "The conversation's ID, such as `ITERA_20250125_143052_A7B9X2M8P4Q1_P`.",
    schema: { type: "string" },
  },
  key: {
    name: "key",
    in: "path",
    required: true,
    description: "The public part of an API key: the 12 characters after its scope.",
    schema: { type: "string" },
  },
  file: { name: "file", in: "path", required: true, schema: { type: "string" } },
  idempotencyKey: {
    name: "Idempotency-Key",
    in: "header",
    description: "Makes repeating this request harmless for 24 hours.",
    schema: { type: "string", minLength: 1, maxLength: 255, pattern: "^[!-~]{1,255}$" },
  },
  ifMatch: {
    name: "If-Match",
    in: "header",
    description: "Do it only if nothing has changed since the answer that carried one of these ETags.",
    schema: { type: "string" },
  },
  ifNoneMatch: {
    name: "If-None-Match",
    in: "header",
    description: "Answer 304 if the state is still that of one of these ETags.",
    schema: { type: "string" },
  },
};

const ref = (kind: string, name: string) => ({ $ref: `#/components/${kind}/${name}` });
const refs = (kind: string, names: readonly string[]) => Object.fromEntries(names.map((name) => [name, ref(kind, name)]));

type Registry = ReturnType<typeof z.registry<{ id: string }>>;

/** Leaves out what only says that numbers are JavaScript's. */
function plain({ jsonSchema }: { jsonSchema: JsonSchema }): void {
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
}

/** Collects schemas under names and writes each once. */
class Schemas {
  readonly #input: Registry = z.registry<{ id: string }>();
  readonly #output: Registry = z.registry<{ id: string }>();

  constructor() {
    for (const [id, schema] of Object.entries(SHAPES)) {
      this.#input.add(schema, { id });
      this.#output.add(schema, { id });
    }
  }

  /** A reference to a schema, which gets this name unless it has one. `input`: as it is sent, with defaults left out. */
  of(schema: z.ZodType, name: string, direction: "input" | "output"): { $ref: string } {
    const registry = direction === "input" ? this.#input : this.#output;
    if (!registry.has(schema)) registry.add(schema, { id: name });
    return ref("schemas", registry.get(schema)!.id);
  }

  written(): { [name: string]: JsonSchema } {
    const write = (registry: Registry, io: "input" | "output") =>
      z.toJSONSchema(registry, { io, unrepresentable: "any", override: plain, uri: (id) => `#/components/schemas/${id}` }).schemas;
    const all = { ...write(this.#input, "input"), ...write(this.#output, "output") };
    for (const schema of Object.values(all)) {
      delete schema.$schema;
      delete schema["$id"];
    }
    return all;
  }
}

function queryParameters({ query }: Route): object[] {
  if (!query) return [];
  const { properties = {} } = z.toJSONSchema(query.schema, { io: "output", unrepresentable: "any", override: plain });
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...schema } = property as JsonSchema;
    const list = schema.type === "array" ? { style: "form", explode: false } : {};
    return { name, in: "query", ...(description === undefined ? {} : { description }), ...list, schema };
  });
}

function parameters(route: Route): object[] {
  const header = ["idempotencyKey", "ifMatch", "ifNoneMatch"] as const;
  return [
    ...(["id", "key", "file"] as const).filter((name) => route.path.includes(`{${name}}`)).map((name) => ref("parameters", name)),
    ...queryParameters(route),
    ...header.filter((name) => route[name]).map((name) => ref("parameters", name)),
  ];
}

function failures(route: Route): { [status: string]: object } {
  const byStatus = new Map<number, string[]>();
  for (const code of errorCodes(route)) byStatus.set(ERROR_STATUSES[code], [...(byStatus.get(ERROR_STATUSES[code]) ?? []), code]);
  const headersOf = (status: number) => [
    "X-Request-Id",
    ...(status === 503 || status === 429 ? ["Retry-After"] : []),
    ...(status === 429 ? ["RateLimit", "RateLimit-Policy"] : []),
    ...(status === 412 ? ["ETag"] : []),
  ];
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: `Code ${codes.map((code) => `\`${code}\``).join(" or ")}.`,
        headers: refs("headers", headersOf(status)),
        content: { "application/json": { schema: ref("schemas", "Failure") } },
      },
    ]),
  );
}

function operation(route: Route, schemas: Schemas): object {
  const name = route.name.charAt(0).toUpperCase() + route.name.slice(1);
  const headers = refs("headers", [
    "X-Request-Id",
    ...(route.etag ? ["ETag"] : []),
    ...(route.idempotencyKey ? ["Idempotency-Replayed"] : []),
  ]);
  const json = (schema: z.ZodType) => ({ "application/json": { schema: schemas.of(schema, `${name}Answer`, "output") } });
  const content = typeof route.answer === "string" ? { [route.answer]: {} } : json(route.answer);
  const also = Object.entries(route.alsoAnswers ?? {}).map(([status, { description, schema }]) => [
    status,
    { description, headers, ...(schema ? { content: json(schema) } : {}) },
  ]);
  const { body, elevated } = route;
  const description = [route.description, elevated && `Needs the scope ${elevated.scopes.join(" or ")} when ${elevated.when}.`]
    .filter(Boolean)
    .join(" ");
  const needs = isOpen(route) ? [] : route.scopes.map((scope) => ({ bearer: [scope] }));
  return {
    operationId: route.name,
    tags: [route.tag],
    summary: route.summary,
    ...(description === "" ? {} : { description }),
    security: needs,
    parameters: parameters(route),
    ...(body
      ? {
          requestBody: {
            required: body.required,
            content: { "application/json": { schema: schemas.of(body.schema, `${name}Body`, "input") } },
          },
        }
      : {}),
    responses: { 200: { description: "Done.", headers, content }, ...Object.fromEntries(also), ...failures(route) },
  };
}

/** The document of a contract, for a version of the service. */
export function openApiDocument(contract: Contract, { version }: { version: string }): OpenApiDocument {
  const schemas = new Schemas();
  const paths: OpenApiDocument["paths"] = {};
  for (const route of Object.values(contract) as Route[]) {
    (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(route, schemas);
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "itera-conversations",
      version,
      description:
        "Gives every chat a readable identity, keeps it while it is alive, archives it when it is over, and lets people find, follow, count, export and erase it.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    paths,
    components: {
      schemas: schemas.written(),
      parameters: PARAMETERS,
      headers: HEADERS,
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          description: "An API key, or the token of one conversation. The scopes are site, service, operator, admin and token.",
        },
      },
    },
  };
}
