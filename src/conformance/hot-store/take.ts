/** What `take` promises the sweep: all that is due, oldest first, each to one caller at a time. */
import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.ts";
import { happened, headOf, numbers, sameJson, settled } from "../expectations.ts";
import { archivedAt, DAY, HOUR, makeWhole, MINUTE } from "../make-conversation.ts";
import type { Head } from "../../core/head.ts";
import type { HotStore } from "../../core/hot-store.ts";

const TAKE = "hot store: take:";

/** Stores a conversation with these fields and answers its ID. */
async function stored(hot: HotStore, created: number, fields: Partial<Head>): Promise<string> {
  return (await settled(hot, makeWhole(created, ["one"], fields))).id;
}

function ids(heads: readonly Head[]): string[] {
  return heads.map(({ id }) => id);
}

const cases: readonly ConformanceCase[] = [
  {
    name: `${TAKE} expire is what is active or completed and expires by then, oldest first`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const second = await stored(hot, now - DAY, { expiresAt: now - HOUR });
      const first = await stored(hot, now - DAY, { expiresAt: now - 2 * HOUR, status: "completed" });
      const last = await stored(hot, now - DAY, { expiresAt: now });
      await stored(hot, now - DAY, { expiresAt: now + 1 });
      await stored(hot, now - DAY, { expiresAt: null });
      await stored(hot, now - DAY, archivedAt(now - HOUR));
      await stored(hot, now - DAY, { ...archivedAt(now - HOUR), status: "deleted", wiped: true });
      const due = await hot.take("expire", now, 100, 0);
      assert.deepEqual(ids(due), [first, second, last]);
      sameJson(due[0], await headOf(hot, first));
    },
  },
  {
    name: `${TAKE} warn is what expires by then, once for each expiry`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const expiresAt = now + HOUR;
      const id = await stored(hot, now - DAY, { expiresAt });
      const earlier = await stored(hot, now - DAY, { expiresAt: expiresAt - 1, warnedFor: expiresAt - MINUTE, status: "completed" });
      await stored(hot, now - DAY, { expiresAt, warnedFor: expiresAt });
      await stored(hot, now - DAY, { expiresAt: expiresAt + 1 });
      await stored(hot, now - DAY, { expiresAt: null });
      await stored(hot, now - DAY, archivedAt(now));
      assert.deepEqual(ids(await hot.take("warn", expiresAt, 100, 0)), [earlier, id]);
      for (const [one, warnedFor] of [
        [id, expiresAt],
        [earlier, expiresAt - 1],
      ] as const) {
        happened(await hot.commit(one, { now, warnedFor }));
      }
      assert.deepEqual(await hot.take("warn", expiresAt, 100, 0), []);
      happened(await hot.commit(id, { now, touch: { expiresAt: expiresAt + DAY } }));
      assert.deepEqual(await hot.take("warn", expiresAt, 100, 0), []);
      assert.deepEqual(ids(await hot.take("warn", expiresAt + DAY - 1, 100, 0)).includes(id), false);
      assert.deepEqual(ids(await hot.take("warn", expiresAt + DAY, 100, 0)).includes(id), true);
    },
  },
  {
    name: `${TAKE} move is what was archived or deleted by then, oldest first`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const second = await stored(hot, now - DAY, archivedAt(now - HOUR));
      const first = await stored(hot, now - DAY, { ...archivedAt(now - 2 * HOUR), status: "deleted", wiped: true });
      const last = await stored(hot, now - DAY, { ...archivedAt(now), wiped: true });
      await stored(hot, now - DAY, archivedAt(now + 1));
      await stored(hot, now - DAY, { expiresAt: now - HOUR });
      await stored(hot, now - DAY, { status: "completed", completedAt: now - HOUR });
      assert.deepEqual(ids(await hot.take("move", now, 100, 0)), [first, second, last]);
    },
  },
  {
    name: `${TAKE} at most so many are taken, the oldest`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const due: string[] = [];
      for (const i of numbers(1, 9)) due.push(await stored(hot, now - DAY, { expiresAt: now - 10 * HOUR + i * HOUR }));
      assert.deepEqual(ids(await hot.take("expire", now, 4, HOUR)), due.slice(0, 4));
      assert.deepEqual(ids(await hot.take("expire", now, 4, HOUR)), due.slice(4, 8));
      assert.deepEqual(ids(await hot.take("expire", now, 4, HOUR)), due.slice(8));
      assert.deepEqual(await hot.take("expire", now, 4, HOUR), []);
    },
  },
  {
    name: `${TAKE} what is leased nobody else gets`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const expired = await stored(hot, now - DAY, { expiresAt: now - HOUR });
      const over = await stored(hot, now - DAY, archivedAt(now - HOUR));
      assert.deepEqual(ids(await hot.take("expire", now, 100, HOUR)), [expired]);
      assert.deepEqual(ids(await hot.take("move", now, 100, HOUR)), [over]);
      await clock.pass(100);
      assert.deepEqual(await hot.take("expire", now, 100, HOUR), []);
      assert.deepEqual(await hot.take("move", now, 100, HOUR), []);
    },
  },
  {
    name: `${TAKE} what was leased and is still due comes again when the lease has passed`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const expired = await stored(hot, now - DAY, { expiresAt: now - HOUR });
      const done = await stored(hot, now - DAY, { expiresAt: now - HOUR });
      const over = await stored(hot, now - DAY, archivedAt(now - HOUR));
      assert.equal((await hot.take("expire", now, 100, 50)).length, 2);
      assert.equal((await hot.take("move", now, 100, 50)).length, 1);
      happened(await hot.commit(done, { now, step: { from: ["active"], to: "archived", reason: "expired" } }));
      await clock.pass(50);
      assert.deepEqual(ids(await hot.take("expire", now, 100, HOUR)), [expired]);
      assert.deepEqual(ids(await hot.take("move", now, 100, HOUR)).toSorted(), [done, over].toSorted());
    },
  },
  {
    name: `${TAKE} 8 sweeps at once share what is due, each gets its own`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const due: string[] = [];
      for (const i of numbers(1, 40)) due.push(await stored(hot, now - DAY, { expiresAt: now - i }));
      const taken = await Promise.all(numbers(1, 8).map(() => hot.take("expire", now, 5, HOUR)));
      assert.deepEqual(taken.flatMap(ids).toSorted(), due.toSorted());
    },
  },
  {
    name: `${TAKE} what was extended, came back or was taken out meanwhile is not due`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const extended = await stored(hot, now - DAY, { expiresAt: now - HOUR });
      const over = await stored(hot, now - DAY, archivedAt(now - HOUR));
      const gone = await stored(hot, now - DAY, { expiresAt: now - HOUR });
      happened(await hot.commit(extended, { now, touch: { expiresAt: now + DAY } }));
      happened(await hot.commit(over, { now, step: { from: ["archived"], to: "active" }, touch: { expiresAt: now + DAY } }));
      assert.equal(await hot.remove(gone, 1), true);
      assert.deepEqual(await hot.take("expire", now, 100, 0), []);
      assert.deepEqual(await hot.take("move", now, 100, 0), []);
      assert.deepEqual(await hot.take("expire", now + DAY - 1, 100, 0), []);
      assert.deepEqual(ids(await hot.take("expire", now + DAY, 100, 0)).toSorted(), [extended, over].toSorted());
    },
  },
  {
    name: `${TAKE} what was given a first expiry by a touch becomes due`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const id = await stored(hot, now - DAY, { expiresAt: null });
      happened(await hot.commit(id, { now, touch: { expiresAt: now + HOUR } }));
      assert.deepEqual(ids(await hot.take("expire", now + HOUR, 100, 0)), [id]);
    },
  },
  {
    name: `${TAKE} what a cap brought nearer is due at the nearer time`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const id = await stored(hot, now - DAY, { expiresAt: now + 900 * DAY });
      const { expiresAt } = happened(await hot.commit(id, { now, touch: { capMs: DAY } })).head;
      assert.deepEqual(ids(await hot.take("expire", expiresAt!, 100, 0)), [id]);
      assert.deepEqual(ids(await hot.take("warn", expiresAt!, 100, 0)), [id]);
    },
  },
];

export const takeCases: readonly ConformanceCase[] = cases.map((one) => ({ ...one, needs: ["take", ...(one.needs ?? [])] }));
