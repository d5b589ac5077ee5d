/** What records promise: compare-and-set, pages in key order, and an end. */
import assert from "node:assert/strict";
import type { Records } from "../core/records.ts";
import type { ConformanceCase, ConformanceContext } from "./conformance-case.ts";
import { EXACT_VALUES } from "./exact-values.ts";
import { numbers, recordsOf, sameJson } from "./expectations.ts";
import { DAY, HOUR } from "./make-conversation.ts";

function promise(name: string, run: (records: Records, context: ConformanceContext) => Promise<void>): ConformanceCase {
  return { name: `records: ${name}`, needs: ["records"], run: (context) => run(recordsOf(context.stores), context) };
}

export const recordsCases: readonly ConformanceCase[] = [
  promise("what is not there reads as null", async (records) => {
    assert.equal(await records.get("job", "nothing"), null);
    assert.deepEqual(await records.list("job", null, 10), []);
    await records.remove("job", "nothing");
  }),

  promise("put without a condition always writes, and the version counts from 1", async (records) => {
    for (const version of numbers(1, 3)) {
      sameJson(await records.put("job", "a", { run: version }), { won: true, value: { run: version }, version });
      sameJson(await records.get("job", "a"), { value: { run: version }, version });
    }
  }),

  promise("ifVersion 0 writes only if there is none, else answers what is there", async (records) => {
    sameJson(await records.put("claim", "a", "first", { ifVersion: 0 }), { won: true, value: "first", version: 1 });
    sameJson(await records.put("claim", "a", "second", { ifVersion: 0 }), { won: false, value: "first", version: 1 });
    sameJson(await records.get("claim", "a"), { value: "first", version: 1 });
  }),

  promise("another ifVersion writes only over that version", async (records) => {
    sameJson(await records.put("job", "a", "none yet", { ifVersion: 1 }), { won: false, value: null, version: 0 });
    assert.equal(await records.get("job", "a"), null);
    await records.put("job", "a", "one");
    sameJson(await records.put("job", "a", "two", { ifVersion: 1 }), { won: true, value: "two", version: 2 });
    for (const ifVersion of [1, 3]) {
      sameJson(await records.put("job", "a", "late", { ifVersion }), { won: false, value: "two", version: 2 });
    }
    sameJson(await records.get("job", "a"), { value: "two", version: 2 });
  }),

  promise("of 20 claims at once one wins, and the others are answered the winner's value", async (records) => {
    const results = await Promise.all(numbers(1, 20).map((by) => records.put("claim", "a", { by }, { ifVersion: 0 })));
    const winner = results.findIndex(({ won }) => won);
    assert.equal(results.filter(({ won }) => won).length, 1);
    for (const { value, version } of results) sameJson({ value, version }, { value: { by: winner + 1 }, version: 1 });
  }),

  promise("20 counters at once that retry when they lose lose no count", async (records) => {
    await Promise.all(
      numbers(1, 20).map(async () => {
        for (;;) {
          const stored = await records.get("count", "a");
          const count = ((stored?.value as number | undefined) ?? 0) + 1;
          if ((await records.put("count", "a", count, { ifVersion: stored?.version ?? 0 })).won) return;
        }
      }),
    );
    sameJson(await records.get("count", "a"), { value: 20, version: 20 });
  }),

  promise("20 unconditional writes at once are 20 versions", async (records) => {
    const results = await Promise.all(numbers(1, 20).map((by) => records.put("job", "a", { by })));
    assert.deepEqual(
      results.map(({ version }) => version).toSorted((a, b) => a - b),
      numbers(1, 20),
    );
    const last = results.findIndex(({ version }) => version === 20);
    sameJson(await records.get("job", "a"), { value: { by: last + 1 }, version: 20 });
  }),

  promise("kinds are apart", async (records) => {
    await records.put("job", "a", 1);
    await records.put("claim", "a", 2);
    sameJson(await records.get("job", "a"), { value: 1, version: 1 });
    await records.remove("job", "a");
    assert.equal(await records.get("job", "a"), null);
    sameJson(await records.list("claim", null, 10), [{ key: "a", value: 2, version: 1 }]);
    assert.deepEqual(await records.list("job", null, 10), []);
  }),

  promise("what was removed is gone, and begins again at version 1", async (records) => {
    await records.put("job", "a", 1);
    await records.put("job", "a", 2);
    await records.remove("job", "a");
    assert.equal(await records.get("job", "a"), null);
    sameJson(await records.put("job", "a", 3, { ifVersion: 0 }), { won: true, value: 3, version: 1 });
  }),

  promise("a list is in the order of the keys, in pages", async (records) => {
    const keys = ["B", "a", "aa", "b", "0", "10", "9", "a:b", "a b", "z/é", "~"];
    for (const key of keys) await records.put("job", key, { key });
    const sorted = keys.toSorted();
    const all = await records.list("job", null, 100);
    sameJson(
      all,
      sorted.map((key) => ({ key, value: { key }, version: 1 })),
    );
    sameJson(await records.list("job", sorted[2]!, 3), all.slice(3, 6));
    sameJson(await records.list("job", "aaa", 2), all.filter(({ key }) => key > "aaa").slice(0, 2));
    sameJson(await records.list("job", sorted.at(-1)!, 3), []);
  }),

  promise("what has ended is not there", async (records, { clock }) => {
    await records.put("claim", "a", "short", { until: clock.now() + 1000 });
    await records.put("claim", "b", "long", { until: clock.now() + DAY });
    await records.put("claim", "c", "longer", { until: clock.now() + 1000 });
    sameJson(await records.put("claim", "c", "longer", { until: clock.now() + DAY }), { won: true, value: "longer", version: 2 });
    await records.put("claim", "d", "endless", { until: clock.now() + 1000 });
    await records.put("claim", "d", "endless");
    await clock.pass(1000);
    assert.equal(await records.get("claim", "a"), null);
    assert.deepEqual(
      (await records.list("claim", null, 10)).map(({ key }) => key),
      ["b", "c", "d"],
    );
    sameJson(await records.put("claim", "a", "late", { ifVersion: 1 }), { won: false, value: null, version: 0 });
    sameJson(await records.put("claim", "a", "new", { ifVersion: 0 }), { won: true, value: "new", version: 1 });
    sameJson(await records.get("claim", "a"), { value: "new", version: 1 });
  }),

  promise("a write that was lost does not move the end", async (records, { clock }) => {
    const until = clock.now() + 1000;
    await records.put("claim", "a", "first", { ifVersion: 0, until });
    await records.put("claim", "a", "second", { ifVersion: 0, until: until + DAY });
    await clock.pass(1000);
    assert.equal(await records.get("claim", "a"), null);
  }),

  promise("forget removes what has ended by then, at most so many, and answers how many", async (records, { clock }) => {
    const now = clock.now();
    for (const i of numbers(1, 6)) await records.put(i % 2 ? "claim" : "job", `${i}`, i, { until: now + i * HOUR });
    await records.put("job", "endless", 0);
    assert.equal(await records.forget(now + HOUR - 1, 100), 0);
    assert.equal(await records.forget(now + 4 * HOUR, 3), 3);
    assert.equal(await records.forget(now + 4 * HOUR, 100), 1);
    assert.equal(await records.forget(now + 4 * HOUR, 100), 0);
    const left = [...(await records.list("claim", null, 10)), ...(await records.list("job", null, 10))];
    assert.deepEqual(
      left.map(({ key }) => key),
      ["5", "6", "endless"],
    );
  }),

  promise("what callers do with their objects afterwards changes nothing that is stored", async (records) => {
    const value = { list: [1] };
    const written = await records.put("job", "a", value);
    for (const mine of [value, written.value, (await records.get("job", "a"))!.value, (await records.list("job", null, 1))[0]!.value]) {
      (mine as { list: number[] }).list.push(2);
    }
    sameJson(await records.get("job", "a"), { value: { list: [1] }, version: 1 });
  }),

  promise("values come back equal: anything that JSON can carry", async (records) => {
    const values = [...Object.values(EXACT_VALUES), null, true, false, 0, -1.5, "", "text", [], [1, [2]]];
    for (const [i, value] of values.entries()) {
      const written = await records.put("value", `${i}`, value);
      sameJson(written.value, value);
      sameJson((await records.get("value", `${i}`))?.value, value);
    }
    assert.equal((await records.list("value", null, 100)).length, values.length);
    for (const { key, value } of await records.list("value", null, 100)) sameJson(value, values[Number(key)]);
  }),
];
