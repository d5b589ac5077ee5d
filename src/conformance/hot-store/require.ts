/** What a commit may require, and that of a change which must not happen nothing is left. */
import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.ts";
import { drained, happened, hasFields, headOf, leavesNothing, numbers, settled } from "../expectations.ts";
import { archivedAt, DAY, HOUR, makeMessage, makeWhole } from "../make-conversation.ts";
import type { Status } from "../../core/head.ts";
import type { Change } from "../../core/hot-store.ts";

const COMMIT = "hot store: commit:";

/** One of each thing that a change can do; refused, it must leave nothing. */
function everything(now: number): Change {
  return {
    now,
    append: [makeMessage("new")],
    session: { step: "x" },
    subjects: ["s9"],
    hold: true,
    tokenEpoch: 9,
    keyring: "k9",
    warnedFor: 9,
    activity: true,
    touch: { lastAccess: now + 1, expiresAt: now + 9 * DAY },
  };
}

/** The cases of requirements. */
export const requireCases: readonly ConformanceCase[] = [
  {
    name: `${COMMIT} another version, revision or incarnation than required is a conflict with the head that is there`,
    needs: ["atomic"],
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id, incarnation } = await settled(hot, makeWhole(now, ["one"], { version: 5, revision: 3 }));
      for (const require of [
        { version: 4 },
        { version: 6 },
        { revision: 2 },
        { revision: 5 },
        { incarnation: "another" },
        { version: 5, revision: 4 },
      ]) {
        await leavesNothing(hot, id, { ...everything(now), require }, "conflict");
      }
      const result = happened(await hot.commit(id, { ...everything(now), require: { version: 5, revision: 3, incarnation } }));
      hasFields(result.head, { version: 6, revision: 3, incarnation });
    },
  },
  {
    name: `${COMMIT} openAt: active or completed, and not expired by then`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      for (const status of ["active", "completed"] as const) {
        const { id } = await settled(hot, makeWhole(now - HOUR, [], { status, expiresAt: now }));
        await leavesNothing(hot, id, { ...everything(now), require: { openAt: now } }, "refused");
        await leavesNothing(hot, id, { ...everything(now), require: { openAt: now + 1 } }, "refused");
        happened(await hot.commit(id, { now, require: { openAt: now - 1 }, activity: true }));
      }
      const endless = await settled(hot, makeWhole(now - HOUR, [], { expiresAt: null }));
      happened(await hot.commit(endless.id, { now, require: { openAt: now }, activity: true }));
      const over = await settled(hot, makeWhole(now - HOUR, [], archivedAt(now)));
      await leavesNothing(hot, over.id, { ...everything(now), require: { openAt: now - DAY } }, "refused");
    },
  },
  {
    name: `${COMMIT} expiredAt: active or completed, and expired by then`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      for (const status of ["active", "completed"] as const) {
        const { id } = await settled(hot, makeWhole(now - HOUR, [], { status, expiresAt: now }));
        await leavesNothing(hot, id, { ...everything(now), require: { expiredAt: now - 1 } }, "refused");
        happened(await hot.commit(id, { now, require: { expiredAt: now }, activity: true }));
      }
      const endless = await settled(hot, makeWhole(now - HOUR, [], { expiresAt: null }));
      await leavesNothing(hot, endless.id, { ...everything(now), require: { expiredAt: now + DAY } }, "refused");
      const over = await settled(hot, makeWhole(now - HOUR, [], archivedAt(now)));
      await leavesNothing(hot, over.id, { ...everything(now), require: { expiredAt: now + DAY } }, "refused");
    },
  },
  {
    name: `${COMMIT} holdFree is refused under a legal hold, and only then`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now, ["one"]));
      happened(await hot.commit(id, { now, require: { holdFree: true }, hold: true }));
      assert.equal((await headOf(hot, id)).hold, true);
      await leavesNothing(hot, id, { ...everything(now), require: { holdFree: true } }, "refused");
      happened(await hot.commit(id, { now, append: [makeMessage("a hold does not keep anybody from talking")] }));
      happened(await hot.commit(id, { now, hold: false }));
      assert.equal((await headOf(hot, id)).hold, false);
      happened(await hot.commit(id, { now, require: { holdFree: true }, activity: true }));
    },
  },
  {
    name: `${COMMIT} a step goes only from the statuses it names`,
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const all: Status[] = ["active", "completed", "archived"];
      for (const status of all) {
        const { id } = await settled(hot, makeWhole(now, [], status === "archived" ? archivedAt(now) : { status }));
        const others = all.filter((other) => other !== status);
        await leavesNothing(hot, id, { ...everything(now), step: { from: others, to: "active" } }, "refused");
        await leavesNothing(hot, id, { ...everything(now), step: { from: [], to: "archived", reason: "x" } }, "refused");
        const { head } = happened(await hot.commit(id, { now, step: { from: [others[0]!, status], to: "active" } }));
        assert.equal(head.status, "active");
      }
    },
  },
  {
    name: `${COMMIT} of 50 merges computed from one revision, one happens`,
    needs: ["atomic"],
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now));
      const results = await Promise.all(numbers(1, 50).map((by) => hot.commit(id, { now, require: { revision: 1 }, metadata: { by } })));
      const winners = results.flatMap((result, i) => (result.outcome === "done" ? [i + 1] : []));
      assert.equal(winners.length, 1);
      assert.ok(results.every(({ outcome }) => outcome === "done" || outcome === "conflict"));
      hasFields(await headOf(hot, id), { version: 2, revision: 2, metadata: { by: winners[0]! } });
    },
  },
  {
    name: `${COMMIT} of 20 steps from active at once one is done, and the others are refused`,
    needs: ["atomic"],
    async run({ stores: { hot }, clock }) {
      const now = clock.now();
      const { id } = await settled(hot, makeWhole(now));
      const step = { from: ["active"], to: "archived", reason: "manual" } as const;
      const results = await Promise.all(
        numbers(1, 20).map((i) => hot.commit(id, { now, step, events: [{ type: "archived", at: now, details: { i } }] })),
      );
      assert.equal(results.filter(({ outcome }) => outcome === "done").length, 1);
      assert.equal(results.filter(({ outcome }) => outcome === "refused").length, 19);
      assert.equal((await drained(hot)).filter(({ event }) => event !== null).length, 1);
    },
  },
];
