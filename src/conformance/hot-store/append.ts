/** What appending promises: one order for everybody, no gap, and each message once. */
import assert from "node:assert/strict";
import type { Change } from "../../core/hot-store.ts";
import type { ConformanceCase } from "../conformance-case.ts";
import { contents, drained, happened, hasFields, headOf, leavesNothing, numbers, sameJson, seqs, settled } from "../expectations.ts";
import { bytesOf, DAY, HOUR, makeMessage, makeWhole, texts } from "../make-conversation.ts";

const APPEND = "hot store: append:";

export const appendCases: readonly ConformanceCase[] = [
  {
    name: `${APPEND} messages get the next places, answered in the order of the list`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id, bytes } = await settled(hot, makeWhole(now - HOUR, texts(3)));
      const append = [makeMessage("a"), makeMessage("b", "m1"), makeMessage("c")];
      const result = happened(await hot.commit(id, { now, append, activity: true }));
      assert.deepEqual(
        result.placed,
        [4, 5, 6].map((seq) => ({ seq, storedAt: now })),
      );
      hasFields(result.head, { lastSeq: 6, bytes: bytes + bytesOf(append), version: 2, revision: 1, lastActivity: now });
      const read = await hot.read(id, Infinity);
      sameJson(read!.head, result.head);
      sameJson(
        read!.messages.slice(3),
        append.map((message, i) => ({ ...message, seq: 4 + i, storedAt: now })),
      );
    },
  },
  {
    name: `${APPEND} the window holds the newest messages, oldest first, with those just added`,
    async run({ stores: { hot }, clock }) {
      const { id } = await settled(hot, makeWhole(clock.now(), texts(3)));
      const windowAfter = async (text: string, window?: number) => {
        const result = happened(
          await hot.commit(id, { now: clock.now(), append: [makeMessage(text)], ...(window === undefined ? {} : { window }) }),
        );
        return contents(result.window);
      };
      assert.deepEqual(await windowAfter("new 1"), []);
      assert.deepEqual(await windowAfter("new 2", 0), []);
      assert.deepEqual(await windowAfter("new 3", 1), ["new 3"]);
      assert.deepEqual(await windowAfter("new 4", 3), ["new 2", "new 3", "new 4"]);
      assert.deepEqual(await windowAfter("new 5", 1000), [...texts(3), "new 1", "new 2", "new 3", "new 4", "new 5"]);
      const state = happened(await hot.commit(id, { now: clock.now(), session: { step: "x" }, window: 2 }));
      assert.deepEqual(contents(state.window), ["new 4", "new 5"], "without messages, too");
    },
  },
  {
    name: `${APPEND} 50 writers at once leave no gap, lose nothing, and each is answered its own window`,
    needs: ["atomic"],
    async run({ stores: { hot }, clock }) {
      const { id } = await settled(hot, makeWhole(clock.now(), ["first"]));
      const results = await Promise.all(
        numbers(1, 50).map((i) => hot.commit(id, { now: clock.now(), append: [makeMessage(`by ${i}`)], activity: true, window: 5 })),
      );
      const said = contents((await hot.read(id, Infinity))!.messages);
      assert.equal(said.length, 51);
      const answered = results.map((result) => happened(result));
      assert.deepEqual(
        answered.map(({ placed }) => placed[0]!.seq).toSorted((a, b) => a - b),
        numbers(2, 51),
      );
      assert.deepEqual(
        answered.map(({ head }) => head.version).toSorted((a, b) => a - b),
        numbers(2, 51),
      );
      for (const [i, { placed, window, head }] of answered.entries()) {
        const { seq } = placed[0]!;
        assert.equal(said[seq - 1], `by ${i + 1}`);
        assert.equal(head.lastSeq, seq);
        assert.deepEqual(contents(window), said.slice(Math.max(0, seq - 5), seq));
      }
    },
  },
  {
    name: `${APPEND} lists of 30 writers at once stay together`,
    needs: ["atomic"],
    async run({ stores: { hot }, clock }) {
      const { id } = await settled(hot, makeWhole(clock.now()));
      const lists = numbers(1, 30).map((i) => ["x", "y", "z"].map((part) => makeMessage(`${i}${part}`)));
      const results = await Promise.all(lists.map((append) => hot.commit(id, { now: clock.now(), append })));
      const read = await hot.read(id, Infinity);
      assert.deepEqual(seqs(read!.messages), numbers(1, 90));
      for (const [i, result] of results.entries()) {
        const places = seqs(happened(result).placed);
        assert.deepEqual(places, numbers(places[0]!, places[0]! + 2));
        assert.deepEqual(
          places.map((seq) => read!.messages[seq - 1]!.key),
          lists[i]!.map(({ key }) => key),
        );
      }
      assert.equal(read!.head.bytes, bytesOf(lists.flat()));
    },
  },
  {
    name: `${APPEND} a key that is there already is answered its old place, and not stored again`,
    async run({ stores: { hot }, clock }) {
      const { id } = await settled(hot, makeWhole(clock.now(), ["first"]));
      const earlier = clock.now();
      happened(await hot.commit(id, { now: earlier, append: [makeMessage("hello", "m1")] }));
      await clock.pass(1000);
      const append = [makeMessage("new 1"), makeMessage("hello", "m1"), makeMessage("new 2")];
      const now = clock.now();
      const result = happened(await hot.commit(id, { now, append, window: 10 }));
      assert.deepEqual(result.placed, [
        { seq: 3, storedAt: now },
        { seq: 2, storedAt: earlier },
        { seq: 4, storedAt: now },
      ]);
      assert.deepEqual(contents(result.window), ["first", "hello", "new 1", "new 2"]);
      assert.equal(result.head.bytes, bytesOf((await hot.read(id, Infinity))!.messages));
    },
  },
  {
    name: `${APPEND} a key twice in one list is stored once`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now));
      const append = [makeMessage("a", "m1"), makeMessage("b"), makeMessage("a", "m1")];
      const result = happened(await hot.commit(id, { now, append, window: 10 }));
      assert.deepEqual(
        result.placed,
        [1, 2, 1].map((seq) => ({ seq, storedAt: now })),
      );
      assert.deepEqual(contents(result.window), ["a", "b"]);
      hasFields(result.head, { lastSeq: 2, bytes: bytesOf(append.slice(0, 2)) });
    },
  },
  {
    name: `${APPEND} a key with other content is a message-conflict that names it, and nothing of the list is stored`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now, [makeMessage("one", "m1")]));
      const stored = await leavesNothing(
        hot,
        id,
        { now, append: [makeMessage("new"), makeMessage("other", "m1")], session: { step: "x" } },
        "message-conflict",
      );
      assert.deepEqual(stored, { outcome: "message-conflict", key: "i:m1" });
      const listed = await leavesNothing(hot, id, { now, append: [makeMessage("a", "m2"), makeMessage("b", "m2")] }, "message-conflict");
      assert.deepEqual(listed, { outcome: "message-conflict", key: "i:m2" });
      assert.deepEqual(seqs(happened(await hot.commit(id, { now, append: [makeMessage("a", "m2")] })).placed), [2]);
    },
  },
  {
    name: `${APPEND} one message sent 20 times at once is stored once, and everybody is answered its place`,
    needs: ["atomic"],
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now, ["first"]));
      const results = await Promise.all(numbers(1, 20).map(() => hot.commit(id, { now, append: [makeMessage("hello", "m1")] })));
      for (const result of results) assert.deepEqual(happened(result).placed, [{ seq: 2, storedAt: now }]);
      assert.deepEqual(contents((await hot.read(id, Infinity))!.messages), ["first", "hello"]);
    },
  },
  {
    name: `${APPEND} repeats alone are no more than a touch`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const head = await settled(
        hot,
        makeWhole(now - HOUR, [makeMessage("hello", "m1")], { status: "completed", completedAt: now - HOUR }),
      );
      const change: Change = {
        now,
        append: [makeMessage("hello", "m1")],
        activity: true,
        step: { from: ["active", "completed"], to: "active" },
      };
      const touch = { lastAccess: now, expiresAt: now + 2 * DAY };
      const events = [{ type: "tried", at: now, details: {} }];
      const result = happened(await hot.commit(head.id, { ...change, touch, events, window: 5 }));
      assert.deepEqual(result.placed, [{ seq: 1, storedAt: now - HOUR }]);
      assert.deepEqual(contents(result.window), ["hello"]);
      sameJson(result.head, { ...head, lastAccess: now, expiresAt: now + 2 * DAY });
      sameJson(await headOf(hot, head.id), result.head);
      assert.deepEqual(await drained(hot), []);
    },
  },
  {
    name: `${APPEND} repeats with a state set the state, and are a change`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now, [makeMessage("hello", "m1")]));
      const result = happened(await hot.commit(id, { now, append: [makeMessage("hello", "m1")], session: { step: "named" } }));
      hasFields(result.head, { version: 2, lastSeq: 1, session: { step: "named" } });
    },
  },
  {
    name: `${APPEND} messages without a digest are never repeats of each other, whatever they say`,
    async run({ stores: { hot }, clock }) {
      const { id } = await settled(hot, makeWhole(clock.now(), ["sì"]));
      happened(await hot.commit(id, { now: clock.now(), append: [makeMessage("sì"), makeMessage("sì")] }));
      assert.deepEqual(contents((await hot.read(id, Infinity))!.messages), ["sì", "sì", "sì"]);
    },
  },
  {
    name: `${APPEND} keys are those of one conversation`,
    async run({ stores: { hot }, clock }) {
      const first = await settled(hot, makeWhole(clock.now(), [makeMessage("one", "m1")]));
      const second = await settled(hot, makeWhole(clock.now(), ["zero"]));
      const result = happened(await hot.commit(second.id, { now: clock.now(), append: [makeMessage("other", "m1")] }));
      assert.deepEqual(seqs(result.placed), [2]);
      assert.deepEqual(contents((await hot.read(first.id, Infinity))!.messages), ["one"]);
    },
  },
  {
    name: `${APPEND} a message-conflict is found before any requirement is looked at`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now - DAY, [makeMessage("one", "m1")]));
      happened(await hot.commit(id, { now, step: { from: ["active"], to: "archived", reason: "manual" } }));
      await leavesNothing(
        hot,
        id,
        { now, require: { openAt: now, version: 77 }, append: [makeMessage("other", "m1")] },
        "message-conflict",
      );
      await leavesNothing(hot, id, { now, require: { openAt: now }, append: [makeMessage("one", "m1")] }, "refused");
    },
  },
  {
    name: `${APPEND} what would hold more messages or bytes than allowed is full, and nothing is stored`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id, bytes } = await settled(hot, makeWhole(now, ["one", makeMessage("two", "m2")]));
      const append = [makeMessage("three"), makeMessage("four")];
      const all = bytes + bytesOf(append);
      await leavesNothing(hot, id, { now, require: { maxMessages: 3 }, append }, "full");
      await leavesNothing(hot, id, { now, require: { maxBytes: all - 1 }, append }, "full");
      hasFields(happened(await hot.commit(id, { now, require: { maxMessages: 4, maxBytes: all }, append })).head, {
        lastSeq: 4,
        bytes: all,
      });
      const repeat = { now, require: { maxMessages: 4, maxBytes: all }, append: [makeMessage("two", "m2")] };
      assert.deepEqual(seqs(happened(await hot.commit(id, repeat)).placed), [2]);
      happened(await hot.commit(id, { now, require: { maxMessages: 1, maxBytes: 1 }, session: { step: "still" } }));
    },
  },
  {
    name: `${APPEND} a cut drops what is after it, and what is appended goes on from there`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const whole = makeWhole(now - HOUR, texts(5));
      const { id } = await settled(hot, whole);
      const bytes = bytesOf(whole.messages.slice(0, 2));
      const append = [makeMessage("new 3"), makeMessage("new 4")];
      const result = happened(await hot.commit(id, { now, require: { version: 1 }, cut: { after: 2, bytes }, append, window: 3 }));
      assert.deepEqual(
        result.placed,
        [3, 4].map((seq) => ({ seq, storedAt: now })),
      );
      assert.deepEqual(contents(result.window), ["said 2", "new 3", "new 4"]);
      hasFields(result.head, { version: 2, lastSeq: 4, bytes: bytes + bytesOf(append) });
      assert.deepEqual(contents((await hot.read(id, Infinity))!.messages), ["said 1", "said 2", "new 3", "new 4"]);
      const emptied = happened(await hot.commit(id, { now, require: { version: 2 }, cut: { after: 0, bytes: 0 }, window: 5 }));
      hasFields(emptied.head, { version: 3, lastSeq: 0, bytes: 0 });
      assert.deepEqual(await hot.messages(id, { limit: 10, order: "asc" }), []);
      assert.deepEqual(seqs(happened(await hot.commit(id, { now, append: [makeMessage("again")] })).placed), [1]);
    },
  },
  {
    name: `${APPEND} a cut frees the keys of what it drops, and no others`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const whole = makeWhole(now, [makeMessage("one", "m1"), makeMessage("two", "m2"), makeMessage("three", "m3")]);
      const { id } = await settled(hot, whole);
      const cut = { after: 1, bytes: whole.messages[0]!.size };
      await leavesNothing(hot, id, { now, require: { version: 1 }, cut, append: [makeMessage("other", "m1")] }, "message-conflict");
      const append = [makeMessage("three", "m3"), makeMessage("other", "m2"), makeMessage("one", "m1")];
      const result = happened(await hot.commit(id, { now, require: { version: 1 }, cut, append, window: 9 }));
      assert.deepEqual(seqs(result.placed), [2, 3, 1]);
      assert.deepEqual(contents(result.window), ["one", "three", "other"]);
      assert.deepEqual(seqs(happened(await hot.commit(id, { now, append: [makeMessage("other", "m2")] })).placed), [3]);
      happened(await hot.commit(id, { now, require: { version: 2 }, cut, append: [makeMessage("new")] }));
      assert.deepEqual(
        seqs(happened(await hot.commit(id, { now, append: [makeMessage("later", "m3"), makeMessage("one", "m1")] })).placed),
        [3, 1],
      );
    },
  },
  {
    name: `${APPEND} what a cut drops makes room`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const whole = makeWhole(now, texts(4));
      const { id } = await settled(hot, whole);
      const change = { now, require: { version: 1, maxMessages: 4 }, cut: { after: 1, bytes: whole.messages[0]!.size } };
      await leavesNothing(hot, id, { ...change, append: texts(4).map((text) => makeMessage(text)) }, "full");
      assert.equal(happened(await hot.commit(id, { ...change, append: texts(3).map((text) => makeMessage(text)) })).head.lastSeq, 4);
    },
  },
];
