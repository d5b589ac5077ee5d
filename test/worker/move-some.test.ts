// The cron's move out of KV: one record that cannot be moved keeps no other from moving.

import { expect, it } from "vitest";
import { kvHotStore } from "../../src/adapters/cloudflare-kv/hot-store.ts";
import type { KVNamespaceLike } from "../../src/adapters/cloudflare-kv/kv-namespace.ts";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { StoreUnavailableError, TooLargeError } from "../../src/core/errors.ts";
import type { HotStore } from "../../src/core/hot-store.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import { movingHotStore } from "../../src/core/moving-store.ts";
import { createLog } from "../../src/runtimes/worker/log.ts";
import { moveSome } from "../../src/runtimes/worker/move-some.ts";

/** A KV that lists, with what it holds. */
function listedKv(): { kv: KVNamespaceLike; held: Map<string, string> } {
  const held = new Map<string, string>();
  const kv: KVNamespaceLike = {
    get: async (key) => held.get(key) ?? null,
    put: async (key, value) => void held.set(key, value),
    delete: async (key) => void held.delete(key),
    async list({ prefix, limit = 1000, cursor }) {
      const names = [...held.keys()].filter((name) => name.startsWith(prefix) && name > (cursor ?? "")).toSorted();
      const page = names.slice(0, limit);
      const rest = names.length > limit;
      return { keys: page.map((name) => ({ name })), list_complete: !rest, ...(rest && { cursor: page.at(-1)! }) };
    },
  };
  return { kv, held };
}

async function world(count: number, wrap: (to: HotStore) => HotStore = (to) => to) {
  const { kv, held } = listedKv();
  const { hot, archive, records } = memoryStores();
  const from = (onUnreadable?: (id: string, error: Error) => void) => kvHotStore(kv, onUnreadable ? { onUnreadable } : {});
  const old = new ConversationManager({ hot: from(), archive, directory: null, records: null }, { environment: "D" });
  const ids: string[] = [];
  for (let i = 0; i < count; i++) ids.push((await old.createConversation({ messages: [{ role: "user", content: `${i}` }] })).id);
  ids.sort();
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
  const log = createLog("debug", { log: write, warn: write, error: write });
  const moving = { from, to: movingHotStore({ from: from(), to: wrap(hot), archive }) };
  return { ids, held, hot, lines, run: () => moveSome(moving, records, log) };
}

it.each(["not JSON at all", "[]"])("a record that is %s is left and named; all others move", async (damaged) => {
  const { ids, held, hot, lines, run } = await world(5);
  const stranger = "ITERA_20200101_000000_AAAAAAAAAAAA_D";
  held.set(`conv:${stranger}`, damaged);
  expect(await run()).toEqual({ moved: 5, stuck: 1 });
  expect([...held.keys()]).toEqual([`conv:${stranger}`]);
  expect((await hot.heads(ids)).map((head) => head?.id)).toEqual(ids);
  expect(lines).toMatchObject([{ level: 50, key: stranger }]);
  expect(JSON.stringify(lines)).not.toContain("not JSON at all");
});

it("a conversation that the new store refuses is left and named; all others move", async () => {
  let refused = "";
  const { ids, held, lines, run } = await world(4, (to) => ({
    ...to,
    async create(whole, options) {
      if (whole.head.id === refused) throw new TooLargeError("too large");
      return to.create(whole, options);
    },
  }));
  refused = ids[0]!;
  expect(await run()).toEqual({ moved: 3, stuck: 1 });
  expect([...held.keys()]).toEqual([`conv:${refused}`]);
  expect(lines).toMatchObject([{ level: 50, key: refused }]);
});

it("however many cannot be moved: each run goes on where the last one stopped, and in the end begins again", async () => {
  const { ids, held, run } = await world(3);
  for (let i = 0; i < 120; i++) held.set(`conv:ITERA_20200101_000000_${String(i).padStart(12, "0")}_D`, "damaged");
  const runs = [await run(), await run(), await run()];
  expect(runs.reduce((sum, result) => sum + result.moved, 0)).toBe(3);
  expect([...held.keys()].filter((key) => ids.includes(key.slice(5)))).toEqual([]);
  expect(held.size).toBe(120);
});

it("a store that does not answer ends the run", async () => {
  const { run, held } = await world(2, (to) => ({ ...to, create: () => Promise.reject(new StoreUnavailableError("away")) }));
  await expect(run()).rejects.toThrow(StoreUnavailableError);
  expect(held.size).toBe(2);
});
