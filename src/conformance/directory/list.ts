/** What entries, lists and subjects promise: every conversation once, as it was last seen. */
import assert from "node:assert/strict";
import type { Directory, DirectoryQuery } from "../../core/directory.ts";
import type { Head } from "../../core/head.ts";
import type { ConformanceCase, ConformanceContext } from "../conformance-case.ts";
import { EXACT_VALUES } from "../exact-values.ts";
import { archiveOf, directoryOf, numbers, sameJson } from "../expectations.ts";
import { archivedAt, DAY, HOUR, makeHead } from "../make-conversation.ts";

function promise(name: string, run: (directory: Directory, context: ConformanceContext) => Promise<void>): ConformanceCase {
  return { name: `directory: ${name}`, needs: ["directory"], run: (context) => run(directoryOf(context.stores), context) };
}

/** Indexes so many heads, an hour between each and the next; newest first. */
async function indexed(
  directory: Directory,
  first: number,
  count: number,
  fields: (i: number) => Partial<Head> = () => ({}),
): Promise<Head[]> {
  const heads = numbers(0, count - 1).map((i) => makeHead(first + i * HOUR, fields(i)));
  // In another order than that of the list.
  for (const head of heads.toSorted((a, b) => (a.incarnation < b.incarnation ? -1 : 1))) await directory.index(head);
  return heads.toReversed();
}

/** The pages of a list, one after the other, as lists of IDs. `between` runs after each. */
async function pagesOf(directory: Directory, query: DirectoryQuery, between: () => Promise<void> = async () => {}): Promise<string[][]> {
  const pages: string[][] = [];
  for (let before = query.before; ;) {
    const { heads, next } = await directory.list(before === undefined ? query : { ...query, before });
    pages.push(heads.map(({ id }) => id));
    if (next === null) return pages;
    assert.ok(heads.length === query.limit, "only the last page is short");
    assert.ok(pages.length < 1000, "the list comes to an end");
    before = next;
    await between();
  }
}

async function idsOf(directory: Directory, query: Partial<DirectoryQuery>): Promise<string[]> {
  return (await directory.list({ limit: 100, ...query })).heads.map(({ id }) => id);
}

function ids(heads: readonly Head[]): string[] {
  return heads.map(({ id }) => id);
}

