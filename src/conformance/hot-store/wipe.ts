/** What wiping and erasing promise: what was said is gone for good, and nothing comes after. */
import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.ts";
import { drained, happened, hasFields, leavesNothing, sameJson, settled } from "../expectations.ts";
import { archivedAt, DAY, HOUR, makeMessage, makeWhole, texts } from "../make-conversation.ts";
import type { Change } from "../../core/hot-store.ts";
import type { Whole } from "../../core/head.ts";

const WIPE = "hot store: wipe:";

function wiping(now: number, more: Partial<Change> = {}): Change {
  return { now, step: { from: ["active", "completed"], to: "archived", reason: "manual" }, wipe: true, ...more };
}

function erasing(now: number, more: Partial<Change> = {}): Change {
  return { now, step: { from: ["active", "completed", "archived"], to: "deleted" }, wipe: true, ...more };
}

/** A conversation that has something of everything that a wiping removes. */
function full(created: number): Whole {
  const fields = {
    subjects: ["s1"],
    keyring: "k1:abc",
    session: { leadData: { email: "a@example.com" } },
    completedAt: created + 1,
    version: 5,
    revision: 2,
  };
  return makeWhole(created, [...texts(3), makeMessage("hello", "m1")], fields);
}

const NOTHING = { metadata: {}, session: null, subjects: [], keyring: null, bytes: 0, wiped: true };

