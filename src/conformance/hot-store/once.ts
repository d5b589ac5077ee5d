/** What idempotency entries promise: a request that is repeated happens once, and is answered as it was. */
import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.ts";
import {
  contents,
  drained,
  happened,
  hasFields,
  headOf,
  leavesNothing,
  numbers,
  sameJson,
  sameMessages,
  sameWhole,
  seqs,
  settled,
} from "../expectations.ts";
import { DAY, HOUR, makeMessage, makeWhole, texts } from "../make-conversation.ts";
import type { Change, Once } from "../../core/hot-store.ts";

const ONCE = "hot store: once:";

function entry(now: number, key = "key 1", fingerprint = "print 1"): Once {
  return { key, fingerprint, until: now + DAY };
}

const cases: readonly ConformanceCase[] = [
  {
    name: `${ONCE} a repeated request is answered what the first one was, whatever happened since, and nothing happens again`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now, [makeMessage("zero", "m0"), "one"]));
      const change = (at = clock.now()): Change => ({
        now: at,
        require: { openAt: at },
        append: [makeMessage("two"), makeMessage("zero", "m0"), makeMessage("three")],
        session: { step: "first" },
        activity: true,
        touch: { lastAccess: at, expiresAt: at + 2 * DAY },
        events: [{ type: "extended", at, details: {} }],
        once: entry(now),
        window: 3,
      });
      const first = happened(await hot.commit(id, change()));
      await clock.pass(1000);
      happened(await hot.commit(id, { now: clock.now(), append: [makeMessage("four")], session: { step: "second" } }));
      happened(await hot.commit(id, { now: clock.now(), step: { from: ["active"], to: "archived", reason: "manual" } }));
      await drained(hot);
      const stored = await hot.read(id, Infinity);

      for (let i = 0; i < 2; i++) {
        const again = happened(await hot.commit(id, change()), "replayed");
        const { version, lastSeq, lastAccess, expiresAt, status } = first.head;
        sameJson(again.head, { ...stored!.head, version, lastSeq, lastAccess, expiresAt, status });
        assert.deepEqual(again.placed, first.placed);
        sameMessages(again.window, first.window);
      }
      assert.deepEqual(contents(first.window), ["one", "two", "three"]);
      sameWhole(await hot.read(id, Infinity), stored!);
      assert.deepEqual(await drained(hot), []);
    },
  },
  {
    name: `${ONCE} the same key with another fingerprint is key-reused`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now, [makeMessage("hello", "m1")]));
      happened(await hot.commit(id, { now, append: [makeMessage("one")], once: entry(now) }));
      const other = { now, once: entry(now, "key 1", "print 2") };
      assert.deepEqual(await leavesNothing(hot, id, { ...other, append: [makeMessage("two")] }, "key-reused"), { outcome: "key-reused" });
      // It is found before repeated keys and requirements.
      await leavesNothing(hot, id, { ...other, append: [makeMessage("other", "m1")], require: { version: 99 } }, "key-reused");
      happened(await hot.commit(id, { now, append: [makeMessage("two")], once: entry(now, "key 2", "print 2") }));
    },
  },
  {
    name: `${ONCE} a request that was not done leaves no entry, so that it can be tried again`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now, [makeMessage("hello", "m1")]));
      const append = [makeMessage("two")];
      const once = entry(now);
      await leavesNothing(hot, id, { now, append, once, require: { version: 9 } }, "conflict");
      await leavesNothing(hot, id, { now, append, once, step: { from: ["completed"], to: "active" } }, "refused");
      await leavesNothing(hot, id, { now, append, once, require: { maxMessages: 1 } }, "full");
      await leavesNothing(hot, id, { now, append: [makeMessage("other", "m1")], once }, "message-conflict");
      assert.deepEqual(seqs(happened(await hot.commit(id, { now, append, once })).placed), [2]);
      happened(await hot.commit(id, { now, append, once }), "replayed");
    },
  },
  {
    name: `${ONCE} sent 20 times at once, one is done and the others are replayed with the same places`,
    needs: ["atomic"],
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now, ["one"]));
      const change = (): Change => ({ now, append: [makeMessage("two"), makeMessage("three")], once: entry(now), window: 2 });
      const results = await Promise.all(numbers(1, 20).map(() => hot.commit(id, change())));
      const found = results.find(({ outcome }) => outcome === "done");
      const done = happened(found!);
      for (const result of results) {
        const answer = happened(result, result === found ? "done" : "replayed");
        sameJson(answer.placed, done.placed);
        sameJson(answer.head, done.head);
        sameMessages(answer.window, done.window);
      }
      assert.deepEqual(contents((await hot.read(id, Infinity))!.messages), ["one", "two", "three"]);
    },
  },
  {
    name: `${ONCE} 25 requests sent twice each at once happen once each`,
    needs: ["atomic"],
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now));
      const send = (i: number) =>
        hot.commit(id, { now, append: [makeMessage(`by ${i}`)], once: entry(now, `key ${i}`, `print ${i}`), window: 1 });
      const pairs = await Promise.all(numbers(1, 25).map((i) => Promise.all([send(i), send(i)])));
      for (const [i, pair] of pairs.entries()) {
        assert.deepEqual(pair.map(({ outcome }) => outcome).toSorted(), ["done", "replayed"]);
        const [one, two] = pair.map((result) => happened(result, result.outcome as "done" | "replayed"));
        assert.deepEqual(one!.placed, two!.placed);
        assert.deepEqual(contents(two!.window), [`by ${i + 1}`]);
      }
      assert.deepEqual(seqs((await hot.read(id, Infinity))!.messages), numbers(1, 25));
    },
  },
  {
    name: `${ONCE} a request of repeats alone is kept too`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now, [makeMessage("hello", "m1")]));
      const change = { now, append: [makeMessage("hello", "m1")], once: entry(now) };
      const first = happened(await hot.commit(id, change));
      happened(await hot.commit(id, { now, append: [makeMessage("more")] }));
      const again = happened(await hot.commit(id, change), "replayed");
      assert.deepEqual(again.placed, first.placed);
      hasFields(again.head, { version: 1, lastSeq: 1 });
    },
  },
  {
    name: `${ONCE} where the transcript was cut since, a repeat shows the newest of what is left of the first answer`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const whole = makeWhole(now, texts(2));
      const { id } = await settled(hot, whole);
      const change = { now, append: [3, 4, 5, 6].map((n) => makeMessage(`said ${n}`)), once: entry(now), window: 3 };
      const { head, window } = happened(await hot.commit(id, change));
      assert.deepEqual(seqs(window), [4, 5, 6]);
      const bytes = whole.messages[0]!.size;
      happened(await hot.commit(id, { now, require: { version: head.version }, cut: { after: 1, bytes } }));
      assert.deepEqual(seqs(happened(await hot.commit(id, change), "replayed").window), [1]);
      happened(await hot.commit(id, { now, append: [makeMessage("new")] }));
      assert.deepEqual(seqs(happened(await hot.commit(id, change), "replayed").window), [1, 2]);
    },
  },
  {
    name: `${ONCE} keys are those of one conversation`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const first = await settled(hot, makeWhole(now));
      const second = await settled(hot, makeWhole(now));
      happened(await hot.commit(first.id, { now, append: [makeMessage("a")], once: entry(now) }));
      happened(await hot.commit(second.id, { now, append: [makeMessage("b")], once: entry(now, "key 1", "print 2") }));
      happened(await hot.commit(second.id, { now, append: [makeMessage("b")], once: entry(now, "key 1", "print 2") }), "replayed");
    },
  },
  {
    name: `${ONCE} from its end on the key is free again`,
    async run({ stores: { hot }, clock }) {
      const { id } = await settled(hot, makeWhole(clock.now()));
      const send = (fingerprint: string, keptMs: number) => {
        const now = clock.now();
        return hot.commit(id, { now, append: [makeMessage("a")], once: { key: "key 1", fingerprint, until: now + keptMs } });
      };
      happened(await send("print 1", 50));
      await clock.pass(50);
      happened(await send("print 2", DAY));
      happened(await send("print 2", DAY), "replayed");
      assert.equal((await headOf(hot, id)).lastSeq, 2);
    },
  },
  {
    name: `${ONCE} forgetOnce removes what has ended, at most so many, and answers how many`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now));
      const send = (i: number) =>
        hot.commit(id, { now, append: [makeMessage("a")], once: { ...entry(now, `key ${i}`), until: now + i * HOUR } });
      for (const i of numbers(1, 8)) happened(await send(i));
      assert.equal(await hot.forgetOnce(now + HOUR - 1, 100), 0);
      assert.equal(await hot.forgetOnce(now + 3 * HOUR, 2), 2);
      assert.equal(await hot.forgetOnce(now + 3 * HOUR, 100), 1);
      assert.equal(await hot.forgetOnce(now + 3 * HOUR, 100), 0);
      for (const i of numbers(4, 8)) happened(await send(i), "replayed");
      for (const i of numbers(1, 3)) happened(await send(i));
    },
  },
  {
    name: `${ONCE} a repeated creation is answered everything that the first one was, whatever happened since`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const whole = makeWhole(now, texts(3), { session: { step: "greeting" }, subjects: ["s1"] });
      const { id } = whole.head;
      const options = { once: entry(now), events: [{ type: "created", at: now, details: {} }], window: 2 };
      const first = happened(await hot.create(whole, options));
      happened(
        await hot.commit(id, { now, append: [makeMessage("more")], session: { step: "x" }, subjects: ["s2"], hold: true, activity: true }),
      );
      happened(
        await hot.commit(id, { now, require: { revision: 1 }, metadata: { other: 1 }, step: { from: ["active"], to: "completed" } }),
      );
      await drained(hot);
      const stored = await hot.read(id, Infinity);
      const again = happened(await hot.create(makeWhole(now, texts(3), { id }), options), "replayed");
      sameJson(again.head, first.head);
      sameMessages(again.window, first.window);
      assert.deepEqual(contents(again.window), ["said 2", "said 3"]);
      assert.deepEqual(again.placed, []);
      sameWhole(await hot.read(id, Infinity), stored!);
      assert.deepEqual(await drained(hot), []);
    },
  },
  {
    name: `${ONCE} creation under a used key is key-reused with another fingerprint, and a conflict under another key`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const whole = makeWhole(now, ["one"]);
      const { id } = whole.head;
      happened(await hot.create(whole, { once: entry(now) }));
      const other = makeWhole(now, ["two"], { id });
      assert.deepEqual(await hot.create(other, { once: entry(now, "key 1", "print 2") }), { outcome: "key-reused" });
      const conflict = await hot.create(other, { once: entry(now, "key 2") });
      assert.ok(conflict.outcome === "conflict");
      sameJson(conflict.head, whole.head);
      assert.equal((await hot.create(other)).outcome, "conflict");
      sameWhole(await hot.read(id, Infinity), whole);
    },
  },
  {
    name: `${ONCE} a creation sent 20 times at once is done once and replayed to the others`,
    needs: ["atomic"],
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const whole = makeWhole(now, ["one"]);
      const results = await Promise.all(numbers(1, 20).map(() => hot.create(structuredClone(whole), { once: entry(now), window: 1 })));
      assert.equal(results.filter(({ outcome }) => outcome === "done").length, 1);
      for (const result of results) {
        const { head, window } = happened(result, result.outcome === "done" ? "done" : "replayed");
        sameJson(head, whole.head);
        sameMessages(window, whole.messages);
      }
    },
  },
];

export const onceCases: readonly ConformanceCase[] = cases.map((one) => ({ ...one, needs: ["once", ...(one.needs ?? [])] }));
