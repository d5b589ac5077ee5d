/** What counting promises: each conversation on the day of its creation, for ever. */
import assert from "node:assert/strict";
import type { DayCount, Directory } from "../../core/directory.ts";
import type { ConformanceCase, ConformanceContext } from "../conformance-case.ts";
import { directoryOf, sameJson } from "../expectations.ts";
import { archivedAt, DAY, HOUR, makeHead } from "../make-conversation.ts";

function promise(name: string, run: (directory: Directory, context: ConformanceContext) => Promise<void>): ConformanceCase {
  return { name: `directory: counts: ${name}`, needs: ["directory"], run: (context) => run(directoryOf(context.stores), context) };
}

const MONDAY = Date.parse("2025-01-20T00:00:00.000Z");
const TUESDAY = MONDAY + DAY;

/** The counts in one order: by day, then by source. */
async function counts(directory: Directory, from: string, to: string): Promise<DayCount[]> {
  const order = ({ day, source }: DayCount) => `${day} ${source}`;
  return (await directory.analytics(from, to)).toSorted((a, b) => (order(a) < order(b) ? -1 : 1));
}

function dayCount(day: string, source: string, numbers: Partial<DayCount>): DayCount {
  return { day, source, total: 0, completed: 0, archived: 0, messages: 0, seconds: 0, ...numbers };
}

