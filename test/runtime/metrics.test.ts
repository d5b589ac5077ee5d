// The metrics of a server that runs: what they count, who may see them, and that nothing private is in them.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { METRICS } from "../../src/operations/metric-table.ts";
import { createMetrics } from "../../src/operations/metrics.ts";
import { PORT_METHODS, watchedStores } from "../../src/operations/watched-stores.ts";
import { createContract } from "../../src/contract/index.ts";
import { DEFAULT_LIMITS } from "../../src/core/limits.ts";
import { createLog } from "../../src/runtimes/node/log.ts";
import { readConfig, startServer, type RunningServer } from "../../src/runtimes/node/server.ts";
import { runConformance } from "../adapters/run-conformance.ts";
import { describeWith } from "../engines.ts";
import { freshSchema } from "../postgres.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const SAID = "la stampante del cliente Rossi non va";
const PERSON = "rossi@example.com";

interface Sample {
  readonly name: string;
  readonly labels: Record<string, string>;
  readonly value: number;
}

/** The samples of a text, which must be well formed. */
function samplesOf(text: string): Sample[] {
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [, name, labels, value] = /^([a-z_][\w:]*)(?:\{(.*)\})? (\S+)$/i.exec(line) ?? [];
      if (name === undefined || value === undefined) throw new Error(`no sample: ${line}`);
      const pairs = [...(labels ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map((match) => [match[1]!, match[2]!]);
      return { name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) };
    });
}

function sum(samples: readonly Sample[], name: string, labels: Record<string, string> = {}): number {
  return samples
    .filter((one) => one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value))
    .reduce((total, { value }) => total + value, 0);
}

let folder: string;
let server: RunningServer;
const ids: string[] = [];

const get = (path: string, init?: RequestInit): Promise<Response> => fetch(`${server.url}${path}`, init);
const post = (path: string, body: object): Promise<Response> =>
  get(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
const seen = async (): Promise<Sample[]> => samplesOf(await (await get("/metrics")).text());

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "itera-"));
  server = await startServer(readConfig({ env: { PORT: "0" }, folder }), { log: createLog("silent") });
  for (let i = 0; i < 3; i++) {
    const created = await post("/api/v1/conversations", { initialContext: { email: PERSON }, source: "canary-source" });
    const { conversationId } = (await created.json()) as { conversationId: string };
    ids.push(conversationId);
    await post(`/api/v1/conversations/${conversationId}/messages`, { role: "user", content: SAID });
    await get(`/api/v1/conversations/${conversationId}`);
  }
  await post(`/api/v1/conversations/${ids[0]}/complete`, {});
  await get("/api/v1/conversations/nonsense");
  await get(`/nowhere/${ids[0]}`);
  await get("/health", { method: "PROPFIND" });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

