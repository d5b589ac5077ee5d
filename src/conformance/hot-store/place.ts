/** What taking out, asking for many, scanning and the engine itself promise. */
import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.ts";
import { drained, happened, hasFields, numbers, sameJson, sameWhole, seqs, settled } from "../expectations.ts";
import { archivedAt, DAY, HOUR, makeHead, makeMessage, makeWhole } from "../make-conversation.ts";
import type { Head } from "../../core/head.ts";

export const placeCases: readonly ConformanceCase[] = [
  {
    name: "hot store: remove takes a conversation out only at the version it was told",
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const whole = makeWhole(now, ["one"], { version: 3 });
      const { id } = await settled(hot, whole);
      for (const version of [2, 4]) assert.equal(await hot.remove(id, version), false);
      sameWhole(await hot.read(id, Infinity), whole);
      happened(await hot.commit(id, { now, touch: { lastAccess: now } }));
      assert.equal(await hot.remove(id, 3), true, "a touch is no change");
      assert.equal(await hot.read(id, Infinity), null);
      assert.equal(await hot.messages(id, { limit: 1, order: "asc" }), null);
      assert.deepEqual(await hot.heads([id]), [null]);
      assert.equal(await hot.remove(id, 3), false);
      assert.deepEqual(await hot.commit(id, { now, activity: true }), { outcome: "absent" });
    },
  },
  {
    name: "hot store: with a conversation go its messages and their keys",
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now, ["one", makeMessage("two", "m1")]));
      const other = makeWhole(now, ["stays", makeMessage("stays too", "m1")]);
      happened(await hot.create(other));
      assert.equal(await hot.remove(id, 1), true);
      const back = makeWhole(now, [], { id });
      happened(await hot.create(back));
      sameWhole(await hot.read(id, Infinity), back);
      assert.deepEqual(seqs(happened(await hot.commit(id, { now, append: [makeMessage("other", "m1")] })).placed), [1]);
      sameWhole(await hot.read(other.head.id, Infinity), other);
    },
  },
  {
    name: "hot store: with a conversation go its idempotency entries",
    needs: ["once"],
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const whole = makeWhole(now);
      const { id } = whole.head;
      const once = { key: "key 1", fingerprint: "print 1", until: now + DAY };
      happened(await hot.create(whole, { once: { ...once, key: "key 0" } }));
      const { head } = happened(await hot.commit(id, { now, append: [makeMessage("one")], once }));
      assert.equal(await hot.remove(id, head.version), true);
      assert.equal(await hot.forgetOnce(now + 2 * DAY, 100), 0);
      happened(await hot.create(makeWhole(now, [], { id })));
      happened(await hot.commit(id, { now, append: [makeMessage("one")], once: { ...once, fingerprint: "print 2" } }));
    },
  },
  {
    name: "hot store: undelivered events stay when their conversation is taken out",
    needs: ["outbox"],
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const whole = makeWhole(now);
      const event = { type: "created", at: now, details: { source: "conformance" } };
      happened(await hot.create(whole, { events: [event] }));
      assert.equal(await hot.remove(whole.head.id, 1), true);
      const items = (await drained(hot)).filter((item) => item.event !== null);
      sameJson(
        items.map((item) => [item.id, item.event]),
        [[whole.head.id, event]],
      );
    },
  },
  {
    name: "hot store: of 10 removals and 10 appends at once, either the conversation goes before all appends or it stays with them",
    needs: ["atomic"],
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now));
      const removals: Promise<boolean>[] = [];
      const appends: Promise<{ outcome: string }>[] = [];
      for (const i of numbers(1, 10)) {
        appends.push(hot.commit(id, { now, append: [makeMessage(`by ${i}`)] }));
        removals.push(hot.remove(id, 1));
      }
      const removed = (await Promise.all(removals)).filter(Boolean).length;
      const outcomes = (await Promise.all(appends)).map(({ outcome }) => outcome);
      const read = await hot.read(id, Infinity);
      if (read) assert.equal(removed, 0);
      else assert.equal(removed, 1);
      assert.deepEqual(
        outcomes,
        numbers(1, 10)
          .fill(0)
          .map(() => (read ? "done" : "absent")),
      );
      assert.equal(read?.messages.length ?? 0, read ? 10 : 0);
    },
  },
  {
    name: "hot store: heads come in the order of the IDs, null where there is none",
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const wholes = numbers(1, 60).map((i) => makeWhole(now + i * 1000, ["one"]));
      for (const whole of wholes) happened(await hot.create(whole));
      const ids = wholes.map(({ head }) => head.id).toReversed();
      const mixed = [ids[7]!, makeHead(now).id, ...ids, ids[7]!];
      const heads = await hot.heads(mixed);
      assert.deepEqual(
        heads.map((head) => head?.id ?? null),
        [ids[7], null, ...ids, ids[7]],
      );
      sameJson(heads[2], wholes.at(-1)!.head);
      assert.deepEqual(await hot.heads([]), []);
    },
  },
  {
    name: "hot store: scan goes through all heads in the order of their IDs",
    needs: ["scan"],
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      assert.deepEqual(await hot.scan(null, 10), []);
      const wholes = numbers(1, 25).map((i) => makeWhole(now - ((i * 7) % 25) * HOUR, ["one"], i % 5 === 0 ? archivedAt(now) : {}));
      for (const whole of wholes) happened(await hot.create(whole));
      const heads = wholes.map(({ head }) => head).toSorted((a, b) => (a.id < b.id ? -1 : 1));
      sameJson(await hot.scan(null, 100), heads);
      const seen: Head[] = [];
      for (let i = 0; i < 4; i++) seen.push(...(await hot.scan(seen.at(-1)?.id ?? null, 7)));
      sameJson(seen, heads);
      sameJson(await hot.scan(heads[3]!.id, 2), heads.slice(4, 6));
      sameJson(await hot.scan(makeHead(now + DAY).id, 2), []);
    },
  },
  {
    name: "hot store: probe answers with the engine's clock",
    async run({ stores: { hot }, clock }) {
      const before = (await hot.probe()).now;
      assert.ok(Number.isFinite(before) && before > Date.parse("2020-01-01T00:00:00Z"), "in epoch milliseconds");
      await clock.pass(20);
      assert.ok((await hot.probe()).now >= before + 20 - 1);
    },
  },
  {
    name: "hot store: after a wiping, scrub comes to an end",
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now, ["secret"]));
      hasFields(happened(await hot.commit(id, { now, step: { from: ["active"], to: "archived", reason: "manual" }, wipe: true })).head, {
        wiped: true,
      });
      let clean = false;
      for (let i = 0; i < 100 && !clean; i++) clean = await hot.scrub();
      assert.equal(clean, true);
    },
  },
  {
    name: "hot store: closing twice is harmless",
    async run({ stores: { hot } }) {
      await hot.close();
      await hot.close();
    },
  },
];
