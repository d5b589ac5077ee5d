/** How a directory follows its hot store: by the outbox, and where both are one database in the same step. */
import assert from "node:assert/strict";
import type { Directory } from "../../core/directory.ts";
import type { Change, HotStore } from "../../core/hot-store.ts";
import type { ConformanceCase } from "../conformance-case.ts";
import { archiveOf, directoryOf, happened, headOf, sameJson, settled } from "../expectations.ts";
import { archivedAt, DAY, HOUR, makeMessage, makeWhole } from "../make-conversation.ts";

/** Passes everything on, as an outbox does: events to the history, marks to the index, with the text since the last time. */
async function passOn(hot: HotStore, directory: Directory): Promise<void> {
  for (const item of await hot.outbox(1000, HOUR)) {
    if (item.event) {
      await directory.record([{ n: item.n, id: item.id, event: item.event }]);
    } else {
      const [seq] = await directory.indexed([item.id]);
      const after = Math.min(seq!, item.cut ?? Infinity);
      const whole = await hot.read(item.id, Infinity);
      const messages = whole?.messages.filter((message) => message.seq > after) ?? [];
      const texts = messages.map(({ seq: of, body }) => ({ seq: of, text: (JSON.parse(body) as { content: string }).content }));
      if (whole) await directory.index(whole.head, { after, messages: texts });
    }
    await hot.delivered([item.n]);
  }
}

async function found(directory: Directory, text: string): Promise<number> {
  return (await directory.list({ limit: 10, text })).heads.length;
}

export const togetherCases: readonly ConformanceCase[] = [
  {
    name: "directory: what the outbox passes on makes lists, search and history follow the hot store",
    needs: ["directory", "search"],
    async run({ stores, clock }) {
      const [{ hot }, directory, now] = [stores, directoryOf(stores), clock.now()];
      const whole = makeWhole(now, ["uno"]);
      const { id } = whole.head;
      const event = (type: string) => ({ type, at: now, details: {} });
      happened(await hot.create(whole, { events: [event("created")] }));
      await passOn(hot, directory);
      sameJson((await directory.list({ limit: 10 })).heads, [whole.head]);
      assert.equal(await found(directory, "uno"), 1);

      for (const text of ["due", "tre"])
        happened(await hot.commit(id, { now, append: [makeMessage(text)], session: { step: text }, activity: true }));
      await passOn(hot, directory);
      sameJson((await directory.list({ limit: 10 })).heads, [await headOf(hot, id)]);
      assert.equal(await found(directory, "uno due tre"), 1);

      const cut = { after: 1, bytes: whole.messages[0]!.size };
      happened(await hot.commit(id, { now, require: { version: 3 }, cut, append: [makeMessage("quattro")] }));
      happened(await hot.commit(id, { now, append: [makeMessage("cinque")] }));
      await passOn(hot, directory);
      assert.equal(await found(directory, "uno quattro cinque"), 1);
      assert.equal((await found(directory, "due")) + (await found(directory, "tre")), 0);

      const wiping: Change = {
        now,
        step: { from: ["active"], to: "archived", reason: "manual" },
        wipe: true,
        events: [event("archived"), event("wiped")],
      };
      happened(await hot.commit(id, wiping));
      await passOn(hot, directory);
      sameJson((await directory.list({ limit: 10 })).heads, [await headOf(hot, id)]);
      assert.equal(await found(directory, "uno"), 0);
      assert.deepEqual(
        (await directory.events(id, null, 10)).events.map(({ type }) => type),
        ["created", "archived", "wiped"],
      );
      assert.deepEqual(await hot.outbox(10, HOUR), []);
    },
  },
  {
    name: "directory: a conversation is in the list as soon as it is created",
    needs: ["directory", "together"],
    async run({ stores, clock }) {
      const directory = directoryOf(stores);
      const { head } = happened(await stores.hot.create(makeWhole(clock.now(), ["one"], { subjects: ["s1"] })));
      sameJson((await directory.list({ limit: 10 })).heads, [head]);
      assert.equal(await directory.live(), 1);
      assert.deepEqual(await directory.bySubject("s1", null, 10), [head.id]);
    },
  },
  {
    name: "directory: status, metadata, subjects and holds are in the entry as soon as they are committed",
    needs: ["directory", "together"],
    async run({ stores, clock }) {
      const [{ hot }, directory, now] = [stores, directoryOf(stores), clock.now()];
      const { id } = await settled(hot, makeWhole(now));
      const changes: Partial<Change>[] = [
        { step: { from: ["active"], to: "completed" } },
        { metadata: { topic: "paper" }, require: { revision: 1 } },
        { session: { leadData: { email: "a@example.com" } }, subjects: ["s1"] },
        { hold: true },
        { hold: false },
        { step: { from: ["completed"], to: "archived", reason: "manual" } },
        { step: { from: ["archived"], to: "active" }, append: [makeMessage("back")] },
        { step: { from: ["active"], to: "archived", reason: "manual" }, wipe: true },
        { step: { from: ["archived"], to: "deleted" }, wipe: true },
      ];
      for (const change of changes) {
        const { head } = happened(await hot.commit(id, { now, ...change }));
        sameJson((await directory.list({ limit: 10 })).heads, [head], JSON.stringify(change));
        assert.equal(await directory.live(), head.status === "active" || head.status === "completed" ? 1 : 0);
        assert.deepEqual(await directory.bySubject("s1", null, 10), head.subjects.includes("s1") ? [id] : []);
      }
    },
  },
  {
    name: "directory: text is gone from search as soon as the wiping is committed",
    needs: ["directory", "search", "together"],
    async run({ stores, clock }) {
      const [{ hot }, directory, now] = [stores, directoryOf(stores), clock.now()];
      const { head } = happened(await hot.create(makeWhole(now, ["segreto"])));
      await passOn(hot, directory);
      assert.equal(await found(directory, "segreto"), 1);
      happened(await hot.commit(head.id, { now, step: { from: ["active"], to: "archived", reason: "manual" }, wipe: true }));
      assert.equal(await found(directory, "segreto"), 0);
      await passOn(hot, directory);
      assert.equal(await found(directory, "segreto"), 0);
    },
  },
  {
    name: "directory: an entry stays when its conversation is taken out of the hot store, and when it comes back",
    needs: ["directory", "together"],
    async run({ stores, clock }) {
      const [{ hot }, directory, archive, now] = [stores, directoryOf(stores), archiveOf(stores), clock.now()];
      const whole = makeWhole(now - DAY, ["one"], archivedAt(now));
      const head = await settled(hot, whole);
      await archive.put(whole);
      assert.equal(await hot.remove(head.id, head.version), true);
      sameJson((await directory.list({ limit: 10 })).heads, [head]);
      happened(await hot.create(whole));
      sameJson((await directory.list({ limit: 10 })).heads, [head]);
      const back = happened(await hot.commit(head.id, { now, step: { from: ["archived"], to: "active" } }));
      sameJson((await directory.list({ limit: 10 })).heads, [back.head]);
    },
  },
];
