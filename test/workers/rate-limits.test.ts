// Rate limits in objects, in workerd: one window for all isolates.

import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  durableObjectRateLimiter,
  type AnyObjectLike,
  type DurableObjectNamespaceLike,
} from "../../src/adapters/durable-objects/durable-object-stores.ts";

type Namespace = DurableObjectNamespaceLike<AnyObjectLike>;

const bound = env["CONVERSATIONS"] as Namespace;
const MINUTE = 60_000;
const POLICY = { limit: 20, periodMs: MINUTE };

/** Objects that nobody else asks, as several isolates see them. */
function ownObjects() {
  const own = crypto.randomUUID();
  const names: string[] = [];
  const namespace: Namespace = {
    getByName(name) {
      names.push(name);
      return bound.getByName(`${own}:${name}`);
    },
  };
  return { names, isolate: () => durableObjectRateLimiter({ namespace }), objectOf: (name: string) => bound.getByName(`${own}:${name}`) };
}

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
afterEach(() => void vi.useRealTimers());

describe("limits in objects", () => {
  it("of 60 requests at once over three isolates the limit is let through, and no more", async () => {
    const { isolate } = ownObjects();
    const isolates = [isolate(), isolate(), isolate()];
    const decisions = await Promise.all(Array.from({ length: 60 }, (_, i) => isolates[i % 3]!.take("address:203.0.113.7", POLICY)));
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(20);
    expect(decisions.find(({ allowed }) => !allowed)).toMatchObject({ remaining: 0 });
  });

  it("a window slides: at no edge is twice the limit let through", async () => {
    const { isolate } = ownObjects();
    const [one, other] = [isolate(), isolate()];
    let allowed = 0;
    for (let second = 0; second < 120; second++) {
      for (const limiter of [one, other]) if ((await limiter.take("a", POLICY)).allowed) allowed++;
      vi.setSystemTime(Date.now() + 1000);
    }
    // The burst, and 20 in each of two minutes.
    expect(allowed).toBeGreaterThanOrEqual(59);
    expect(allowed).toBeLessThanOrEqual(60);
  });

  it("buckets are apart, and lie under names that no conversation can have", async () => {
    const { isolate, names } = ownObjects();
    const limiter = isolate();
    for (let i = 0; i < 100; i++)
      expect(await limiter.take(`address:${i}`, { limit: 1, periodMs: MINUTE })).toMatchObject({ allowed: true });
    expect(new Set(names).size).toBe(8);
    for (const name of names) expect(name).toMatch(/^service:rate:\d$/);
  });

  it("what was refused is refused by the isolate itself, until the time that was named", async () => {
    const { isolate, names } = ownObjects();
    const limiter = isolate();
    for (let i = 0; i < 20; i++) await limiter.take("a", POLICY);
    const first = await limiter.take("a", POLICY);
    expect(first).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 3000, resetMs: MINUTE });
    const asked = names.length;
    vi.setSystemTime(Date.now() + 2999);
    expect(await limiter.take("a", POLICY)).toEqual({ allowed: false, remaining: 0, retryAfterMs: 1, resetMs: MINUTE - 2999 });
    expect(names).toHaveLength(asked);
    // Another limit for the same bucket is another question.
    expect(await limiter.take("a", { limit: 100, periodMs: MINUTE })).toMatchObject({ allowed: true });
    expect(names).toHaveLength(asked + 1);
    const other = isolate();
    vi.setSystemTime(Date.now() + 3001);
    expect(await other.take("a", POLICY)).toMatchObject({ allowed: true });
    expect(await limiter.take("a", POLICY)).toMatchObject({ allowed: false });
  });

  it("an object stays in memory until its buckets are all but empty, and is not held for what is empty soon", async () => {
    const limiter = ownObjects().isolate();
    // The objects of the tests share their globals.
    const timers = vi.spyOn(globalThis, "setTimeout").mockImplementation(() => 0 as never);
    const held = () => timers.mock.calls.map(([run, ms]) => ({ run: run as () => void, ms: Number(ms) }));
    try {
      await limiter.take("a", POLICY);
      expect(held()).toEqual([]);
      for (let i = 1; i < 20; i++) await limiter.take("a", POLICY);
      expect(held()).toHaveLength(1);
      vi.setSystemTime(Date.now() + held()[0]!.ms);
      held()[0]!.run();
      // What came after the timer was set has moved its end.
      expect(held()).toHaveLength(2);
      expect(held()[0]!.ms + held()[1]!.ms).toBe(MINUTE - 5000);
      vi.setSystemTime(Date.now() + held()[1]!.ms);
      held()[1]!.run();
      expect(held()).toHaveLength(2);
    } finally {
      timers.mockRestore();
    }
  });

  it("an object that lost its memory, as by a deploy, lets a burst through once more, and counts on", async () => {
    const { isolate, names, objectOf } = ownObjects();
    const limiter = isolate();
    const short = { limit: 20, periodMs: 4000 };
    for (let i = 0; i < 20; i++) await limiter.take("a", short);
    await evictDurableObject(objectOf(names[0]!));
    const decisions = [];
    for (let i = 0; i < 25; i++) decisions.push(await limiter.take("a", short));
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(20);
  });
});
