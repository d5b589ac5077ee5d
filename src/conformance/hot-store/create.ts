/** What `create` and reading what was created promise. */
import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.ts";
import { archiveOf, contents, drained, happened, headOf, numbers, sameJson, sameMessages, sameWhole, seqs } from "../expectations.ts";
import { archivedAt, DAY, HOUR, makeHead, makeMessage, makeWhole, texts } from "../make-conversation.ts";

export const createCases: readonly ConformanceCase[] = [
  {
    name: "hot store: an unknown conversation reads as null, and a commit on it is absent",
    async run({ stores: { hot }, clock }) {
      const { id } = makeHead(clock.now());
      assert.equal(await hot.read(id, 10), null);
      assert.equal(await hot.messages(id, { limit: 10, order: "asc" }), null);
      assert.deepEqual(await hot.heads([id]), [null]);
      assert.deepEqual(await hot.commit(id, { now: clock.now(), append: [makeMessage("lost")], touch: {} }), { outcome: "absent" });
      assert.equal(await hot.remove(id, 1), false);
      assert.equal(await hot.read(id, 10), null);
    },
  },
  {
    name: "hot store: a new conversation is stored whole",
    async run({ stores: { hot }, clock }) {
      const whole = makeWhole(clock.now(), ["hello", makeMessage("with an id", "m1"), "bye"], {
        subjects: ["s1", "s2"],
        session: { step: "greeting" },
      });
      const result = happened(await hot.create(whole, { window: Infinity }));
      sameJson(result.head, whole.head);
      sameMessages(result.window, whole.messages);
      assert.deepEqual(result.placed, []);
      sameWhole(await hot.read(whole.head.id, Infinity), whole);
    },
  },
  {
    name: "hot store: a conversation without messages is there too",
    async run({ stores: { hot }, clock }) {
      const whole = makeWhole(clock.now());
      happened(await hot.create(whole));
      sameWhole(await hot.read(whole.head.id, Infinity), whole);
      assert.deepEqual(await hot.messages(whole.head.id, { limit: 10, order: "asc" }), []);
    },
  },
  {
    name: "hot store: create answers as many of the newest messages as were asked for, by default none",
    async run({ stores: { hot }, clock }) {
      for (const [window, expected] of [
        [undefined, []],
        [0, []],
        [2, ["said 4", "said 5"]],
        [9, texts(5)],
      ] as const) {
        const result = happened(await hot.create(makeWhole(clock.now(), texts(5)), window === undefined ? {} : { window }));
        assert.deepEqual(contents(result.window), expected);
      }
    },
  },
  {
    name: "hot store: read answers the newest messages, oldest first",
    async run({ stores: { hot }, clock }) {
      const whole = makeWhole(clock.now(), texts(30));
      happened(await hot.create(whole));
      for (const window of [0, 1, 7, 30, 31, 1000, Infinity]) {
        const read = await hot.read(whole.head.id, window);
        sameWhole(read, { head: whole.head, messages: window === 0 ? [] : whole.messages.slice(-window) });
      }
    },
  },
  {
    name: "hot store: a page of messages lies between after and before, in the order and number asked for",
    async run({ stores: { hot }, clock }) {
      const whole = makeWhole(clock.now(), texts(12));
      const { id } = whole.head;
      happened(await hot.create(whole));
      const page = async (options: { after?: number; before?: number; limit: number; order: "asc" | "desc" }) =>
        seqs(await hot.messages(id, options));
      assert.deepEqual(await page({ limit: 100, order: "asc" }), numbers(1, 12));
      assert.deepEqual(await page({ limit: 3, order: "asc" }), [1, 2, 3]);
      assert.deepEqual(await page({ limit: 3, order: "desc" }), [12, 11, 10]);
      assert.deepEqual(await page({ after: 3, limit: 3, order: "asc" }), [4, 5, 6]);
      assert.deepEqual(await page({ before: 4, limit: 100, order: "asc" }), [1, 2, 3]);
      assert.deepEqual(await page({ before: 10, limit: 2, order: "desc" }), [9, 8]);
      assert.deepEqual(await page({ after: 4, before: 8, limit: 100, order: "asc" }), [5, 6, 7]);
      assert.deepEqual(await page({ after: 4, before: 8, limit: 2, order: "desc" }), [7, 6]);
      assert.deepEqual(await page({ after: 12, limit: 5, order: "asc" }), []);
      assert.deepEqual(await page({ before: 1, limit: 5, order: "desc" }), []);
      assert.deepEqual(await page({ after: 5, before: 6, limit: 5, order: "asc" }), []);
      assert.deepEqual(await page({ after: 0, limit: 1, order: "asc" }), [1]);
      sameMessages(await hot.messages(id, { after: 2, limit: 4, order: "asc" }), whole.messages.slice(2, 6));
    },
  },
  {
    name: "hot store: an ID that is taken is a conflict with the head that is there, and nothing of the second is stored",
    async run({ stores: { hot }, clock }) {
      const first = makeWhole(clock.now(), ["first"]);
      happened(await hot.create(first));
      await drained(hot);
      const second = makeWhole(clock.now(), ["second", "third"], { id: first.head.id, metadata: { other: true } });
      const result = await hot.create(second, { events: [{ type: "created", at: clock.now(), details: {} }] });
      assert.equal(result.outcome, "conflict");
      sameJson("head" in result && result.head, first.head);
      sameWhole(await hot.read(first.head.id, Infinity), first);
      assert.deepEqual(await drained(hot), []);
    },
  },
  {
    name: "hot store: of 20 creations of one ID at once one is done, and the others are in conflict with it",
    needs: ["atomic"],
    async run({ stores: { hot }, clock }) {
      const { id } = makeHead(clock.now());
      const wholes = numbers(1, 20).map((i) => makeWhole(clock.now(), [`by ${i}`], { id }));
      const results = await Promise.all(
        wholes.map((whole) => hot.create(whole, { events: [{ type: "created", at: clock.now(), details: {} }] })),
      );
      const winners = wholes.filter((_, i) => results[i]!.outcome === "done");
      assert.equal(winners.length, 1);
      for (const result of results) {
        assert.ok(result.outcome === "done" || result.outcome === "conflict");
        assert.equal(result.head.incarnation, winners[0]!.head.incarnation);
      }
      sameWhole(await hot.read(id, Infinity), winners[0]!);
      assert.equal((await drained(hot)).filter(({ event }) => event?.type === "created").length, 1);
    },
  },
  {
    name: "hot store: a conversation comes back from the archive exactly as it was, and goes on from there",
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const created = now - 400 * DAY;
      const whole = makeWhole(created, ["old", makeMessage("with an id", "m1")], {
        ...archivedAt(created + DAY, { version: 41, revision: 7, completedAt: created + HOUR, lastAccess: created + HOUR }),
        warnedFor: created + DAY,
        tokenEpoch: 3,
        subjects: ["s1"],
        keyring: "k1:abc",
        session: { step: "done", leadData: { email: "a@example.com" } },
      });
      happened(await hot.create(whole));
      sameWhole(await hot.read(whole.head.id, Infinity), whole);
      const back = happened(
        await hot.commit(whole.head.id, {
          now,
          step: { from: ["archived"], to: "active" },
          append: [makeMessage("with an id", "m1"), makeMessage("new")],
        }),
      );
      assert.deepEqual(back.placed, [
        { seq: 2, storedAt: created + 1000 },
        { seq: 3, storedAt: now },
      ]);
      assert.equal(back.head.version, 42);
      assert.equal((await headOf(hot, whole.head.id)).status, "active");
    },
  },
  {
    name: "hot store: the tombstone of an erased conversation can be created",
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const whole = makeWhole(now - DAY, [], {
        status: "deleted",
        version: 3,
        archivedAt: now,
        expiresAt: null,
        wiped: true,
        metadata: {},
        lastSeq: 4,
      });
      happened(await hot.create(whole));
      sameWhole(await hot.read(whole.head.id, Infinity), whole);
    },
  },
  {
    name: "hot store: what the erasure log names cannot be created again: refused, with the tombstone",
    needs: ["archive", "together"],
    async run({ stores, clock }) {
      const { hot } = stores;
      const archive = archiveOf(stores);
      const whole = makeWhole(clock.now() - DAY, ["secret"], archivedAt(clock.now() - HOUR));
      await archive.put(whole);
      await archive.erase(whole.head.id, { at: clock.now(), by: "test" });
      for (const id of [whole.head.id, makeHead(clock.now()).id]) {
        await archive.erase(id, { at: clock.now(), by: "test" });
        const result = await hot.create(
          { ...whole, head: { ...whole.head, id } },
          { events: [{ type: "reactivated", at: clock.now(), details: {} }] },
        );
        assert.ok(result.outcome === "refused");
        assert.equal(result.head.status, "deleted");
        assert.equal(result.head.id, id);
        sameJson(result.head.metadata, {});
        assert.equal(await hot.read(id, Infinity), null);
      }
      assert.deepEqual(
        (await drained(hot)).filter(({ event }) => event !== null),
        [],
      );
      happened(await hot.create(makeWhole(clock.now(), ["another"])));
    },
  },
  {
    name: "hot store: what callers do with their objects afterwards changes nothing that is stored",
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const whole = makeWhole(now, ["kept"], { metadata: { list: [1] }, subjects: ["s1"], session: { context: { a: 1 } } });
      const { id } = whole.head;
      const expected = structuredClone(whole);
      const created = happened(await hot.create(whole, { window: 1 }));
      for (const { head, messages } of [whole, { head: created.head, messages: created.window }, (await hot.read(id, 1))!]) {
        head.status = "deleted";
        head.subjects.push("s2");
        (head.metadata as { list: number[] }).list.push(2);
        (head.session as { context: { a: number } }).context.a = 2;
        messages[0]!.body = "{}";
      }
      sameWhole(await hot.read(id, Infinity), expected);
      const change = { now, session: { context: { b: 1 } }, append: [makeMessage("kept too")] };
      happened(await hot.commit(id, change));
      change.session.context.b = 2;
      change.append[0]!.body = "{}";
      const read = await hot.read(id, Infinity);
      sameJson(read!.head.session, { context: { b: 1 } });
      assert.deepEqual(contents(read!.messages), ["kept", "kept too"]);
    },
  },
  {
    name: "hot store: what callers do with an event afterwards changes nothing of what is passed on",
    needs: ["outbox"],
    async run({ stores: { hot }, clock }) {
      const event = { type: "created", at: clock.now(), details: { list: [1] } };
      happened(await hot.create(makeWhole(clock.now()), { events: [event] }));
      event.details.list.push(2);
      sameJson(
        (await drained(hot)).flatMap(({ event: passedOn }) => (passedOn ? [passedOn.details] : [])),
        [{ list: [1] }],
      );
    },
  },
];
