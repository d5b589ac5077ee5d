// Whatever is asked of it, the store in Redis answers what the reference in memory answers: its rules are written a second time, in Lua.

import fc from "fast-check";
import { expect, it, onTestFinished } from "vitest";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { redisStores } from "../../src/adapters/redis/redis-stores.ts";
import { makeMessage, makeWhole } from "../../src/conformance/make-conversation.ts";
import type { Status } from "../../src/core/head.ts";
import type { Change, Committed, HotStore } from "../../src/core/hot-store.ts";
import { describeWith } from "../engines.ts";
import { openTestRedis } from "./redis-client.ts";

const START = Date.parse("2025-01-25T14:30:52.000Z");
const STATUSES: Status[] = ["active", "completed", "archived", "deleted"];

const time = fc.integer({ min: START - 5, max: START + 30 });
const small = fc.integer({ min: 0, max: 6 });
const message = fc.oneof(
  fc.record({ id: fc.constantFrom("a", "b", 'c\n"è'), text: fc.constantFrom("x", "y") }).map(({ id, text }) => makeMessage(text, id)),
  fc.constant("plain").map((text) => makeMessage(text)),
);
/** Some of these, at most so many: with all at once hardly anything would ever happen. */
function some<T extends object>(all: { [K in keyof T]: fc.Arbitrary<T[K]> }, most: number): fc.Arbitrary<Partial<T>> {
  const names = Object.keys(all) as (keyof T)[];
  // The cast: a record of some of the keys is a part of T.
  return fc
    .shuffledSubarray(names, { maxLength: most })
    .chain((keys) => fc.record(Object.fromEntries(keys.map((key) => [key, all[key]]))) as fc.Arbitrary<Partial<T>>);
}
const requirement = some(
  {
    version: small,
    revision: small,
    incarnation: fc.constantFrom("incarnation", "incarnation", "another"),
    openAt: time,
    expiredAt: time,
    holdFree: fc.constant(true as const),
    maxMessages: small,
    maxBytes: fc.integer({ min: 50, max: 200 }),
  },
  2,
);
/** Anything that a change can be, sensible or not; numbers are close together, so that they often meet. */
const change = fc
  .tuple(
    time,
    some<Omit<Change, "now" | "cut">>(
      {
        require: requirement,
        step: fc.record(
          {
            from: fc.subarray(STATUSES, { minLength: 2 }),
            to: fc.constantFrom(...STATUSES),
            reason: fc.constantFrom("manual", 'a "reason"\n'),
          },
          { requiredKeys: ["from", "to"] },
        ),
        append: fc.array(message, { maxLength: 4 }),
        metadata: fc.dictionary(fc.string(), fc.jsonValue() as fc.Arbitrary<null>, { maxKeys: 2 }),
        session: fc.constantFrom(null, {}, { step: "x/y" }),
        subjects: fc.subarray(["s1", "s 2", "s\t3"]),
        hold: fc.boolean(),
        tokenEpoch: small,
        keyring: fc.constantFrom("", "k1/abc"),
        warnedFor: time,
        activity: fc.constant(true as const),
        wipe: fc.constant(true as const),
        touch: some({ lastAccess: time, expiresAt: time, capMs: fc.integer({ min: 0, max: 20 }) }, 3),
        events: fc.array(
          fc.record({ type: fc.constantFrom("extended", "archived"), at: time, details: fc.constant({ why: ["è", {}, []] }) }),
          { maxLength: 2 },
        ),
        once: fc.record({ key: fc.constantFrom("k1", "k 2"), fingerprint: fc.constantFrom("f1", "f1", "f2"), until: time }),
        bodies: fc.uniqueArray(fc.record({ seq: fc.integer({ min: 1, max: 4 }), body: fc.constantFrom("1", '"other\\n"') }), {
          selector: ({ seq }) => seq,
          maxLength: 2,
        }),
        window: small,
      },
      4,
    ),
    fc.option(fc.record({ after: small, bytes: fc.integer({ min: 0, max: 99 }) }), { freq: 6 }),
  )
  .map(([now, rest, cut]): Change => ({ now, ...rest, ...(cut ? { cut } : {}) }));
type Action =
  | { change: Change }
  | { remove: number }
  | { create: true }
  | { pass: number }
  | { take: "expire" | "warn" | "move"; before: number; leaseMs: number }
  | { outbox: true; leaseMs: number; deliver: boolean };
const action: fc.Arbitrary<Action> = fc.oneof(
  { arbitrary: fc.record({ change }), weight: 12 },
  { arbitrary: fc.record({ remove: small }), weight: 1 },
  { arbitrary: fc.record({ create: fc.constant(true as const) }), weight: 1 },
  { arbitrary: fc.record({ pass: fc.integer({ min: 1, max: 10 }) }), weight: 2 },
  {
    arbitrary: fc.record({ take: fc.constantFrom("expire" as const, "warn" as const, "move" as const), before: time, leaseMs: small }),
    weight: 2,
  },
  { arbitrary: fc.record({ outbox: fc.constant(true as const), leaseMs: small, deliver: fc.boolean() }), weight: 2 },
);

/** Wiping comes with a status; nothing else sends it, and what it leaves of messages added in the same change nobody reads. */
function possible({ wipe, ...rest }: Change): Change {
  if (rest.step?.to === "deleted") return { ...rest, append: [], wipe: true };
  return wipe && rest.step?.to === "archived" ? { ...rest, append: [], wipe: true } : rest;
}

function comparable(result: Committed): unknown {
  if (!("head" in result)) return result;
  return { ...result, head: { ...result.head, subjects: result.head.subjects.toSorted() } };
}

/** Does one thing, and answers all that can be seen of it. */
async function act(hot: HotStore, one: Action, whole: ReturnType<typeof makeWhole>): Promise<unknown> {
  const { id } = whole.head;
  if ("change" in one) return comparable(await hot.commit(id, possible(one.change)));
  if ("remove" in one) return hot.remove(id, one.remove);
  if ("create" in one) return comparable(await hot.create(whole, { once: { key: "k1", fingerprint: "f1", until: START + 15 }, window: 3 }));
  if ("take" in one) return (await hot.take(one.take, one.before, 10, one.leaseMs)).map((head) => head.id);
  if ("outbox" in one) {
    const items = await hot.outbox(100, one.leaseMs);
    if (one.deliver) await hot.delivered(items.map(({ n }) => n));
    return items.map((item) => ({ ...item, n: null }));
  }
  return hot.forgetOnce(START + one.pass, 1);
}

describeWith("redis", "the rules in Lua", (url) => {
  it("are those of the reference, for any changes in any order", async () => {
    const redis = await openTestRedis(url);
    onTestFinished(async () => void (await redis.close()));
    let now = START;
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 25 }), async (actions) => {
        now = START;
        const clock = () => now;
        const prefix = `${redis.prefix}${run++}:`;
        const { hot } = await redisStores({ client: redis.link, prefix, clock, buckets: 2 });
        const reference = memoryStores({ clock }).hot;
        const whole = makeWhole(START, [makeMessage("x", "a"), "second"], { incarnation: "incarnation", expiresAt: START + 12 });
        for (const store of [reference, hot]) await store.create(whole);
        for (const one of actions) {
          if ("pass" in one) now += one.pass;
          const expected = await act(reference, one, whole);
          expect(await act(hot, one, whole)).toEqual(expected);
          expect(await hot.read(whole.head.id, Infinity)).toEqual(await reference.read(whole.head.id, Infinity));
        }
      }),
      { numRuns: 200 },
    );
  }, 120_000);
});
