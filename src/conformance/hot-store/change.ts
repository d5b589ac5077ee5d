/** What a commit does to the head besides its messages. */
import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.ts";
import { contents, drained, happened, hasFields, headOf, numbers, sameJson, settled } from "../expectations.ts";
import { archivedAt, DAY, HOUR, makeMessage, makeWhole } from "../make-conversation.ts";
import type { Change } from "../../core/hot-store.ts";

const COMMIT = "hot store: commit:";

export const changeCases: readonly ConformanceCase[] = [
  {
    name: `${COMMIT} other bodies take the places of those that are there, and nothing else of the messages changes`,
    needs: ["atomic"],
    async run({ stores: { hot }, clock }) {
      const whole = makeWhole(clock.now(), ["one", makeMessage("two", "m2"), "three"]);
      const { id, version } = await settled(hot, whole);
      const other = JSON.stringify({ sealed: "1.abc" });
      const change: Change = {
        now: clock.now() + 1,
        require: { version },
        keyring: "k1:abc",
        metadata: { sealed: "1.def" },
        bodies: [
          { seq: 1, body: other },
          { seq: 2, body: other },
        ],
        window: 3,
      };
      const expected = whole.messages.map((message) => (message.seq < 3 ? { ...message, body: other } : message));
      const { head, window } = happened(await hot.commit(id, change));
      hasFields(head, { version: version + 1, lastSeq: 3, bytes: whole.head.bytes, keyring: "k1:abc" });
      sameJson(window, expected);
      const stored = await hot.read(id, Infinity);
      sameJson(stored?.messages, expected);
      const again = happened(await hot.commit(id, { now: clock.now() + 2, append: [makeMessage("two", "m2")] }));
      sameJson(again.placed, [{ seq: 2, storedAt: whole.messages[1]!.storedAt }]);
      const stale = await hot.commit(id, { ...change, bodies: [{ seq: 3, body: other }] });
      assert.equal(stale.outcome, "conflict");
      sameJson((await hot.read(id, Infinity))?.messages, expected);
    },
  },
  {
    name: `${COMMIT} completing, archiving and reopening set and clear what belongs to the status`,
    async run({ stores: { hot }, clock }) {
      const created = clock.now();
      const { id } = await settled(hot, makeWhole(created));
      const completed = created + 1;
      let { head } = happened(await hot.commit(id, { now: completed, step: { from: ["active"], to: "completed" } }));
      hasFields(head, { status: "completed", completedAt: completed, archivedAt: null, version: 2, expiresAt: created + DAY });
      ({ head } = happened(await hot.commit(id, { now: created + 2, step: { from: ["completed"], to: "active" } })));
      hasFields(head, { status: "active", completedAt: completed, version: 3 });
      ({ head } = happened(await hot.commit(id, { now: created + 3, step: { from: ["active"], to: "archived", reason: "manual" } })));
      const over = {
        status: "archived",
        archivedAt: created + 3,
        archiveReason: "manual",
        expiresAt: null,
        completedAt: completed,
      } as const;
      hasFields(head, { ...over, version: 4 });
      sameJson(await headOf(hot, id), head);
      const back: Change = {
        now: created + 4,
        step: { from: ["archived"], to: "active" },
        touch: { lastAccess: created + 4, expiresAt: created + DAY },
      };
      ({ head } = happened(await hot.commit(id, back)));
      hasFields(head, {
        status: "active",
        archivedAt: null,
        archiveReason: null,
        expiresAt: created + DAY,
        lastAccess: created + 4,
        completedAt: completed,
      });
      ({ head } = happened(await hot.commit(id, { now: created + 5, step: { from: ["active"], to: "completed" } })));
      assert.equal(head.completedAt, created + 5, "the latest completion");
      sameJson(await headOf(hot, id), head);
    },
  },
  {
    name: `${COMMIT} every change moves the version by one, metadata alone the revision`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now));
      const changes: [Partial<Change>, revision: number][] = [
        [{ append: [makeMessage("a"), makeMessage("b")] }, 1],
        [{ metadata: { topic: "paper" }, require: { revision: 1 } }, 2],
        [{ session: { step: "x" } }, 2],
        [{ step: { from: ["active"], to: "completed" } }, 2],
        [{ subjects: ["s1"] }, 2],
        [{ hold: true }, 2],
        [{ hold: false }, 2],
        [{ tokenEpoch: 1 }, 2],
        [{ keyring: "k1" }, 2],
        [{ activity: true }, 2],
        [{ events: [{ type: "extended", at: now, details: {} }], touch: { expiresAt: now + 2 * DAY } }, 2],
        [{ metadata: { topic: "toner" }, session: { step: "y" }, append: [makeMessage("c")], require: { revision: 2 } }, 3],
      ];
      for (const [i, [change, revision]] of changes.entries()) {
        const { head } = happened(await hot.commit(id, { now, ...change }));
        hasFields(head, { version: i + 2, revision });
        sameJson(await headOf(hot, id), head, "what was answered is stored");
      }
    },
  },
  {
    name: `${COMMIT} metadata and state are set whole, subjects are only added to`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const before = { metadata: { a: 1, b: 2 }, session: { step: "one", context: { x: 1 } }, subjects: ["s1"] };
      const { id } = await settled(hot, makeWhole(now, [], before));
      happened(await hot.commit(id, { now, metadata: { c: 3 }, require: { revision: 1 } }));
      happened(await hot.commit(id, { now, session: { leadData: { y: 2 } } }));
      happened(await hot.commit(id, { now, subjects: ["s2", "s1"] }));
      happened(await hot.commit(id, { now, subjects: ["s3"], tokenEpoch: 4, keyring: "k2:xyz" }));
      const head = await headOf(hot, id);
      hasFields(head, { metadata: { c: 3 }, session: { leadData: { y: 2 } }, tokenEpoch: 4, keyring: "k2:xyz" });
      assert.deepEqual(head.subjects.toSorted(), ["s1", "s2", "s3"]);
      happened(await hot.commit(id, { now, session: null }));
      assert.equal((await headOf(hot, id)).session, null);
    },
  },
  {
    name: `${COMMIT} activity moves lastActivity, never back; nothing else moves it`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now));
      happened(await hot.commit(id, { now: now + HOUR, append: [makeMessage("a")], hold: true, touch: { lastAccess: now + HOUR } }));
      assert.equal((await headOf(hot, id)).lastActivity, now);
      happened(await hot.commit(id, { now: now + HOUR, activity: true }));
      assert.equal((await headOf(hot, id)).lastActivity, now + HOUR);
      happened(await hot.commit(id, { now, activity: true }));
      assert.equal((await headOf(hot, id)).lastActivity, now + HOUR);
    },
  },
  {
    name: `${COMMIT} a touch moves lastAccess and expiresAt forward, never back, and is no change`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const head = await settled(hot, makeWhole(now, ["one"]));
      const touches: [Change["touch"], lastAccess: number | null, expiresAt: number][] = [
        [{ expiresAt: now + 2 * DAY }, null, now + 2 * DAY],
        [{ lastAccess: now + 5 }, now + 5, now + 2 * DAY],
        [{ lastAccess: now + 3, expiresAt: now + DAY }, now + 5, now + 2 * DAY],
        [{ lastAccess: now + 9, expiresAt: now + 3 * DAY }, now + 9, now + 3 * DAY],
        [{}, now + 9, now + 3 * DAY],
      ];
      for (const [touch, lastAccess, expiresAt] of touches) {
        const result = happened(await hot.commit(head.id, { now, touch: touch! }));
        sameJson(result.head, { ...head, lastAccess, expiresAt });
        sameJson(await headOf(hot, head.id), result.head);
      }
      assert.deepEqual(await drained(hot), []);
    },
  },
  {
    name: `${COMMIT} no expiry lies beyond the engine's own clock and the cap`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now));
      const endless = await settled(hot, makeWhole(now, [], { expiresAt: null }));
      const far = await settled(hot, makeWhole(now, [], { expiresAt: now + 900 * DAY }));
      const before = (await hot.probe()).now;
      const touch = { expiresAt: now + 400 * DAY, capMs: 7 * DAY };
      const expiries = [
        happened(await hot.commit(id, { now: now + 300 * DAY, touch })).head.expiresAt,
        happened(await hot.commit(endless.id, { now, activity: true, touch })).head.expiresAt,
        happened(await hot.commit(far.id, { now, touch: { capMs: 7 * DAY } })).head.expiresAt,
        (await headOf(hot, id)).expiresAt,
      ];
      const after = (await hot.probe()).now;
      for (const expiresAt of expiries) assert.ok(expiresAt !== null && expiresAt >= before + 7 * DAY && expiresAt <= after + 7 * DAY);
      const untouched = await settled(hot, makeWhole(now, [], { expiresAt: null }));
      assert.equal(happened(await hot.commit(untouched.id, { now, touch: { lastAccess: now, capMs: DAY } })).head.expiresAt, null);
    },
  },
  {
    name: `${COMMIT} a touch is ignored when archived, and when archiving`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const touch = { lastAccess: now + 5, expiresAt: now + 5 * DAY };
      const over = await settled(hot, makeWhole(now - DAY, [], archivedAt(now)));
      sameJson(happened(await hot.commit(over.id, { now, touch })).head, over);
      sameJson(await headOf(hot, over.id), over);
      const { id } = await settled(hot, makeWhole(now - DAY));
      const { head } = happened(await hot.commit(id, { now, touch, step: { from: ["active"], to: "archived", reason: "manual" } }));
      hasFields(head, { lastAccess: null, expiresAt: null, status: "archived" });
    },
  },
  {
    name: `${COMMIT} a warning is noted and told without moving the version`,
    needs: ["outbox"],
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const head = await settled(hot, makeWhole(now));
      const event = { type: "expiring", at: now, details: { expiresAt: now + DAY } };
      const result = happened(await hot.commit(head.id, { now, require: { openAt: now }, warnedFor: now + DAY, events: [event] }));
      sameJson(result.head, { ...head, warnedFor: now + DAY });
      sameJson(await headOf(hot, head.id), result.head);
      sameJson(
        (await drained(hot)).map((item) => item.event),
        [event],
      );
    },
  },
  {
    name: `${COMMIT} appends do not keep a merge of metadata from happening, nor it them`,
    needs: ["atomic"],
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now));
      const append = (i: number) => hot.commit(id, { now, append: [makeMessage(`by ${i}`)] });
      const results = await Promise.all([
        ...numbers(1, 10).map(append),
        hot.commit(id, { now, require: { revision: 1 }, metadata: { merged: true } }),
        ...numbers(11, 20).map(append),
      ]);
      for (const result of results) happened(result);
      hasFields(await headOf(hot, id), { version: 22, revision: 2, lastSeq: 20, metadata: { merged: true } });
      assert.equal(new Set(contents((await hot.read(id, Infinity))!.messages)).size, 20);
    },
  },
];
