// The cron's jobs: each is tried, whatever became of the others.

import { expect, it } from "vitest";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { StoreUnavailableError } from "../../src/core/errors.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import { checkSettings } from "../../src/runtimes/check-settings.ts";
import { serviceKeys } from "../../src/runtimes/guard.ts";
import { runJobs } from "../../src/runtimes/worker/jobs.ts";
import { createLog } from "../../src/runtimes/worker/log.ts";

const BY_HAND = { cron: "", scheduledTime: Date.UTC(2026, 0, 15, 6, 7) };

function world(stores = memoryStores()) {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
  const settings = checkSettings(new Map([["ENVIRONMENT", "development"]]));
  const secret = new Uint8Array(32);
  const service = {
    settings,
    manager: new ConversationManager(stores, { environment: "D" }),
    moving: null,
    secret,
    keys: serviceKeys(settings, secret, stores.records, () => {}),
    log: createLog("debug", { log: write, warn: write, error: write }),
    startedAt: 0,
  };
  return { lines, service, of: (msg: string) => lines.filter((line) => line["msg"] === msg).map((line) => line["job"]) };
}

it("all of them run when somebody calls by hand", async () => {
  const { service, of } = world();
  await runJobs(service, {}, BY_HAND);
  expect(of("job done")).toEqual(expect.arrayContaining(["sweep", "outbox", "cleanup"]));
});

it("every minute what expires is seen to, every hour what takes longer", async () => {
  const minute = world();
  await runJobs(minute.service, {}, { ...BY_HAND, cron: "* * * * *" });
  expect(minute.of("job done")).toEqual(["sweep", "outbox"]);
  const hour = world();
  await runJobs(hour.service, {}, { ...BY_HAND, cron: "7 * * * *" });
  expect(hour.of("job done")).toContain("cleanup");
  expect(hour.of("job done")).not.toContain("sweep");
});

it("one that fails keeps no other from running, and the run counts as failed", async () => {
  const stores = memoryStores();
  const down = () => Promise.reject(new StoreUnavailableError("down"));
  const { service, of } = world({ ...stores, hot: { ...stores.hot, take: down } });
  await expect(runJobs(service, {}, BY_HAND)).rejects.toThrow("Jobs failed: sweep");
  expect(of("a job failed")).toEqual(["sweep"]);
  expect(of("job done")).toEqual(expect.arrayContaining(["outbox", "cleanup"]));
});

it("the days are counted for others to read, once an hour", async () => {
  const kept = new Map<string, string>();
  const CONVERSATION_ANALYTICS = {
    get: async (key: string) => kept.get(key) ?? null,
    put: async (key: string, value: string) => void kept.set(key, value),
    delete: async (key: string) => void kept.delete(key),
  };
  const { service } = world();
  await service.manager.createConversation({ metadata: { source: "shop" } });
  await service.manager.sweep();
  const now = { cron: "7 * * * *", scheduledTime: Date.now() };
  await runJobs(service, { CONVERSATION_ANALYTICS }, now);
  expect([...kept.values()].map((text) => JSON.parse(text) as unknown)).toEqual([[expect.objectContaining({ source: "shop", total: 1 })]]);
});
