/** What purging an archive promises: only what is over and old goes, counted by month. */
import assert from "node:assert/strict";
import type { Archive } from "../../core/archive.ts";
import type { Head } from "../../core/head.ts";
import type { ConformanceCase } from "../conformance-case.ts";
import { archiveOf, directoryOf, numbers, sameJson } from "../expectations.ts";
import { archivedAt, DAY, makeWhole } from "../make-conversation.ts";

const JANUARY = Date.parse("2017-01-31T23:59:59.999Z");
const FEBRUARY = Date.parse("2017-02-01T00:00:00.000Z");
const LONG_AGO = Date.parse("2018-01-01T00:00:00.000Z");

/** What is active again since then. */
const REOPENED = { status: "active", archivedAt: null, archiveReason: null, lastActivity: LONG_AGO + DAY } as const;

/** Archives one that was created then and last active at `lastActivity`; answers its ID. */
async function put(archive: Archive, created: number, lastActivity: number, fields: Partial<Head> = {}): Promise<string> {
  const whole = makeWhole(created, fields.wiped ? [] : ["one"], archivedAt(lastActivity, fields));
  assert.equal(await archive.put(whole), "stored");
  return whole.head.id;
}

async function idsIn(archive: Archive): Promise<string[]> {
  return (await archive.scan(null, 1000)).map(({ id }) => id);
}

export const archivePurgeCases: readonly ConformanceCase[] = [
  {
    name: "archive: purge takes what is archived or completed, wiped or not, and last active before; nothing else",
    needs: ["archive"],
    async run({ stores }) {
      const archive = archiveOf(stores);
      const gone = [
        await put(archive, JANUARY, LONG_AGO - 1),
        await put(archive, FEBRUARY, LONG_AGO - 1),
        await put(archive, FEBRUARY, LONG_AGO - DAY, { wiped: true, lastSeq: 4 }),
        await put(archive, FEBRUARY, LONG_AGO - DAY, { status: "completed", archivedAt: null, archiveReason: null, completedAt: FEBRUARY }),
      ];
      const kept = [
        await put(archive, JANUARY, LONG_AGO),
        await put(archive, JANUARY, LONG_AGO + DAY),
        await put(archive, JANUARY, LONG_AGO - DAY, { hold: true }),
        await put(archive, JANUARY, LONG_AGO - DAY, { status: "active", archivedAt: null, archiveReason: null }),
        await put(archive, FEBRUARY, LONG_AGO - DAY, { status: "deleted", wiped: true }),
      ].toSorted();
      const expected = { months: { "2017-01": 1, "2017-02": 3 }, rows: 4, held: 1 };
      sameJson(await archive.purge(LONG_AGO, 1, true), expected, "a trial counts all, whatever the limit");
      assert.deepEqual(await idsIn(archive), [...gone, ...kept].toSorted());
      sameJson(await archive.purge(LONG_AGO, 100, false), expected);
      assert.deepEqual(await idsIn(archive), kept);
      for (const id of gone) assert.equal(await archive.read(id, 1), null);
      sameJson(await archive.purge(LONG_AGO, 100, false), { months: {}, rows: 0, held: 1 });
    },
  },
  {
    name: "archive: a trial of the purge counts what was put, whatever the directory has heard since",
    needs: ["archive", "directory"],
    async run({ stores }) {
      const archive = archiveOf(stores);
      const directory = directoryOf(stores);
      const heads = new Map<string, Head>();
      for (const hold of [false, false, true]) {
        const { head } = (await archive.read(await put(archive, JANUARY, LONG_AGO - 1, { hold }), 0))!;
        await directory.index(head);
        heads.set(head.id, head);
      }
      const expected = { months: { "2017-01": 2 }, rows: 2, held: 1 };
      sameJson(await archive.purge(LONG_AGO, 1, true), expected);
      const [reopened, held, released] = [...heads.values()];
      await directory.index({ ...reopened!, ...REOPENED, version: reopened!.version + 1 });
      await directory.index({ ...held!, hold: true, version: held!.version + 1 });
      await directory.index({ ...released!, hold: false, version: released!.version + 1 });
      sameJson(await archive.purge(LONG_AGO, 1, true), expected);
      assert.deepEqual(await idsIn(archive), [...heads.keys()].toSorted());
    },
  },
  {
    name: "archive: purge takes at most so many at a time",
    needs: ["archive"],
    async run({ stores }) {
      const archive = archiveOf(stores);
      for (const i of numbers(1, 10)) await put(archive, JANUARY - i * 20 * DAY, LONG_AGO - i);
      const months: { [month: string]: number } = {};
      for (const rows of [4, 4, 2, 0]) {
        const result = await archive.purge(LONG_AGO, 4, false);
        assert.equal(result.rows, rows);
        assert.equal(
          Object.values(result.months).reduce((sum, count) => sum + count, 0),
          rows,
        );
        for (const [month, count] of Object.entries(result.months)) months[month] = (months[month] ?? 0) + count;
      }
      assert.deepEqual(await idsIn(archive), []);
      sameJson(months, { "2017-01": 1, "2016-12": 2, "2016-11": 1, "2016-10": 2, "2016-09": 1, "2016-08": 2, "2016-07": 1 });
    },
  },
  {
    name: "archive: what was purged was not erased: it can be put again, and the erasure log stays",
    needs: ["archive"],
    async run({ stores }) {
      const archive = archiveOf(stores);
      const whole = makeWhole(JANUARY, ["one"], archivedAt(LONG_AGO - 1));
      const erased = await put(archive, JANUARY, LONG_AGO - 1);
      await archive.erase(erased, { at: LONG_AGO, by: "test" });
      await archive.put(whole);
      assert.equal((await archive.purge(LONG_AGO, 100, false)).rows, 1);
      assert.equal(await archive.erased(whole.head.id), false);
      assert.equal(await archive.put(whole), "stored");
      assert.equal(await archive.erased(erased), true);
      sameJson(await archive.erasures(0, 10), [{ n: 1, id: erased, at: LONG_AGO }]);
    },
  },
];
