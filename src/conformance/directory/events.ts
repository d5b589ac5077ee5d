/** What the history of events promises: each once, oldest first. */
import assert from "node:assert/strict";
import type { Directory, RecordedEvent } from "../../core/directory.ts";
import type { ConformanceCase, ConformanceContext } from "../conformance-case.ts";
import { EXACT_VALUES } from "../exact-values.ts";
import { directoryOf, numbers, sameJson } from "../expectations.ts";
import { makeHead } from "../make-conversation.ts";

function promise(name: string, run: (directory: Directory, context: ConformanceContext) => Promise<void>): ConformanceCase {
  return { name: `directory: events: ${name}`, needs: ["directory"], run: (context) => run(directoryOf(context.stores), context) };
}

function recorded(id: string, at: number, type: string, n = `${id} ${type}`): RecordedEvent {
  return { n, id, event: { type, at, details: { of: type } } };
}

async function types(directory: Directory, id: string): Promise<string[]> {
  return (await directory.events(id, null, 1000)).events.map(({ type }) => type);
}

export const eventCases: readonly ConformanceCase[] = [
  promise("they are those of their conversation, as they were recorded", async (directory, { clock }) => {
    const now = clock.now();
    const [id, other] = [makeHead(now).id, makeHead(now).id];
    const all = [recorded(id, now, "created"), recorded(other, now, "created"), recorded(id, now + 1, "extended")];
    await directory.record(all);
    await directory.record([]);
    sameJson(await directory.events(id, null, 10), { events: [all[0]!.event, all[2]!.event], next: null });
    sameJson(await directory.events(other, null, 10), { events: [all[1]!.event], next: null });
  }),

  promise("one whose name is known is not kept twice, in one call or in several, at once or later", async (directory, { clock }) => {
    const now = clock.now();
    const { id } = makeHead(now);
    const [created, extended] = [recorded(id, now, "created"), recorded(id, now + 1, "extended")];
    await Promise.all(numbers(1, 10).map(() => directory.record([created, extended, created])));
    await directory.record([{ ...created, event: { ...created.event, type: "other" } }, recorded(id, now + 2, "archived")]);
    assert.deepEqual(await types(directory, id), ["created", "extended", "archived"]);
  }),

  promise("equal events under different names are both kept", async (directory, { clock }) => {
    const now = clock.now();
    const { id } = makeHead(now);
    await directory.record([recorded(id, now, "extended", "n1"), recorded(id, now, "extended", "n2")]);
    assert.deepEqual(await types(directory, id), ["extended", "extended"]);
  }),

  promise("they come oldest first, and as they were recorded at the same time", async (directory, { clock }) => {
    const now = clock.now();
    const { id } = makeHead(now);
    await directory.record([recorded(id, now + 5, "z"), recorded(id, now + 5, "a"), recorded(id, now + 5, "m")]);
    await directory.record([recorded(id, now, "first")]);
    await directory.record([recorded(id, now + 5, "b"), recorded(id, now + 6, "last"), recorded(id, now + 1, "second")]);
    assert.deepEqual(await types(directory, id), ["first", "second", "z", "a", "m", "b", "last"]);
  }),

  promise("pages hold each once, many of the same time too, while new ones come", async (directory, { clock }) => {
    const now = clock.now();
    const { id } = makeHead(now);
    await directory.record(numbers(1, 25).map((i) => recorded(id, now + Math.floor(i / 9), `e${i}`)));
    const seen: string[] = [];
    for (let after: string | null = null, i = 0; i < 100; i++) {
      const { events, next }: Awaited<ReturnType<Directory["events"]>> = await directory.events(id, after, 4);
      seen.push(...events.map(({ type }) => type));
      if (next === null) break;
      assert.equal(events.length, 4);
      if (i === 2) await directory.record([recorded(id, now + 100, "new")]);
      after = next;
    }
    assert.deepEqual(seen, [...numbers(1, 25).map((i) => `e${i}`), "new"]);
    assert.equal((await directory.events(id, null, 26)).next, null);
    assert.notEqual((await directory.events(id, null, 25)).next, null);
  }),

  promise("forgetEvents removes those of before, at most so many, and answers how many", async (directory, { clock }) => {
    const now = clock.now();
    const [id, other] = [makeHead(now).id, makeHead(now).id];
    await directory.record(numbers(1, 6).map((i) => recorded(i % 2 ? id : other, now + i, `e${i}`)));
    assert.equal(await directory.forgetEvents(now + 1, 100), 0);
    assert.equal(await directory.forgetEvents(now + 5, 3), 3);
    assert.equal(await directory.forgetEvents(now + 5, 100), 1);
    assert.equal(await directory.forgetEvents(now + 5, 100), 0);
    assert.deepEqual(await types(directory, id), ["e5"]);
    assert.deepEqual(await types(directory, other), ["e6"]);
  }),

  promise("a page goes on after events that were forgotten meanwhile", async (directory, { clock }) => {
    const now = clock.now();
    const { id } = makeHead(now);
    await directory.record(numbers(1, 9).map((i) => recorded(id, now + i, `e${i}`)));
    const { next } = await directory.events(id, null, 3);
    await directory.forgetEvents(now + 5, 100);
    const { events } = await directory.events(id, next, 100);
    assert.deepEqual(
      events.map(({ type }) => type),
      ["e5", "e6", "e7", "e8", "e9"],
    );
  }),

  promise("details come back equal, and callers cannot alter them", async (directory, { clock }) => {
    const now = clock.now();
    const { id } = makeHead(now);
    const all = Object.values(EXACT_VALUES).map((details, i) => ({
      n: `n${i}`,
      id,
      event: { type: "extended", at: now + i, details: structuredClone(details) },
    }));
    await directory.record(all);
    for (const { event } of all) event.details = {};
    for (let i = 0; i < 2; i++) {
      const { events } = await directory.events(id, null, 100);
      sameJson(
        events.map(({ details }) => details),
        Object.values(EXACT_VALUES),
      );
      for (const event of events) event.details["altered"] = true;
    }
  }),
];
