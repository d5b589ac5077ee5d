// The contract, the OpenAPI document and the application say the same.

import { Validator } from "@seriousme/openapi-schema-validator";
import { describe, expect, it } from "vitest";
import { createContract, errorCodes, ERROR_STATUSES, isOpen, openApiDocument, type Route } from "../../src/contract/index.ts";
import { DEFAULT_LIMITS } from "../../src/core/limits.ts";
import { startService } from "./service.ts";

const contract = createContract({ limits: DEFAULT_LIMITS, maxExtensionHours: 168 });
const routes = Object.values(contract) as Route[];
const document = openApiDocument(contract, { version: "1.2.3" });

/** An operation as far as these tests look at it. */
interface Operation {
  readonly operationId: string;
  readonly security: { bearer: string[] }[];
  readonly parameters: ({ name: string; in: string } | { $ref: string })[];
  readonly requestBody?: { required: boolean };
  readonly responses: Record<string, object>;
}

const operation = (route: Route) => document.paths[route.path]![route.method.toLowerCase()] as Operation;

/** Section 5 of the specification, with the routes of keys: routes and scopes. */
const SPECIFIED: readonly [string, string[]][] = [
  ["POST /api/v1/conversations", ["service", "site"]],
  ["GET /api/v1/conversations/{id}", ["service", "token"]],
  ["PUT /api/v1/conversations/{id}", ["service"]],
  ["PUT /api/v1/conversations/{id}/extend", ["service", "token"]],
  ["DELETE /api/v1/conversations/{id}", ["service"]],
  ["POST /api/v1/conversations/{id}/messages", ["service", "token"]],
  ["GET /api/v1/conversations/{id}/messages", ["service", "token"]],
  ["GET /api/v1/conversations/{id}/events", ["operator"]],
  ["POST /api/v1/conversations/{id}/complete", ["service"]],
  ["POST /api/v1/conversations/{id}/reopen", ["operator"]],
  ["POST /api/v1/conversations/{id}/erase", ["operator"]],
  ["POST /api/v1/conversations/{id}/hold", ["admin"]],
  ["POST /api/v1/conversations/{id}/release", ["admin"]],
  ["POST /api/v1/conversations/{id}/token", ["service", "token"]],
  ["DELETE /api/v1/conversations/{id}/token", ["service"]],
  ["POST /api/v1/erasures", ["admin"]],
  ["POST /api/v1/keys", ["admin"]],
  ["GET /api/v1/keys", ["admin"]],
  ["POST /api/v1/keys/{key}/rotate", ["admin"]],
  ["DELETE /api/v1/keys/{key}", ["admin"]],
  ["GET /api/v1/conversations", ["operator"]],
  ["GET /api/v1/analytics", ["operator"]],
  ["GET /health", ["open"]],
  ["GET /livez", ["open"]],
  ["GET /metrics", ["operator"]],
  ["GET /readyz", ["open"]],
  ["GET /openapi.json", ["open"]],
  ["GET /docs", ["open"]],
  ["GET /docs/{file}", ["open"]],
];

describe("the routes", () => {
  it("are those of the specification, with its scopes", () => {
    expect(Object.fromEntries(routes.map(({ method, path, scopes }) => [`${method} ${path}`, scopes]))).toEqual(
      Object.fromEntries(SPECIFIED),
    );
    expect(contract.archiveConversation.elevated?.scopes).toEqual(["operator"]);
  });

  it("are served by the application, all of them and no others", () => {
    const { app } = startService();
    const served = app.routes.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
    expect(served.toSorted()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).toSorted());
  });

  it("have names of their own", () => {
    expect(new Set(routes.map(({ name }) => name)).size).toBe(routes.length);
  });
});

describe("the document", () => {
  it("is valid OpenAPI 3.1", async () => {
    const validator = new Validator();
    const result = await validator.validate(structuredClone(document) as unknown as Record<string, unknown>);
    expect(result).toMatchObject({ valid: true });
    expect(validator.version).toBe("3.1");
  });

  it("refers only to what it has", () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/(\w+)\/([^"]+)"/g)];
    expect(refs.length).toBeGreaterThan(50);
    for (const [ref, kind, name] of refs) expect(document.components[kind!], ref).toHaveProperty([name!]);
  });

  it("is what the application serves, with its version", async () => {
    const { call } = startService();
    expect((await call("GET", "/openapi.json")).json).toEqual(document);
  });

  it("says the limits of the service", () => {
    const other = openApiDocument(createContract({ limits: { ...DEFAULT_LIMITS, batch: 7, list: 9 }, maxExtensionHours: 48 }), {
      version: "1",
    });
    const text = JSON.stringify(other);
    expect(text).toContain('"maxItems":7');
    expect(other.components.schemas["ExtendConversationBody"]).toMatchObject({
      properties: { extensionHours: { minimum: 1, maximum: 48, default: 24 } },
    });
    expect(text).toContain('"minimum":1,"maximum":9');
  });

  it.each(routes)("$method $path: documented as declared", (route) => {
    const { operationId, security, parameters, requestBody, responses } = operation(route);
    expect(operationId).toBe(route.name);
    expect(security.flatMap(({ bearer }) => bearer)).toEqual(isOpen(route) ? [] : route.scopes);
    const also = Object.keys(route.alsoAnswers ?? {});
    const failures = errorCodes(route).map((code) => String(ERROR_STATUSES[code]));
    expect(new Set(Object.keys(responses))).toEqual(new Set(["200", ...also, ...failures]));
    const names = parameters.map((parameter) => ("$ref" in parameter ? parameter.$ref.split("/").at(-1) : parameter.name));
    const headers = (["idempotencyKey", "ifMatch", "ifNoneMatch"] as const).filter((name) => route[name]);
    const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    expect(names).toEqual([...inPath, ...Object.keys(route.query?.schema.shape ?? {}), ...headers]);
    expect(requestBody?.required).toBe(route.body?.required);
  });

  it("says of every query parameter what it takes", () => {
    for (const route of routes) {
      for (const parameter of operation(route).parameters) {
        if ("$ref" in parameter) continue;
        const { schema } = parameter as unknown as { schema: object };
        expect(Object.keys(schema).length, `${route.name} ${parameter.name}`).toBeGreaterThan(0);
      }
    }
  });
});