describe("the metrics of a server", () => {
  it("count requests by the pattern of their route and by status, and how long they took", async () => {
    const samples = await seen();
    const create = { method: "POST", route: "/api/v1/conversations" };
    expect(sum(samples, "itera_http_requests_total", { ...create, status: "200" })).toBe(3);
    expect(sum(samples, "itera_http_request_duration_seconds_count", create)).toBe(3);
    expect(sum(samples, "itera_http_requests_total", { route: "/api/v1/conversations/{id}", status: "400" })).toBe(1);
    expect(sum(samples, "itera_http_requests_total", { route: "none", method: "GET", status: "404" })).toBe(1);
    expect(sum(samples, "itera_http_requests_total", { route: "none", method: "other" })).toBe(1);
    // The request that looks is one itself.
    expect(sum(samples, "itera_http_requests_in_flight")).toBe(1);
  });

  it("tell of stores, conversations, events, jobs, health, files and the process", async () => {
    const samples = await seen();
    expect(sum(samples, "itera_store_operation_duration_seconds_count", { port: "hot", method: "commit" })).toBeGreaterThanOrEqual(4);
    expect(sum(samples, "itera_conversations_live")).toBe(3);
    expect(sum(samples, "itera_lifecycle_events_total", { event: "created" })).toBe(3);
    expect(sum(samples, "itera_lifecycle_events_total", { event: "completed" })).toBe(1);
    for (const job of ["sweep", "outbox", "cleanup"]) expect(sum(samples, "itera_job_age_seconds", { task: job }), job).toBeGreaterThan(0);
    expect(samples.filter(({ name }) => name === "itera_health_status").map(({ value }) => value)).toEqual([0, 0, 0, 0, 0]);
    expect(sum(samples, "itera_sqlite_file_bytes", { file: "database" })).toBeGreaterThan(0);
    expect(samples.some(({ name, labels }) => name === "itera_sqlite_file_bytes" && labels["file"] === "log")).toBe(true);
    expect(sum(samples, "itera_disk_free_bytes")).toBeGreaterThan(0);
    expect(sum(samples, "itera_build_info")).toBe(1);
    for (const name of ["process_cpu_seconds_total", "process_resident_memory_bytes", "nodejs_eventloop_lag_seconds"])
      expect(
        samples.some((sample) => sample.name === name),
        name,
      ).toBe(true);
  });

  it("have labels from short closed lists alone: no ID, no address, nothing that was said or sent", async () => {
    const text = await (await get("/metrics")).text();
    const contract = createContract({ limits: DEFAULT_LIMITS, maxExtensionHours: 168 });
    const routes = new Set([...Object.values(contract).map(({ path }) => path), "none"]);
    const methods = new Set(Object.values(PORT_METHODS).flat());
    const own = samplesOf(text).filter(({ name }) => name.startsWith("itera_"));
    expect(own.length).toBeGreaterThan(100);
    const known: Record<string, (value: string, labels: Record<string, string>) => boolean> = {
      route: (value) => routes.has(value),
      port: (value, { method }) => value in PORT_METHODS && methods.has(method!),
      method: (value, { port }) => port !== undefined || ["GET", "POST", "other"].includes(value),
      version: (value) => /^\d+\.\d+\.\d+$/.test(value),
      le: (value) => /^[\d.]+$|^\+Inf$/.test(value),
    };
    const short = (value: string): boolean => /^[a-z_-]{2,20}$|^\d{3}$/.test(value);
    const strange = own.flatMap(({ name, labels }) =>
      Object.entries(labels).flatMap(([label, value]) => ((known[label] ?? short)(value, labels) ? [] : [`${name} ${label}=${value}`])),
    );
    expect(strange).toEqual([]);
    for (const secret of [...ids, SAID, "stampante", PERSON, "canary-source", "nonsense", "nowhere", "PROPFIND", "127.0.0.1"])
      expect(text).not.toContain(secret);
    expect(text).not.toMatch(/ITERA_\d{8}/);
  });

  it("are Prometheus text: each with help and type, none twice, every one from the table", async () => {
    const answer = await get("/metrics");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const types = [...(await answer.text()).matchAll(/^# TYPE (\S+) (\w+)$/gm)].map((match) => [match[1]!, match[2]!] as const);
    expect(new Set(types.map(([name]) => name)).size).toBe(types.length);
    expect(Object.fromEntries(types.filter(([name]) => name.startsWith("itera_")))).toEqual(
      Object.fromEntries(Object.entries(METRICS).map(([name, { type }]) => [name, type])),
    );
  });

  it("are for operators: a server with keys shows them to no one else", async () => {
    const closed = await startServer(readConfig({ env: { PORT: "0" }, folder: temporaryFolder() }), { log: createLog("silent") });
    try {
      const made = async (scope: string): Promise<string> => {
        const answer = await fetch(`${closed.url}/api/v1/keys`, {
          method: "POST",
          headers: { "content-type": "application/json", ...(admin && { authorization: `Bearer ${admin}` }) },
          body: JSON.stringify({ scope }),
        });
        return ((await answer.json()) as { key: string }).key;
      };
      let admin: string | null = null;
      admin = await made("admin");
      const look = async (key: string): Promise<number> =>
        (await fetch(`${closed.url}/metrics`, { headers: { authorization: `Bearer ${key}` } })).status;
      expect([await look(await made("service")), await look(await made("operator")), await look(admin)]).toEqual([403, 200, 200]);
    } finally {
      await closed.close();
    }
  });

  it("are off with METRICS_ENABLED=false: 501, and nothing is kept", async () => {
    const env = { PORT: "0", METRICS_ENABLED: "false" };
    const off = await startServer(readConfig({ env, folder: temporaryFolder() }), { log: createLog("silent") });
    try {
      const answer = await fetch(`${off.url}/metrics`);
      expect(answer.status).toBe(501);
      expect(await answer.json()).toMatchObject({ success: false, code: "not_supported" });
    } finally {
      await off.close();
    }
  });
});

describeWith("postgresql", "a server over PostgreSQL", (at) => {
  it("tells of the connections of each pool", async () => {
    const schema = await freshSchema(at);
    onTestFinished(() => schema.dispose());
    const env = { PORT: "0", DATABASE_URL: schema.url };
    const server = await startServer(readConfig({ env, folder: temporaryFolder() }), { log: createLog("silent") });
    onTestFinished(() => server.close());
    const samples = samplesOf(await (await fetch(`${server.url}/metrics`)).text());
    const pools = samples
      .filter(({ name }) => name === "itera_database_connections")
      .map(({ labels }) => `${labels["pool"]} ${labels["state"]}`);
    expect(pools).toEqual(["requests busy", "requests idle", "jobs busy", "jobs idle"]);
    expect(sum(samples, "itera_database_connections")).toBeGreaterThan(0);
    expect(samples.filter(({ name }) => name === "itera_database_waiting")).toHaveLength(2);
    expect(samples.some(({ name }) => name.startsWith("itera_sqlite"))).toBe(false);
  });
});

describe("metrics", () => {
  it("keep what is counted before anybody has looked", async () => {
    const metrics = createMetrics();
    metrics.count("itera_job_failures_total", { task: "sweep" });
    metrics.observe("itera_http_request_duration_seconds", { method: "GET", route: "/x" }, 0.02);
    const samples = samplesOf(await metrics.text());
    metrics.close();
    expect(sum(samples, "itera_job_failures_total", { task: "sweep" })).toBe(1);
    expect(sum(samples, "itera_http_request_duration_seconds_sum")).toBe(0.02);
  });

  it("show the rest when a source fails or never answers, and nothing that has gone", async () => {
    const metrics = createMetrics();
    let there = true;
    metrics.addSource(() => Promise.reject(new Error("no")));
    metrics.addSource(() => {
      throw new Error("no");
    });
    metrics.addSource(() => new Promise(() => {}));
    metrics.addSource(() => (there ? [{ name: "itera_health_status", labels: { check: "hot" }, value: 2 }] : []));
    expect(sum(samplesOf(await metrics.text()), "itera_health_status")).toBe(2);
    there = false;
    expect(samplesOf(await metrics.text()).filter(({ name }) => name === "itera_health_status")).toEqual([]);
    metrics.close();
  });
});

describe("watched stores", () => {
  it("tell of every call, of its failure by itself, and of what happens within a turn", async () => {
    const calls: string[] = [];
    const real = memoryStores();
    const hot = { ...real.hot, turn: <T>(_: string, work: (within: typeof real.hot) => Promise<T>): Promise<T> => work(real.hot) };
    const broken = { ...real.records, get: () => Promise.reject(new Error("away")) };
    const stores = watchedStores({ hot, archive: null, directory: real.directory, records: broken }, (port, method, ms, error) => {
      expect(ms).toBeGreaterThanOrEqual(0);
      calls.push(`${port}.${method}${error === undefined ? "" : ` ${(error as Error).message}`}`);
    });
    expect(await stores.hot.turn!("x", async (within) => (await within.heads(["x"])).length)).toBe(1);
    await expect(stores.records!.get("a", "b")).rejects.toThrow("away");
    expect(await stores.directory!.live()).toBe(0);
    expect(stores.archive).toBeNull();
    expect(stores.hot.capabilities).toBe(real.hot.capabilities);
    expect(calls).toEqual(["hot.heads", "hot.turn", "records.get away", "directory.live"]);
    expect(watchedStores(real, () => {}).hot).not.toHaveProperty("turn");
  });
});

runConformance("watched stores", { open: (clock) => watchedStores(memoryStores({ clock }), () => {}) });
