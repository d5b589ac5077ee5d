import { expect, it } from "vitest";
import { keepDailyCounts, lastDays, readDailyCounts } from "../../src/adapters/cloudflare-kv/daily-counts.ts";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { archivedAt, DAY, HOUR, makeHead } from "../../src/conformance/make-conversation.ts";
import { StoredDataError } from "../../src/core/errors.ts";
import { KvProductionDouble } from "../kv-production-double.ts";

const MONDAY = Date.parse("2025-01-20T00:00:00.000Z");

function world() {
  let now = MONDAY + 3 * DAY;
  const kv = new KvProductionDouble({ clock: () => now });
  const { directory } = memoryStores({ clock: () => now });
  return { kv, directory, now: () => now, pass: (ms: number) => void (now += ms) };
}

it("the counts of each day are kept, without an end, and read back by day and source", async () => {
  const { kv, directory, now } = world();
  await directory.index(makeHead(MONDAY, { source: "widget", lastSeq: 4, lastActivity: MONDAY + HOUR }));
  await directory.index(makeHead(MONDAY, { source: "api", lastSeq: 1 }));
  await directory.index(makeHead(MONDAY + 2 * DAY, { source: "api", ...archivedAt(MONDAY + 2 * DAY) }));
  const span = lastDays(now(), 4);
  expect(span).toEqual({ from: "2025-01-20", to: "2025-01-23" });
  expect(await keepDailyCounts(kv, directory, span)).toEqual({ days: 2, written: 2 });
  expect(kv.values.keys().toSorted()).toEqual(["daily:2025-01-20", "daily:2025-01-22"]);
  expect(kv.values.writes.filter(({ ttl }) => ttl !== null)).toEqual([]);
  const counts = await readDailyCounts(kv, span);
  expect(counts.map(({ day, source, total, messages, seconds, archived }) => [day, source, total, messages, seconds, archived])).toEqual([
    ["2025-01-20", "api", 1, 1, 0, 0],
    ["2025-01-20", "widget", 1, 4, 3600, 0],
    ["2025-01-22", "api", 1, 0, 0, 1],
  ]);
});

it("what has not changed is not written again, and what has is", async () => {
  const { kv, directory, now, pass } = world();
  const head = makeHead(MONDAY, { lastSeq: 1 });
  await directory.index(head);
  await directory.index(makeHead(MONDAY + DAY));
  const span = lastDays(now(), 31);
  await keepDailyCounts(kv, directory, span);
  expect(await keepDailyCounts(kv, directory, span)).toEqual({ days: 2, written: 0 });
  pass(HOUR);
  await directory.index({ ...head, version: 2, lastSeq: 2 });
  expect(await keepDailyCounts(kv, directory, span)).toEqual({ days: 2, written: 1 });
  expect((await readDailyCounts(kv, span)).map(({ messages }) => messages)).toEqual([2, 0]);
});

it("days that were purged from the directory's span stay as they were kept", async () => {
  const { kv, directory } = world();
  await directory.index(makeHead(MONDAY));
  await keepDailyCounts(kv, directory, { from: "2025-01-20", to: "2025-01-20" });
  await keepDailyCounts(kv, directory, { from: "2025-01-21", to: "2025-01-22" });
  expect(await readDailyCounts(kv, { from: "2025-01-01", to: "2025-01-31" })).toHaveLength(1);
});

it("a key that holds something else is a clear error", async () => {
  const { kv } = world();
  for (const value of ["{", "{}", "null"]) {
    kv.values.fill("daily:2025-01-20", value);
    await expect(readDailyCounts(kv, { from: "2025-01-20", to: "2025-01-20" })).rejects.toThrow(StoredDataError);
  }
});