export const wipeCases: readonly ConformanceCase[] = [
  {
    name: `${WIPE} a skeleton stays: ID, times, counts, status, source`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const before = await settled(hot, full(now - HOUR));
      const { head, window } = happened(await hot.commit(before.id, wiping(now, { window: 10 })));
      const { revision } = head;
      assert.ok(revision > before.revision);
      const over = { status: "archived", archivedAt: now, archiveReason: "manual", expiresAt: null } as const;
      sameJson(head, { ...before, ...NOTHING, ...over, version: 6, revision });
      assert.equal(head.lastSeq, 4);
      assert.deepEqual(window, []);
      sameJson(await hot.read(before.id, Infinity), { head, messages: [] });
      assert.deepEqual(await hot.messages(before.id, { limit: 10, order: "asc" }), []);
      assert.deepEqual(await hot.messages(before.id, { after: 1, limit: 10, order: "desc" }), []);
    },
  },
  {
    name: `${WIPE} wiping what is archived keeps when and why it was archived`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const before = await settled(hot, makeWhole(now - DAY, ["one"], archivedAt(now - HOUR)));
      const { head } = happened(
        await hot.commit(before.id, wiping(now, { step: { from: ["archived"], to: "archived", reason: "manual" } })),
      );
      hasFields(head, { ...NOTHING, status: "archived", archivedAt: now - HOUR, archiveReason: "expired", version: before.version + 1 });
    },
  },
  {
    name: `${WIPE} idempotency entries of the conversation go, and those of others stay`,
    needs: ["once"],
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const wiped = await settled(hot, makeWhole(now));
      const other = await settled(hot, makeWhole(now));
      const send: Change = { now, append: [makeMessage("one")], once: { key: "key 1", fingerprint: "print 1", until: now + DAY } };
      for (const { id } of [wiped, other]) happened(await hot.commit(id, send));
      happened(await hot.commit(wiped.id, wiping(now)));
      assert.equal((await hot.commit(wiped.id, send)).outcome, "refused");
      happened(await hot.commit(other.id, send), "replayed");
      assert.equal(await hot.forgetOnce(now + DAY, 100), 1);
    },
  },
  {
    name: `${WIPE} the repeated creation of what was wiped is no replay of what it said`,
    needs: ["once"],
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const whole = full(now);
      const once = { key: "key 1", fingerprint: "print 1", until: now + DAY };
      happened(await hot.create(whole, { once }));
      happened(await hot.commit(whole.head.id, wiping(now)));
      const again = await hot.create(whole, { once, window: 10 });
      assert.ok(again.outcome === "conflict");
      hasFields(again.head, NOTHING);
    },
  },
  {
    name: `${WIPE} undelivered events lose their details; those of the wiping, and of others, keep theirs`,
    needs: ["outbox"],
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const wiped = await settled(hot, makeWhole(now));
      const other = await settled(hot, makeWhole(now));
      const event = (type: string, reason: string) => ({ type, at: now, details: { reason } });
      happened(await hot.commit(wiped.id, { now, events: [event("extended", "secret")] }));
      happened(await hot.commit(other.id, { now, events: [event("extended", "kept")] }));
      happened(await hot.commit(wiped.id, wiping(now, { events: [event("archived", "manual"), event("wiped", "manual")] })));
      const items = (await drained(hot)).filter((item) => item.event !== null);
      const of = (id: string) => items.filter((item) => item.id === id).map((item) => item.event);
      sameJson(of(wiped.id), [{ type: "extended", at: now, details: {} }, event("archived", "manual"), event("wiped", "manual")]);
      sameJson(of(other.id), [event("extended", "kept")]);
    },
  },
  {
    name: `${WIPE} details of an event that was leased and comes again are gone too`,
    needs: ["outbox"],
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now));
      happened(await hot.commit(id, { now, events: [{ type: "extended", at: now, details: { reason: "secret" } }] }));
      await hot.outbox(100, 0);
      happened(await hot.commit(id, wiping(now)));
      sameJson(
        (await drained(hot)).flatMap(({ event }) => (event ? [event.details] : [])),
        [{}],
      );
    },
  },
  {
    name: `${WIPE} a legal hold refuses wiping and erasing`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now, ["kept"], { hold: true }));
      for (const change of [wiping(now), erasing(now)]) await leavesNothing(hot, id, { ...change, require: { holdFree: true } }, "refused");
    },
  },
  {
    name: `${WIPE} what was wiped refuses everything but erasing`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, full(now - HOUR));
      happened(await hot.commit(id, wiping(now)));
      await refusesAll(hot, id, now);
      await leavesNothing(hot, id, wiping(now, { step: { from: ["archived"], to: "archived", reason: "again" } }), "refused");
      const { head } = happened(await hot.commit(id, erasing(now + 1, { events: [{ type: "erased", at: now + 1, details: {} }] })));
      hasFields(head, { ...NOTHING, status: "deleted", lastSeq: 4, archivedAt: now, archiveReason: "manual" });
    },
  },
  {
    name: `${WIPE} erasing leaves a tombstone that refuses everything`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const before = await settled(hot, full(now - HOUR));
      const { head } = happened(await hot.commit(before.id, erasing(now)));
      hasFields(head, { ...NOTHING, status: "deleted", lastSeq: 4, archivedAt: now, expiresAt: null, version: before.version + 1 });
      sameJson(await hot.read(before.id, Infinity), { head, messages: [] });
      assert.deepEqual(await hot.messages(before.id, { limit: 10, order: "asc" }), []);
      await refusesAll(hot, before.id, now);
      await leavesNothing(hot, before.id, erasing(now, { step: { from: ["deleted"], to: "deleted" } }), "refused");
    },
  },
];

async function refusesAll(hot: Parameters<typeof leavesNothing>[0], id: string, now: number): Promise<void> {
  const changes: Partial<Change>[] = [
    { append: [makeMessage("late")] },
    { append: [makeMessage("hello", "m1")] },
    { append: [makeMessage("nobody knows any more what m1 was", "m1")] },
    { step: { from: ["active", "completed", "archived", "deleted"], to: "active" } },
    { metadata: { late: true } },
    { session: { step: "late" } },
    { subjects: ["late"] },
    { hold: true },
    { keyring: "late" },
    { touch: { lastAccess: now, expiresAt: now + DAY } },
    { once: { key: "late", fingerprint: "late", until: now + DAY }, activity: true },
  ];
  for (const change of changes) await leavesNothing(hot, id, { now, ...change }, "refused");
}