export const listCases: readonly ConformanceCase[] = [
  promise("an empty directory lists nothing", async (directory, { clock }) => {
    const page = await directory.list({ limit: 10 });
    assert.deepEqual(page.heads, []);
    assert.equal(page.next, null);
    assert.deepEqual(await directory.indexed([makeHead(clock.now()).id]), [0]);
    assert.equal(await directory.live(), 0);
    assert.deepEqual(await directory.bySubject("s1", null, 10), []);
    assert.deepEqual(await directory.events(makeHead(clock.now()).id, null, 10), { events: [], next: null });
  }),

  promise("an entry is the whole head", async (directory, { clock }) => {
    const now = clock.now();
    const heads = [
      makeHead(now, {
        lastSeq: 3,
        bytes: 99,
        lastAccess: now,
        warnedFor: now,
        tokenEpoch: 2,
        keyring: "k1:a",
        subjects: ["s1", "s2"],
        session: { step: "x" },
      }),
      makeHead(now - HOUR, archivedAt(now, { completedAt: now, hold: true, revision: 3, source: "api", metadata: { a: { b: [1] } } })),
    ];
    for (const head of heads) await directory.index(head);
    sameJson((await directory.list({ limit: 10 })).heads, heads);
  }),

  promise("the newest version wins, in whatever order they come", async (directory, { clock }) => {
    const now = clock.now();
    const head = makeHead(now, { version: 3, metadata: { at: 3 }, subjects: ["s3"] });
    const later = { ...head, ...archivedAt(now), version: 7, metadata: { at: 7 }, subjects: ["s3", "s7"] };
    await directory.index(head);
    await directory.index(later);
    await directory.index({ ...head, version: 6, metadata: { at: 6 } });
    await directory.index(head);
    sameJson((await directory.list({ limit: 10 })).heads, [later]);
    assert.deepEqual(await directory.bySubject("s7", null, 10), [head.id]);
    assert.deepEqual(await idsOf(directory, { status: ["active"] }), []);
    assert.equal(await directory.live(), 0);
  }),

  promise("of 20 versions indexed at once the newest wins", async (directory, { clock }) => {
    const head = makeHead(clock.now());
    await Promise.all(numbers(1, 20).map((i) => directory.index({ ...head, version: ((i * 7) % 20) + 1, lastSeq: ((i * 7) % 20) + 1 })));
    sameJson((await directory.list({ limit: 10 })).heads, [{ ...head, version: 20, lastSeq: 20 }]);
  }),

  {
    name: "directory: of what the erasure log names only a tombstone is taken",
    needs: ["directory", "archive"],
    async run({ stores, clock }) {
      const [directory, archive, now] = [directoryOf(stores), archiveOf(stores), clock.now()];
      const head = makeHead(now - DAY, archivedAt(now - HOUR, { version: 4, subjects: ["s1"] }));
      const fresh = makeHead(now);
      await directory.index(head);
      for (const { id } of [head, fresh]) await archive.erase(id, { at: now, by: "test" });
      const grave: Head = {
        ...head,
        version: 5,
        status: "deleted",
        wiped: true,
        archivedAt: now,
        expiresAt: null,
        metadata: {},
        subjects: [],
      };
      await directory.index(grave);
      await directory.index({ ...head, version: 99 });
      await directory.index(fresh);
      sameJson((await directory.list({ limit: 10, status: ["deleted"] })).heads, [grave]);
      assert.deepEqual(await idsOf(directory, { status: ["active", "completed", "archived"] }), []);
      assert.deepEqual(await directory.bySubject("s1", null, 10), []);
    },
  },

  promise("a list is newest first, in pages that say where the next begins", async (directory, { clock }) => {
    const heads = ids(await indexed(directory, clock.now(), 10));
    assert.deepEqual(await pagesOf(directory, { limit: 4 }), [heads.slice(0, 4), heads.slice(4, 8), heads.slice(8)]);
    assert.deepEqual(await pagesOf(directory, { limit: 5 }), [heads.slice(0, 5), heads.slice(5)]);
    assert.deepEqual(await pagesOf(directory, { limit: 10 }), [heads]);
    assert.deepEqual(await pagesOf(directory, { limit: 100 }), [heads]);
    assert.deepEqual((await directory.list({ limit: 4, before: heads[9]! })).heads, []);
  }),

  promise("pages of 300 conversations hold each once, while new ones arrive", async (directory, { clock }) => {
    const now = clock.now();
    const there = ids(await indexed(directory, now - 300 * HOUR, 300));
    let arriving = 0;
    const pages = await pagesOf(directory, { limit: 7 }, async () => {
      arriving += 1;
      await directory.index(makeHead(now + arriving * 1000));
    });
    assert.deepEqual(pages.flat(), there);
    assert.equal(arriving, 42);
    assert.equal((await pagesOf(directory, { limit: 100 })).flat().length, 342);
  }),

  promise("a conversation that changes between two pages is on one of them", async (directory, { clock }) => {
    const heads = await indexed(directory, clock.now(), 30);
    let i = 0;
    const pages = await pagesOf(directory, { limit: 4 }, async () => {
      i += 1;
      await directory.index({ ...heads[29 - i]!, version: 2, lastSeq: 1 });
      await directory.index({ ...heads[i]!, version: 2, lastSeq: 1 });
    });
    assert.deepEqual(pages.flat(), ids(heads));
  }),

  promise("from and before are IDs: from is in the list, before is not", async (directory, { clock }) => {
    const heads = ids(await indexed(directory, clock.now(), 10));
    assert.deepEqual(await idsOf(directory, { from: heads[4]! }), heads.slice(0, 5));
    assert.deepEqual(await idsOf(directory, { before: heads[4]! }), heads.slice(5));
    assert.deepEqual(await idsOf(directory, { from: heads[6]!, before: heads[2]! }), heads.slice(3, 7));
    assert.deepEqual(await idsOf(directory, { from: heads[2]!, before: heads[2]! }), []);
    assert.deepEqual(await pagesOf(directory, { from: heads[7]!, limit: 3 }), [heads.slice(0, 3), heads.slice(3, 6), heads.slice(6, 8)]);
  }),

  promise("status, source and environment filter, alone and together; what is absent does not filter", async (directory, { clock }) => {
    const now = clock.now();
    const statuses = ["active", "completed", "archived", "deleted"] as const;
    const heads = await indexed(directory, now, 48, (i) => ({
      status: statuses[i % 4]!,
      source: ["widget", "api", "città's"][i % 3]!,
      environment: (["P", "S", "D"] as const)[Math.floor(i / 12) % 3]!,
    }));
    const expected = (match: (head: Head) => boolean) => ids(heads.filter(match));
    assert.deepEqual(await idsOf(directory, {}), ids(heads));
    assert.deepEqual(
      await idsOf(directory, { status: ["completed"] }),
      expected(({ status }) => status === "completed"),
    );
    assert.deepEqual(
      await idsOf(directory, { status: ["active", "deleted"] }),
      expected(({ status }) => status === "active" || status === "deleted"),
    );
    assert.deepEqual(await idsOf(directory, { status: [] }), []);
    assert.deepEqual(
      await idsOf(directory, { source: "città's" }),
      expected(({ source }) => source === "città's"),
    );
    assert.deepEqual(await idsOf(directory, { source: "none" }), []);
    assert.deepEqual(
      await idsOf(directory, { environment: "S" }),
      expected(({ environment }) => environment === "S"),
    );
    const both = (head: Head) => head.status === "active" && head.source === "widget";
    assert.deepEqual(await idsOf(directory, { status: ["active"], source: "widget" }), expected(both));
    const all = (head: Head) => both(head) && head.environment === "D" && head.id < heads[3]!.id;
    const query = { status: ["active"], source: "widget", environment: "D", before: heads[3]!.id } as const;
    assert.ok(expected(all).length > 0);
    assert.deepEqual(await idsOf(directory, query), expected(all));
    assert.deepEqual((await pagesOf(directory, { source: "api", status: ["completed", "archived"], limit: 3 })).flat(), [
      ...expected((head) => head.source === "api" && (head.status === "completed" || head.status === "archived")),
    ]);
  }),

  promise("subjects are found in the order of the IDs, in pages", async (directory, { clock }) => {
    const heads = await indexed(directory, clock.now(), 12, (i) => ({
      subjects: i % 3 === 0 ? ["s1", `t${i}`] : i % 3 === 1 ? ["s10"] : [],
    }));
    const found = ids(heads.filter(({ subjects }) => subjects.includes("s1"))).toSorted();
    assert.equal(found.length, 4);
    assert.deepEqual(await directory.bySubject("s1", null, 10), found);
    assert.deepEqual(await directory.bySubject("s1", null, 3), found.slice(0, 3));
    assert.deepEqual(await directory.bySubject("s1", found[2]!, 3), found.slice(3));
    assert.deepEqual(await directory.bySubject("s1", found[3]!, 3), []);
    assert.deepEqual(await directory.bySubject("s", null, 10), []);
    assert.deepEqual(await directory.bySubject("t3", null, 10), [heads.find(({ subjects }) => subjects.includes("t3"))!.id]);
  }),

  promise("subjects that come later are found, and those of what was wiped are not", async (directory, { clock }) => {
    const head = makeHead(clock.now());
    await directory.index(head);
    await directory.index({ ...head, version: 2, subjects: ["s1", "s2"] });
    assert.deepEqual(await directory.bySubject("s2", null, 10), [head.id]);
    await directory.index({ ...head, ...archivedAt(clock.now()), version: 3, wiped: true, subjects: [], metadata: {} });
    assert.deepEqual(await directory.bySubject("s1", null, 10), []);
    assert.deepEqual(await directory.bySubject("s2", null, 10), []);
  }),

  promise("what callers do with their objects afterwards changes nothing that is stored", async (directory, { clock }) => {
    const head = makeHead(clock.now(), { metadata: { list: [1] }, subjects: ["s1"] });
    const expected = structuredClone(head);
    await directory.index(head);
    for (const mine of [head, (await directory.list({ limit: 1 })).heads[0]!]) {
      (mine.metadata as { list: number[] }).list.push(2);
      mine.subjects.push("s2");
      mine.status = "deleted";
    }
    sameJson((await directory.list({ limit: 1 })).heads, [expected]);
  }),

  ...Object.entries(EXACT_VALUES).map(([what, value]) =>
    promise(`exactness: ${what}`, async (directory, { clock }) => {
      const head = makeHead(clock.now(), { metadata: value, session: { leadData: value } });
      await directory.index(head);
      sameJson((await directory.list({ limit: 1 })).heads, [head]);
    }),
  ),
];
