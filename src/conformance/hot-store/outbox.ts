/** What the outbox promises: every event at least once and in order, and one mark for each conversation that has changed. */
import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.ts";
import { drained, happened, numbers, sameJson, settled } from "../expectations.ts";
import { bytesOf, HOUR, makeMessage, makeWhole, texts } from "../make-conversation.ts";
import type { LifecycleEvent } from "../../core/head.ts";
import type { HotStore, OutboxItem } from "../../core/hot-store.ts";

const OUTBOX = "hot store: outbox:";

function event(type: string, at: number): LifecycleEvent {
  return { type, at, details: { reason: `because of ${type}` } };
}

async function waiting(hot: HotStore): Promise<OutboxItem[]> {
  return hot.outbox(1000, 0);
}

function eventsIn(items: readonly OutboxItem[]): OutboxItem[] {
  return items.filter((item) => item.event !== null);
}

function marksIn(items: readonly OutboxItem[]): OutboxItem[] {
  return items.filter((item) => item.event === null);
}

/** The mark of the only conversation there is, leased for a moment only. */
async function mark(hot: HotStore): Promise<OutboxItem> {
  const marks = marksIn(await waiting(hot));
  assert.equal(marks.length, 1);
  return marks[0]!;
}

const cases: readonly ConformanceCase[] = [
  {
    name: `${OUTBOX} events are passed on in their order, with conversation and version`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const whole = makeWhole(now);
      const { id } = whole.head;
      happened(await hot.create(whole, { events: [event("created", now)] }));
      happened(await hot.commit(id, { now, events: [event("extended", now + 1), event("held", now + 1)], hold: true }));
      happened(await hot.commit(id, { now, append: [makeMessage("one")] }));
      happened(await hot.commit(id, { now, events: [event("completed", now + 2)], step: { from: ["active"], to: "completed" } }));
      sameJson(
        eventsIn(await waiting(hot)).map((item) => [item.id, item.version, item.event]),
        [
          [id, 1, event("created", now)],
          [id, 2, event("extended", now + 1)],
          [id, 2, event("held", now + 1)],
          [id, 4, event("completed", now + 2)],
        ],
      );
    },
  },
  {
    name: `${OUTBOX} every item has a name of its own, which stays while it waits`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      for (const i of numbers(1, 5)) {
        const { id } = happened(await hot.create(makeWhole(now), { events: [event("created", now)] })).head;
        happened(await hot.commit(id, { now, append: [makeMessage("one")], events: [event("extended", i), event("extended", i)] }));
      }
      const first = await waiting(hot);
      assert.equal(eventsIn(first).length, 15);
      assert.equal(new Set(first.map(({ n }) => n)).size, first.length);
      sameJson(await waiting(hot), first);
    },
  },
  {
    name: `${OUTBOX} what was delivered does not come again, what was not does`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now));
      happened(await hot.commit(id, { now, events: numbers(1, 6).map((i) => event(`e${i}`, now)) }));
      const items = eventsIn(await waiting(hot));
      await hot.delivered([items[1]!.n, items[4]!.n]);
      await hot.delivered([items[1]!.n, "nothing has this name"]);
      await hot.delivered([]);
      assert.deepEqual(
        eventsIn(await waiting(hot)).map((item) => item.event!.type),
        ["e1", "e3", "e4", "e6"],
      );
      await drained(hot);
      assert.deepEqual(await waiting(hot), []);
    },
  },
  {
    name: `${OUTBOX} at most so many are passed on, the oldest first, and what is leased nobody else gets`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now));
      happened(await hot.commit(id, { now, warnedFor: 1, events: numbers(1, 7).map((i) => event(`e${i}`, now)) }));
      const types = async () => (await hot.outbox(3, HOUR)).map((item) => item.event!.type);
      assert.deepEqual(await types(), ["e1", "e2", "e3"]);
      assert.deepEqual(await types(), ["e4", "e5", "e6"]);
      assert.deepEqual(await types(), ["e7"]);
      await clock.pass(100);
      assert.deepEqual(await types(), []);
    },
  },
  {
    name: `${OUTBOX} at least once: an item comes again, under its name, when its lease has passed`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now));
      happened(await hot.commit(id, { now, events: [event("lost", now), event("delivered", now)], activity: true }));
      const items = await hot.outbox(100, 50);
      assert.equal(items.length, 3);
      await hot.delivered(items.filter((item) => item.event?.type === "delivered").map(({ n }) => n));
      await clock.pass(50);
      sameJson(
        await hot.outbox(100, HOUR),
        items.filter((item) => item.event?.type !== "delivered"),
      );
    },
  },
  {
    name: `${OUTBOX} 8 readers at once share what is there, each gets its own`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now));
      happened(await hot.commit(id, { now, warnedFor: 1, events: numbers(1, 40).map((i) => event(`e${i}`, now)) }));
      const shares = await Promise.all(numbers(1, 8).map(() => hot.outbox(5, HOUR)));
      assert.equal(new Set(shares.flat().map(({ n }) => n)).size, 40);
      assert.deepEqual(
        shares.map((share) => share.length),
        [5, 5, 5, 5, 5, 5, 5, 5],
      );
    },
  },
  {
    name: `${OUTBOX} messages of a creation leave a mark`,
    async run({ stores: { hot }, clock }) {
      const { id } = happened(await hot.create(makeWhole(clock.now(), texts(2)))).head;
      const { n, ...rest } = await mark(hot);
      assert.equal(typeof n, "string");
      assert.deepEqual(rest, { id, version: 1, event: null });
    },
  },
  {
    name: `${OUTBOX} many changes of a conversation are one mark, of the newest version`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const first = await settled(hot, makeWhole(now));
      const second = await settled(hot, makeWhole(now));
      for (const i of numbers(1, 5)) happened(await hot.commit(first.id, { now, append: [makeMessage(`m ${i}`)] }));
      happened(await hot.commit(second.id, { now, append: [makeMessage("one")] }));
      happened(await hot.commit(first.id, { now, append: [makeMessage("last")] }));
      const marks = await waiting(hot);
      assert.deepEqual(
        marks.map(({ id, version, event: none }) => ({ id, version, none })),
        [
          { id: first.id, version: 7, none: null },
          { id: second.id, version: 2, none: null },
        ],
      );
    },
  },
  {
    name: `${OUTBOX} a delivered mark does not swallow a change that came while it was passed on`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now));
      happened(await hot.commit(id, { now, append: [makeMessage("one")] }));
      const [old] = await hot.outbox(100, HOUR);
      assert.equal(old?.version, 2);
      happened(await hot.commit(id, { now, append: [makeMessage("two")] }));
      await hot.delivered([old.n]);
      const newer = await mark(hot);
      assert.equal(newer.version, 3);
      assert.notEqual(newer.n, old.n);
      await hot.delivered([newer.n]);
      assert.deepEqual(await waiting(hot), []);
    },
  },
  {
    name: `${OUTBOX} a change after a mark was leased is a new item at once`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now));
      happened(await hot.commit(id, { now, append: [makeMessage("one")] }));
      assert.equal((await hot.outbox(100, HOUR)).length, 1);
      assert.deepEqual(await waiting(hot), []);
      happened(await hot.commit(id, { now, append: [makeMessage("two")] }));
      assert.equal((await mark(hot)).version, 3);
    },
  },
  {
    name: `${OUTBOX} a touch, a noted warning and mere repeats leave no mark`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now, [makeMessage("one", "m1")]));
      happened(await hot.commit(id, { now, touch: { lastAccess: now } }));
      happened(await hot.commit(id, { now, warnedFor: now }));
      happened(await hot.commit(id, { now, append: [makeMessage("one", "m1")], activity: true, events: [event("no", now)] }));
      assert.deepEqual(await waiting(hot), []);
    },
  },
  {
    name: `${OUTBOX} a mark says where the transcript was cut, the smallest since it was last delivered`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const whole = makeWhole(now, texts(9));
      const { id } = await settled(hot, whole);
      const cut = async (after: number) => {
        const { head } = (await hot.read(id, 0))!;
        const bytes = bytesOf(whole.messages.slice(0, after));
        happened(await hot.commit(id, { now, require: { version: head.version }, cut: { after, bytes }, append: [makeMessage("new")] }));
      };
      happened(await hot.commit(id, { now, append: [makeMessage("uncut")] }));
      assert.equal((await mark(hot)).cut, undefined);
      await cut(6);
      assert.equal((await mark(hot)).cut, 6);
      await cut(3);
      assert.equal((await mark(hot)).cut, 3);
      const old = await mark(hot);
      happened(await hot.commit(id, { now, append: [makeMessage("more")] }));
      assert.equal((await mark(hot)).cut, 3);
      await cut(4);
      assert.equal((await mark(hot)).cut, 3);
      await hot.delivered([old.n]);
      const { n, cut: still } = await mark(hot);
      assert.equal(still, 3, "the delivered one was another item");
      await hot.delivered([n]);
      happened(await hot.commit(id, { now, append: [makeMessage("even more")] }));
      assert.equal((await mark(hot)).cut, undefined);
      await cut(0);
      assert.equal((await mark(hot)).cut, 0);
    },
  },
];

export const outboxCases: readonly ConformanceCase[] = cases.map((one) => ({ ...one, needs: ["outbox", ...(one.needs ?? [])] }));
