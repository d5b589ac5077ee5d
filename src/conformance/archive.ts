/** What an archive promises: what is over, whole and for years, and a log of erasures that outlives everything. */
import assert from "node:assert/strict";
import type { Archive } from "../core/archive.ts";
import { archivePurgeCases } from "./archive/purge.ts";
import type { ConformanceCase, ConformanceContext } from "./conformance-case.ts";
import { EXACT_VALUES } from "./exact-values.ts";
import { archiveOf, happened, hasFields, numbers, sameJson, sameMessages, sameWhole, seqs } from "./expectations.ts";
import { archivedAt, DAY, HOUR, makeHead, makeMessage, makeWhole, texts } from "./make-conversation.ts";
import type { MessagePage } from "../core/store.ts";

function promise(name: string, run: (archive: Archive, context: ConformanceContext) => Promise<void>): ConformanceCase {
  return { name: `archive: ${name}`, needs: ["archive"], run: (context) => run(archiveOf(context.stores), context) };
}

export const archiveCases: readonly ConformanceCase[] = [
  promise("an unknown conversation reads as null, and is not erased", async (archive, { clock }) => {
    const { id } = makeHead(clock.now());
    assert.equal(await archive.read(id, 10), null);
    assert.equal(await archive.messages(id, { limit: 10, order: "asc" }), null);
    assert.equal(await archive.erased(id), false);
    assert.deepEqual(await archive.scan(null, 10), []);
    assert.deepEqual(await archive.erasures(0, 10), []);
  }),

  promise("a conversation is stored whole", async (archive, { clock }) => {
    const now = clock.now();
    const fields = {
      completedAt: now,
      lastAccess: now,
      warnedFor: now,
      hold: true,
      tokenEpoch: 2,
      keyring: "k1:abc",
      subjects: ["s1", "s2"],
    };
    const whole = makeWhole(
      now - DAY,
      ["one", makeMessage("two", "m2"), "three"],
      archivedAt(now, { ...fields, session: { step: "done" }, revision: 3 }),
    );
    assert.equal(await archive.put(whole), "stored");
    sameWhole(await archive.read(whole.head.id, Infinity), whole);
    const empty = makeWhole(now - DAY, [], archivedAt(now));
    assert.equal(await archive.put(empty), "stored");
    sameWhole(await archive.read(empty.head.id, Infinity), empty);
    assert.deepEqual(await archive.messages(empty.head.id, { limit: 10, order: "asc" }), []);
  }),

  promise("what is completed or wiped is taken too", async (archive, { clock }) => {
    const now = clock.now();
    const completed = makeWhole(now - DAY, ["one"], { status: "completed", completedAt: now, expiresAt: null });
    const skeleton = makeWhole(now - DAY, [], archivedAt(now, { wiped: true, lastSeq: 7, metadata: {} }));
    for (const whole of [completed, skeleton]) {
      assert.equal(await archive.put(whole), "stored");
      sameWhole(await archive.read(whole.head.id, Infinity), whole);
    }
  }),

  promise("windows and pages are those of the hot store", async (archive, { stores: { hot }, clock }) => {
    const whole = makeWhole(clock.now(), texts(12), archivedAt(clock.now()));
    const { id } = whole.head;
    await archive.put(whole);
    happened(await hot.create(whole));
    for (const window of [0, 1, 5, 12, 13, Infinity]) {
      const messages = window === 0 ? [] : whole.messages.slice(-window);
      sameWhole(await archive.read(id, window), { head: whole.head, messages });
      sameWhole(await hot.read(id, window), { head: whole.head, messages });
    }
    for (const order of ["asc", "desc"] as const) {
      for (const after of [undefined, 0, 1, 5, 11, 12]) {
        for (const before of [undefined, 1, 4, 9, 13]) {
          const page: MessagePage = {
            ...(after === undefined ? {} : { after }),
            ...(before === undefined ? {} : { before }),
            limit: 4,
            order,
          };
          const all = numbers(1, 12).filter((seq) => seq > (after ?? 0) && seq < (before ?? 99));
          const expected = (order === "asc" ? all : all.toReversed()).slice(0, 4);
          const stored = await archive.messages(id, page);
          assert.deepEqual(seqs(stored), expected, JSON.stringify(page));
          sameMessages(await hot.messages(id, page), stored!);
        }
      }
    }
  }),

  promise("the newest version stays: the same or an older one changes nothing", async (archive, { clock }) => {
    const now = clock.now();
    const whole = makeWhole(now - DAY, ["one"], archivedAt(now, { version: 5 }));
    const { id } = whole.head;
    const at = (version: number, text: string) => makeWhole(now - DAY, [text, text], archivedAt(now, { id, version }));
    await archive.put(whole);
    for (const version of [5, 4, 1]) assert.equal(await archive.put(at(version, "other")), "older");
    sameWhole(await archive.read(id, Infinity), whole);
    const newer = at(6, "newer");
    assert.equal(await archive.put(newer), "stored");
    sameWhole(await archive.read(id, Infinity), newer);
  }),

  promise("replace overwrites the same version, never a newer one", async (archive, { clock }) => {
    const now = clock.now();
    const first = makeWhole(now - DAY, ["one", "two"], archivedAt(now, { version: 5 }));
    const { id } = first.head;
    await archive.put(first);
    const same = makeWhole(now - DAY, ["sealed"], archivedAt(now, { id, version: 5, keyring: "k2:new" }));
    assert.equal(await archive.put(same, { replace: true }), "stored");
    sameWhole(await archive.read(id, Infinity), same);
    const older = makeWhole(now - DAY, ["older"], archivedAt(now, { id, version: 4 }));
    assert.equal(await archive.put(older, { replace: true }), "older");
    sameWhole(await archive.read(id, Infinity), same);
    const newer = makeWhole(now - DAY, ["newer"], archivedAt(now, { id, version: 6 }));
    assert.equal(await archive.put(newer, { replace: true }), "stored");
    sameWhole(await archive.read(id, Infinity), newer);
  }),

  promise("of 20 versions put at once the newest stays", async (archive, { clock }) => {
    const now = clock.now();
    const { id } = makeHead(now - DAY);
    const wholes = numbers(1, 20).map((i) => makeWhole(now - DAY, [`by ${i}`], archivedAt(now, { id, version: ((i * 7) % 20) + 1 })));
    const results = await Promise.all(wholes.map((whole) => archive.put(whole)));
    assert.ok(results.every((result) => result === "stored" || result === "older"));
    sameWhole(
      await archive.read(id, Infinity),
      wholes.find(({ head }) => head.version === 20)!,
    );
  }),

  promise("what callers do with their objects afterwards changes nothing that is stored", async (archive, { clock }) => {
    const whole = makeWhole(clock.now() - DAY, ["kept"], archivedAt(clock.now(), { metadata: { list: [1] } }));
    const expected = structuredClone(whole);
    await archive.put(whole);
    for (const { head, messages } of [whole, (await archive.read(whole.head.id, Infinity))!]) {
      (head.metadata as { list: number[] }).list.push(2);
      head.subjects.push("s");
      messages[0]!.body = "{}";
    }
    sameWhole(await archive.read(whole.head.id, Infinity), expected);
  }),

  promise("scan goes through all heads in the order of their IDs", async (archive, { clock }) => {
    const now = clock.now();
    const wholes = numbers(1, 25).map((i) => makeWhole(now - ((i * 7) % 25) * 20 * DAY, ["one"], archivedAt(now)));
    for (const whole of wholes) await archive.put(whole);
    const heads = wholes.map(({ head }) => head).toSorted((a, b) => (a.id < b.id ? -1 : 1));
    sameJson(await archive.scan(null, 100), heads);
    sameJson(await archive.scan(heads[6]!.id, 5), heads.slice(7, 12));
    sameJson(await archive.scan(heads[24]!.id, 5), []);
  }),

  promise("erasing leaves a tombstone and answers how many messages went", async (archive, { clock }) => {
    const now = clock.now();
    const fields = { subjects: ["s1"], keyring: "k1:abc", session: { step: "x" }, completedAt: now - HOUR };
    const whole = makeWhole(now - DAY, texts(5), archivedAt(now - HOUR, fields));
    const { id } = whole.head;
    await archive.put(whole);
    assert.deepEqual(await archive.erase(id, { at: now, by: "test" }), { removed: 5 });
    assert.equal(await archive.erased(id), true);
    const left = await archive.read(id, Infinity);
    if (left) {
      hasFields(left.head, { id, status: "deleted", metadata: {}, session: null, subjects: [], keyring: null, wiped: true });
      hasFields(left.head, { created: now - DAY, source: "conformance" });
      assert.deepEqual(left.messages, []);
    }
    sameJson(await archive.erasures(0, 10), [{ n: 1, id, at: now }]);
  }),

  promise("what the log names is not taken any more, whatever its version; only a tombstone is", async (archive, { clock }) => {
    const now = clock.now();
    const whole = makeWhole(now - DAY, ["secret"], archivedAt(now - HOUR, { version: 5 }));
    const { id } = whole.head;
    await archive.put(whole);
    await archive.erase(id, { at: now, by: "test" });
    for (const version of [4, 5, 6, 1000]) {
      const late = makeWhole(now - DAY, ["secret"], archivedAt(now, { id, version }));
      assert.equal(await archive.put(late), "erased");
      assert.equal(await archive.put(late, { replace: true }), "erased");
    }
    assert.deepEqual((await archive.read(id, Infinity))?.messages ?? [], []);
    const grave = makeWhole(now - DAY, [], {
      ...archivedAt(now, { id, version: 9, lastSeq: 1, metadata: {} }),
      status: "deleted",
      wiped: true,
    });
    assert.equal(await archive.put(grave), "stored");
    sameWhole(await archive.read(id, Infinity), grave);
  }),

  promise("what is not here can be erased before it comes", async (archive, { clock }) => {
    const now = clock.now();
    const whole = makeWhole(now - DAY, ["secret"], archivedAt(now));
    const { id } = whole.head;
    assert.deepEqual(await archive.erase(id, { at: now, by: "test" }), { removed: 0 });
    assert.equal(await archive.erased(id), true);
    assert.equal(await archive.read(id, 0), null);
    assert.equal(await archive.put(whole), "erased");
    assert.equal(await archive.read(id, 0), null);
    sameJson(await archive.erasures(0, 10), [{ n: 1, id, at: now }]);
  }),

  promise("erasing again is harmless, and the log names an ID once", async (archive, { clock }) => {
    const now = clock.now();
    const whole = makeWhole(now - DAY, ["secret"], archivedAt(now - HOUR));
    const { id } = whole.head;
    await archive.put(whole);
    await archive.erase(id, { at: now, by: "test" });
    const left = await archive.read(id, Infinity);
    for (const result of await Promise.all(numbers(1, 5).map((i) => archive.erase(id, { at: now + i, by: "test" })))) {
      assert.deepEqual(result, { removed: 0 });
    }
    sameJson(await archive.read(id, Infinity), left);
    sameJson(await archive.erasures(0, 10), [{ n: 1, id, at: now }]);
  }),

  promise("a legal hold forbids erasing, and nothing is done", async (archive, { clock }) => {
    const now = clock.now();
    const whole = makeWhole(now - DAY, ["kept"], archivedAt(now - HOUR, { hold: true }));
    await archive.put(whole);
    assert.equal(await archive.erase(whole.head.id, { at: now, by: "test" }), "held");
    sameWhole(await archive.read(whole.head.id, Infinity), whole);
    assert.equal(await archive.erased(whole.head.id), false);
    assert.deepEqual(await archive.erasures(0, 10), []);
  }),

  promise("the erasure log counts from 1 without a gap, in pages", async (archive, { clock }) => {
    const now = clock.now();
    const wholes = numbers(1, 20).map((i) => makeWhole(now - i * 40 * DAY, ["secret"], archivedAt(now)));
    for (const whole of wholes) await archive.put(whole);
    await Promise.all(wholes.map(({ head }, i) => archive.erase(head.id, { at: now + i, by: "test" })));
    const log = await archive.erasures(0, 100);
    assert.deepEqual(
      log.map(({ n }) => n),
      numbers(1, 20),
    );
    assert.deepEqual(log.map(({ id, at }) => `${id} ${at}`).toSorted(), wholes.map(({ head }, i) => `${head.id} ${now + i}`).toSorted());
    sameJson(await archive.erasures(5, 7), log.slice(5, 12));
    sameJson(await archive.erasures(18, 7), log.slice(18));
    assert.deepEqual(await archive.erasures(20, 7), []);
  }),

  ...archivePurgeCases,

  promise("probe answers with the engine's clock", async (archive, { clock }) => {
    const before = (await archive.probe()).now;
    assert.ok(Number.isFinite(before) && before > Date.parse("2020-01-01T00:00:00Z"), "in epoch milliseconds");
    await clock.pass(20);
    assert.ok((await archive.probe()).now >= before + 20 - 1);
  }),

  promise("after an erasing, scrub comes to an end", async (archive, { clock }) => {
    const whole = makeWhole(clock.now() - DAY, ["secret"], archivedAt(clock.now()));
    await archive.put(whole);
    await archive.erase(whole.head.id, { at: clock.now(), by: "test" });
    let clean = false;
    for (let i = 0; i < 100 && !clean; i++) clean = await archive.scrub();
    assert.equal(clean, true);
  }),

  promise("closing twice is harmless", async (archive) => {
    await archive.close();
    await archive.close();
  }),

  ...Object.entries(EXACT_VALUES).map(([what, value]) =>
    promise(`exactness: ${what}`, async (archive, { clock }) => {
      const messages = [makeMessage(value), makeMessage({ in: [value] }, "m1")];
      const whole = makeWhole(clock.now(), messages, archivedAt(clock.now(), { metadata: value, session: { context: value } }));
      await archive.put(whole);
      sameWhole(await archive.read(whole.head.id, Infinity), whole);
      sameWhole(await archive.read(whole.head.id, 1), { head: whole.head, messages: whole.messages.slice(1) });
      sameMessages(await archive.messages(whole.head.id, { limit: 1, order: "asc" }), whole.messages.slice(0, 1));
      sameJson(await archive.scan(null, 1), [whole.head]);
    }),
  ),

  promise("exactness: a transcript of 2,000 messages and 2 MiB is one value", async (archive, { clock }) => {
    const said = numbers(1, 2000).map((i) => `${i} ${"è un testo lungo; ".repeat(55)}`);
    const whole = makeWhole(clock.now(), said, archivedAt(clock.now()));
    await archive.put(whole);
    sameWhole(await archive.read(whole.head.id, Infinity), whole);
    sameMessages(await archive.messages(whole.head.id, { after: 1990, limit: 5, order: "asc" }), whole.messages.slice(1990, 1995));
  }),
];
