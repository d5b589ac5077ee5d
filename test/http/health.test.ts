// Health, and the API's description of itself.

import { describe, expect, it } from "vitest";
import type { HealthStatus } from "../../src/contract/index.ts";
import type { HealthCheck } from "../../src/http/app.ts";
import { createApp, PAGE_FILES } from "../../src/http/app.ts";
import { appOptions, send, startService } from "./service.ts";

const checks = (states: Record<string, HealthStatus>): HealthCheck[] =>
  Object.entries(states).map(([name, state]) => ({ name, run: async () => state }));

const statuses = async (states: Record<string, HealthStatus>) => {
  const { call } = startService({ health: checks(states) });
  const seen = [];
  for (const path of ["/health", "/readyz", "/livez"]) {
    const { status, json } = await call("GET", path);
    seen.push(`${status} ${json.status}`);
  }
  return seen;
};

describe("health", () => {
  it("says how the service is, its version and how long it has been up", async () => {
    const service = startService({ health: checks({ hot: "ok", archive: "ok", disk: "ok" }) });
    service.time.now += 90_500;
    const { status, json } = await service.call("GET", "/health");
    expect(status).toBe(200);
    expect(json).toEqual({ status: "ok", version: "1.2.3", uptimeSeconds: 90, checks: { hot: "ok", archive: "ok", disk: "ok" } });
  });

  it("is down without the hot store, degraded without anything else; ready needs every store; live needs nothing", async () => {
    expect(await statuses({ hot: "ok", archive: "ok", sweep: "ok" })).toEqual(["200 ok", "200 ok", "200 ok"]);
    expect(await statuses({ hot: "ok", archive: "ok", sweep: "down" })).toEqual(["200 degraded", "200 degraded", "200 ok"]);
    expect(await statuses({ hot: "degraded", archive: "ok" })).toEqual(["200 degraded", "200 degraded", "200 ok"]);
    expect(await statuses({ hot: "ok", archive: "down" })).toEqual(["200 degraded", "503 down", "200 ok"]);
    expect(await statuses({ hot: "down", archive: "ok" })).toEqual(["503 down", "503 down", "200 ok"]);
  });

  it("a check that fails or does not answer is down, and nothing of its failure is shown", async () => {
    const health: HealthCheck[] = [
      { name: "hot", run: () => Promise.reject(new Error("connect ECONNREFUSED 10.1.2.3:5432")) },
      { name: "archive", run: () => new Promise(() => {}) },
    ];
    const { call } = startService({ health });
    const answer = await call("GET", "/readyz");
    expect(answer).toMatchObject({ status: 503, json: { status: "down", checks: { hot: "down", archive: "down" } } });
    expect(answer.headers.get("retry-after")).toBe("1");
    expect(answer.text).not.toContain("10.1.2.3");
  });

  it("however many ask at once, each check is asked once", async () => {
    let asked = 0;
    let finish: (status: HealthStatus) => void = () => {};
    const run = () => new Promise<HealthStatus>((resolve) => (asked++, (finish = resolve)));
    const { call } = startService({ health: [{ name: "hot", run }] });
    const answers = ["/health", "/health", "/readyz", "/readyz"].map((path) => call("GET", path));
    while (asked === 0) await Promise.resolve();
    finish("ok");
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(asked).toBe(1);
  });
});

describe("the API page", () => {
  it("is made of our own files alone, under a strict policy", async () => {
    const { call } = startService();
    const { status, headers, text } = await call("GET", "/docs");
    expect(status).toBe(200);
    expect(headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(headers.get("content-security-policy")).toMatch(/default-src 'none'.*script-src 'self'/);
    expect(headers.get("content-security-policy")).not.toMatch(/unsafe|\*|https?:/);
    expect(text).not.toMatch(/https?:|<script>|<style| style=| on\w+=/);
    const files = [...text.matchAll(/(?:src|href)="(docs\/[^"]+|openapi\.json)"/g)].map(([, file]) => file!);
    expect(files.toSorted()).toEqual(["docs/start.js", "docs/swagger-ui-bundle.js", "docs/swagger-ui.css", "openapi.json"]);
    for (const file of files) expect((await call("GET", `/${file}`)).status, file).toBe(200);
    expect((await call("GET", "/docs/swagger-ui.css")).headers.get("content-type")).toBe("text/css");
  });

  it("has no other files, whatever the runtime could give", async () => {
    const asked: string[] = [];
    const { call } = startService({ apiPage: async (file) => (asked.push(file), null) });
    for (const file of ["index.html", "..%2f..%2fpackage.json", "%2e%2e", "swagger-ui.css.map", "__proto__"]) {
      expect((await call("GET", `/docs/${file}`)).status, file).toBe(404);
    }
    expect(asked).toEqual([]);
    for (const file of PAGE_FILES) expect((await call("GET", `/docs/${file}`)).status, file).toBe(404);
  });

  it("without its files says so, and where the same can be read", async () => {
    const { manager } = startService();
    const { apiPage: _without, ...options } = appOptions(manager);
    const answer = await send(createApp(options), "GET", "/docs");
    expect(answer).toMatchObject({ status: 501, json: { code: "not_supported", error: expect.stringContaining("/openapi.json") } });
  });
});
