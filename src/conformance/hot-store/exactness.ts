/** That what goes in comes out equal, as JSON values, whatever it is. */
import assert from "node:assert/strict";
import type { ConformanceCase } from "../conformance-case.ts";
import { EXACT_VALUES } from "../exact-values.ts";
import { drained, happened, headOf, sameJson, sameMessages, sameWhole } from "../expectations.ts";
import { makeMessage, makeWhole } from "../make-conversation.ts";

const cases = Object.entries(EXACT_VALUES).map(([what, value]): ConformanceCase => ({
  name: `hot store: exactness: ${what}`,
  async run({ stores: { hot }, clock }) {
    const now = clock.now();
    const whole = makeWhole(now, [makeMessage(value), makeMessage(value, "m1")], { metadata: value, session: { context: value } });
    const { id } = whole.head;
    const created = happened(await hot.create(whole, { window: Infinity }));
    sameWhole({ head: created.head, messages: created.window }, whole);
    sameWhole(await hot.read(id, Infinity), whole);

    const append = [makeMessage({ again: value }), makeMessage(value, "m1")];
    const metadata = { before: 1, in: value };
    const session = { leadData: { in: [value] } };
    const { head, window, placed } = happened(
      await hot.commit(id, { now, require: { version: 1 }, append, metadata, session, window: 10 }),
    );
    assert.deepEqual(
      placed.map(({ seq }) => seq),
      [3, 2],
    );
    sameMessages(window, [...whole.messages, { ...append[0]!, seq: 3, storedAt: now }]);
    sameJson([head.metadata, head.session], [metadata, session]);
    sameJson(await headOf(hot, id), head);
    sameMessages(await hot.messages(id, { limit: 10, order: "asc" }), window);
    assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  },
}));

const ofEvents = Object.entries(EXACT_VALUES).map(([what, value]): ConformanceCase => ({
  name: `hot store: exactness: details of an event: ${what}`,
  needs: ["outbox"],
  async run({ stores: { hot }, clock }) {
    const now = clock.now();
    const { head } = happened(await hot.create(makeWhole(now), { events: [{ type: "created", at: now, details: value }] }));
    happened(await hot.commit(head.id, { now, events: [{ type: "extended", at: now, details: value }] }));
    const passedOn = (await drained(hot)).flatMap(({ event }) => (event ? [event.details] : []));
    sameJson(passedOn, [value, value]);
  },
}));

export const exactnessCases: readonly ConformanceCase[] = [
  ...cases,
  ...ofEvents,
  {
    name: "hot store: exactness: a transcript of 2,000 messages and 2 MiB is one value",
    async run({ stores: { hot }, clock }) {
      const whole = makeWhole(
        clock.now(),
        Array.from({ length: 2000 }, (_, i) => `${i} ${"è un testo lungo; ".repeat(55)}`),
      );
      happened(await hot.create(whole));
      sameWhole(await hot.read(whole.head.id, Infinity), whole);
    },
  },
];
