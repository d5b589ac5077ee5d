// The alerts of a server, from what is wrong to a receiver that verifies them.

import { describe, expect, it, onTestFinished } from "vitest";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import type { HealthStatus } from "../../src/contract/health.ts";
import { createClockWatch, confirmClock } from "../../src/operations/clock-watch.ts";
import { startAlerting } from "../../src/runtimes/node/alerting.ts";
import { readConfig } from "../../src/runtimes/node/config.ts";
import { createLog } from "../../src/runtimes/node/log.ts";
import { observe } from "../../src/runtimes/node/observe.ts";
import { startServer } from "../../src/runtimes/node/server.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { startReceiver, WEBHOOK_SECRET } from "./receiver.ts";

/** A server's alerts, over memory, told to a receiver. `answer` is what that does. */
async function start(answer?: Parameters<typeof startReceiver>[0], env: Record<string, string> = {}) {
  const receiver = await startReceiver(answer);
  const folder = temporaryFolder();
  const config = readConfig({
    env: { ALERT_WEBHOOK_URL: receiver.url, ALERT_WEBHOOK_SECRET: WEBHOOK_SECRET, WEBHOOK_ALLOW_PRIVATE: "true", ...env },
    folder,
  });
  const stores = memoryStores();
  const manager = new ConversationManager(stores, { environment: "D" });
  const observed = observe(config);
  const startedAt = Date.now();
  const job = { lastDone: (): number | null => Date.now(), wake() {}, stop: async () => {} };
  const jobs = { sweep: { ...job }, outbox: { ...job }, cleanup: { ...job }, stop: async () => {} };
  const health = { hot: "ok" as HealthStatus };
  const alerting = startAlerting({
    config,
    service: { manager, files: [], figures: () => ({}) },
    jobs,
    clock: createClockWatch({ records: stores.records }),
    health: [{ name: "hot", run: async () => health.hot }],
    startedAt,
    observed,
    log: createLog("silent"),
  });
  onTestFinished(async () => {
    observed.close();
    await alerting.stop();
  });
  const run = async (): Promise<void> => {
    await alerting.alerts.look();
    await alerting.deliver();
  };
  const kinds = (): string[] => receiver.received.map(({ body }) => `${body.type} ${String(body.data["alert"])}`);
  return { ...receiver, stores, observed, jobs, health, run, kinds, alerting };
}

describe("the alerts of a server", () => {
  it("tell nothing while all is well", async () => {
    const { run, received } = await start();
    await run();
    expect(received).toEqual([]);
  });

  it("reach the receiver, signed, when something is wrong and when it is over", async () => {
    const { run, kinds, received, jobs, stores, observed } = await start();
    jobs.sweep.lastDone = () => Date.now() - 16 * 60_000;
    await stores.records.put("job", "clock", { reason: "jump", at: Date.now(), byMs: 3_600_000 });
    observed.degraded();
    await run();
    expect(kinds().toSorted()).toEqual(["alert.fired clock_jump", "alert.fired rate_limiter_degraded", "alert.fired sweep_stalled"]);
    jobs.sweep.lastDone = () => Date.now();
    await confirmClock(stores.records);
    await run();
    expect(kinds().slice(3).toSorted()).toEqual(["alert.resolved clock_jump", "alert.resolved sweep_stalled"]);
    expect(received.every(({ valid }) => valid)).toBe(true);
    expect(new Set(received.map(({ id }) => id)).size).toBe(5);
  });

  it("come again under the same ID when the receiver has failed, also from another server after a crash", async () => {
    const { run, jobs, received, stores, alerting } = await start((response, nth) => response.writeHead(nth === 1 ? 500 : 200).end());
    jobs.outbox.lastDone = () => Date.now() - 6 * 60_000;
    await run();
    expect(received).toHaveLength(1);
    const [waiting] = await stores.records.list("webhook", null, 10);
    await stores.records.put("webhook", waiting!.key, { ...(waiting!.value as object), nextAt: 0 });
    await alerting.deliver();
    expect(received.map(({ id }) => id)).toEqual([waiting!.key, waiting!.key]);
    expect(received.every(({ valid }) => valid)).toBe(true);
    expect(await stores.records.list("webhook", null, 10)).toEqual([]);
  });

  it("hold nothing that was said, and no address", async () => {
    const { run, received, jobs, observed } = await start();
    observed.failed(new Error("row of Rossi: la stampante non va"), "outbox");
    jobs.outbox.lastDone = () => 0;
    jobs.cleanup.lastDone = () => 0;
    await run();
    expect(received).toHaveLength(2);
    const text = JSON.stringify(received.map(({ body }) => body));
    expect(text).not.toMatch(/Rossi|stampante|127\.0\.0\.1|sqlite|\/tmp/);
  });

  it("go to no private address unless that is allowed", async () => {
    const { run, received, jobs, stores } = await start(undefined, { WEBHOOK_ALLOW_PRIVATE: "false" });
    jobs.sweep.lastDone = () => 0;
    await run();
    expect(received).toEqual([]);
    expect(await stores.records.list("webhook", null, 10)).toHaveLength(1);
  });

  it("run with the server: it finds, tells, counts and shows them, and stops", async () => {
    const { url, received } = await startReceiver();
    const env = { PORT: "0", ALERT_WEBHOOK_URL: url, ALERT_WEBHOOK_SECRET: WEBHOOK_SECRET, WEBHOOK_ALLOW_PRIVATE: "true" };
    const server = await startServer(readConfig({ env, folder: temporaryFolder() }), { log: createLog("silent") });
    try {
      await server.manager.stores.records!.put("job", "clock", { reason: "jump", at: Date.now(), byMs: 3_600_000 });
      while (received.length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
      expect(received[0]).toMatchObject({ valid: true, body: { type: "alert.fired", data: { alert: "clock_jump" } } });
      const text = await (await fetch(`${server.url}/metrics`)).text();
      expect(text).toContain('itera_alerts_firing{alert="clock_jump"} 1');
      expect(text).toContain('itera_webhook_attempts_total{outcome="delivered"} 1');
      expect(text).toContain('itera_clock_paused{work="purge"} 1');
    } finally {
      await server.close();
    }
  });

  it("stop at once, though a receiver does not answer", async () => {
    const { alerting, jobs, received } = await start(() => {});
    jobs.sweep.lastDone = () => 0;
    await alerting.alerts.look();
    const delivering = alerting.deliver();
    while (received.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const began = performance.now();
    await alerting.stop();
    await delivering;
    expect(performance.now() - began).toBeLessThan(5000);
  });
});