export const countCases: readonly ConformanceCase[] = [
  promise("analytics counts by UTC day of creation and source, both days inclusive, days without chats absent", async (directory) => {
    await directory.index(makeHead(MONDAY - 1, { source: "widget", lastSeq: 50 }));
    await directory.index(makeHead(MONDAY, { source: "widget", lastSeq: 2, lastActivity: MONDAY + 90_500 }));
    await directory.index(makeHead(MONDAY + 5, { source: "api", lastSeq: 1, lastActivity: MONDAY + 5 }));
    await directory.index(makeHead(TUESDAY - 1, { source: "widget", lastSeq: 3, lastActivity: TUESDAY + 29_499 }));
    await directory.index(makeHead(TUESDAY, { source: "widget", lastSeq: 4 }));
    await directory.index(makeHead(TUESDAY + 2 * DAY, { source: "widget", lastSeq: 5 }));
    sameJson(await counts(directory, "2025-01-20", "2025-01-20"), [
      dayCount("2025-01-20", "api", { total: 1, messages: 1 }),
      dayCount("2025-01-20", "widget", { total: 2, messages: 5, seconds: 120 }),
    ]);
    sameJson(
      (await counts(directory, "2025-01-20", "2025-01-23")).map(({ day, total }) => [day, total]),
      [
        ["2025-01-20", 1],
        ["2025-01-20", 2],
        ["2025-01-21", 1],
        ["2025-01-23", 1],
      ],
    );
    assert.deepEqual(await counts(directory, "2025-01-24", "2025-02-24"), []);
  }),

  promise("completed is what was ever completed, archived what is over now", async (directory) => {
    const over = archivedAt(MONDAY + HOUR);
    await directory.index(makeHead(MONDAY));
    await directory.index(makeHead(MONDAY, { status: "completed", completedAt: MONDAY }));
    await directory.index(makeHead(MONDAY, { completedAt: MONDAY }));
    await directory.index(makeHead(MONDAY, { ...over, completedAt: MONDAY }));
    await directory.index(makeHead(MONDAY, over));
    const back = makeHead(MONDAY, { ...over, version: 2 });
    await directory.index(back);
    await directory.index({ ...back, version: 3, status: "active", archivedAt: null, archiveReason: null });
    const [counted] = await counts(directory, "2025-01-20", "2025-01-20");
    sameJson([counted?.total, counted?.completed, counted?.archived], [6, 3, 2]);
  }),

  promise("what changes is counted as it is now, once", async (directory) => {
    const head = makeHead(MONDAY);
    await directory.index(head);
    await directory.index({ ...head, version: 2, lastSeq: 7, lastActivity: MONDAY + 60_000 });
    await directory.index({ ...head, version: 3, ...archivedAt(MONDAY + 60_000), lastSeq: 8 });
    sameJson(await counts(directory, "2025-01-20", "2025-01-20"), [
      dayCount("2025-01-20", "conformance", { total: 1, archived: 1, messages: 8, seconds: 60 }),
    ]);
  }),

  promise("what was wiped or erased still counts", async (directory) => {
    const fields = { lastSeq: 4, lastActivity: MONDAY + 10_000, archivedAt: MONDAY + HOUR, completedAt: MONDAY, expiresAt: null };
    const first = makeHead(MONDAY, { ...fields, status: "archived" });
    const second = makeHead(MONDAY, { ...fields, status: "archived" });
    for (const head of [first, second]) await directory.index(head);
    const before = await counts(directory, "2025-01-20", "2025-01-20");
    await directory.index({ ...first, version: 2, wiped: true, metadata: {}, bytes: 0 });
    await directory.index({ ...second, version: 2, wiped: true, metadata: {}, bytes: 0, status: "deleted" });
    sameJson(before, [dayCount("2025-01-20", "conformance", { total: 2, completed: 2, archived: 2, messages: 8, seconds: 20 })]);
    sameJson(await counts(directory, "2025-01-20", "2025-01-20"), before);
  }),

  promise("live is what is active or completed now", async (directory) => {
    const head = makeHead(MONDAY);
    await directory.index(head);
    await directory.index(makeHead(MONDAY, { status: "completed", completedAt: MONDAY }));
    await directory.index(makeHead(MONDAY, archivedAt(MONDAY)));
    await directory.index(makeHead(MONDAY, { ...archivedAt(MONDAY), status: "deleted", wiped: true }));
    assert.equal(await directory.live(), 2);
    await directory.index({ ...head, version: 2, ...archivedAt(MONDAY) });
    assert.equal(await directory.live(), 1);
  }),

  promise("purge removes entries of what is over and old, at most so many, and keeps their counts", async (directory) => {
    const old = MONDAY + HOUR;
    const gone = [
      makeHead(MONDAY, { ...archivedAt(old), lastSeq: 1, source: "widget" }),
      makeHead(MONDAY, { ...archivedAt(old), lastSeq: 2, source: "widget", completedAt: MONDAY }),
      makeHead(MONDAY, { status: "completed", completedAt: old, lastActivity: old, lastSeq: 4, source: "api", subjects: ["s1"] }),
      makeHead(MONDAY, { ...archivedAt(old), wiped: true, metadata: {}, lastSeq: 8, source: "api" }),
    ];
    const kept = [
      makeHead(MONDAY, { ...archivedAt(old + 1), lastSeq: 16 }),
      makeHead(MONDAY, { ...archivedAt(old), hold: true, lastSeq: 32 }),
      makeHead(MONDAY, { lastActivity: old, lastSeq: 64 }),
      makeHead(MONDAY, { ...archivedAt(old), status: "deleted", wiped: true, lastSeq: 128 }),
    ];
    for (const head of [...gone, ...kept]) await directory.index(head);
    const before = await counts(directory, "2025-01-01", "2025-01-31");
    assert.equal(await directory.purge(old + 1, 3), 3);
    sameJson(await counts(directory, "2025-01-01", "2025-01-31"), before);
    assert.equal(await directory.purge(old + 1, 100), 1);
    assert.equal(await directory.purge(old + 1, 100), 0);
    sameJson(await counts(directory, "2025-01-01", "2025-01-31"), before);
    const left = (await directory.list({ limit: 100 })).heads.map(({ id }) => id);
    assert.deepEqual(left.toSorted(), kept.map(({ id }) => id).toSorted());
    assert.deepEqual(await directory.bySubject("s1", null, 10), []);
    sameJson(
      before.map(({ source, total, messages }) => [source, total, messages]),
      [
        ["api", 2, 12],
        ["conformance", 4, 240],
        ["widget", 2, 3],
      ],
    );
  }),

  promise("counts of what was purged and of what is there are one", async (directory) => {
    const old = { ...archivedAt(MONDAY + 30_000), lastSeq: 3 };
    for (let i = 0; i < 3; i++) {
      await directory.index(makeHead(MONDAY + i, old));
      await directory.index(makeHead(MONDAY + i, { lastSeq: 1 }));
      assert.equal(await directory.purge(MONDAY + DAY, 10), 1);
    }
    const [counted, ...others] = await counts(directory, "2025-01-20", "2025-01-20");
    assert.deepEqual(others, []);
    sameJson(counted && { ...counted, seconds: Math.round(counted.seconds) }, {
      ...dayCount("2025-01-20", "conformance", { total: 6, archived: 3, messages: 12, seconds: 90 }),
    });
  }),
];
