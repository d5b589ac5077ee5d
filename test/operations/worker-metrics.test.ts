import { describe, expect, it } from "vitest";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import { WORKER_METRICS, workerMetrics } from "../../src/runtimes/worker/metrics.ts";

describe("the metrics of a Worker", () => {
  it("are gauges from the directory alone: what lives, and what today and yesterday began, without any ID", async () => {
    const time = { now: Date.UTC(2026, 0, 14, 12) };
    const clock = () => time.now;
    const stores = memoryStores({ clock });
    const manager = new ConversationManager(stores, { environment: "D", clock });
    const before = await manager.createConversation();
    time.now += 12 * 3_600_000;
    const { id } = await manager.createConversation({ messages: [{ role: "user", content: "la stampante" }] });
    await manager.createConversation({ metadata: { source: "canary" } });
    await manager.archiveConversation(before.id);
    await manager.completeConversation(id);
    await manager.deliver();
    const text = await workerMetrics(stores.directory, time.now);
    const samples = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    expect(samples).toEqual([
      "itera_conversations_live 2",
      'itera_day_conversations{day="today"} 2',
      'itera_day_conversations{day="yesterday"} 1',
      'itera_day_completed{day="today"} 1',
      'itera_day_completed{day="yesterday"} 0',
      'itera_day_archived{day="today"} 0',
      'itera_day_archived{day="yesterday"} 1',
      'itera_day_messages{day="today"} 1',
      'itera_day_messages{day="yesterday"} 0',
    ]);
    const types = [...text.matchAll(/^# TYPE (\w+) gauge$/gm)].map((match) => match[1]);
    expect(types).toEqual(Object.keys(WORKER_METRICS));
    expect(text.endsWith("\n")).toBe(true);
  });
});
