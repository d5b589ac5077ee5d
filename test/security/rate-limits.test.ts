// How many requests are let through: from one address, for one key, and what the answers say of it.

import { describe, expect, it } from "vitest";
import { addressBucket } from "../../src/http/address-bucket.ts";
import { takeOne } from "../../src/core/rate-limiter.ts";
import { degradingRateLimiter, localRateLimiter } from "../../src/security/rate-limit.ts";
import { BASE } from "../http/service.ts";
import { ORIGIN, startGuarded } from "./guarded-service.ts";

const LIST = `${BASE}?limit=1`;

describe("the rule", () => {
  const policy = { limit: 60, periodMs: 60_000 };

  it("lets the limit through at once, and then one for each interval", () => {
    let emptyAt: number | null = null;
    const take = (now: number) => {
      const taken = takeOne(emptyAt, now, policy);
      emptyAt = taken.emptyAt;
      return taken.decision;
    };
    for (let n = 1; n <= 60; n++) expect(take(1_000_000)).toMatchObject({ allowed: true, remaining: 60 - n });
    expect(take(1_000_000)).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 1000, resetMs: 60_000 });
    expect(take(1_000_999).allowed).toBe(false);
    expect(take(1_001_000)).toMatchObject({ allowed: true, remaining: 0 });
    expect(take(1_001_000).allowed).toBe(false);
    expect(take(1_121_000)).toMatchObject({ allowed: true, remaining: 59 });
  });

  it("has no edge at which it starts anew: two bursts around a full minute are not both let through", () => {
    let emptyAt: number | null = null;
    let allowed = 0;
    for (const now of [59_000, 61_000]) {
      for (let n = 0; n < 60; n++) {
        const taken = takeOne(emptyAt, now, policy);
        emptyAt = taken.emptyAt;
        if (taken.decision.allowed) allowed++;
      }
    }
    expect(allowed).toBe(62);
  });
});

describe("an address", () => {
  it("without a key has so many requests a minute, and is told so", async () => {
    const { call } = await startGuarded({}, { addressPerMinute: 30 });
    const first = await call(null, "GET", LIST);
    expect(first.status).toBe(401);
    expect(first.headers.get("ratelimit-policy")).toBe('"address";q=30;w=60');
    expect(first.headers.get("ratelimit")).toBe('"address";r=29;t=2');
    for (let n = 2; n <= 30; n++) expect((await call(null, "GET", LIST)).status).toBe(401);
    const refused = await call(null, "GET", LIST);
    expect(refused).toMatchObject({ status: 429, json: { code: "rate_limited", details: { retryAfter: 2 } } });
    expect(refused.headers.get("retry-after")).toBe("2");
    expect(refused.headers.get("ratelimit")).toBe('"address";r=0;t=60');
  });

  it("counts for a site key too, which everybody can read in the page", async () => {
    const { call, keys, place } = await startGuarded({}, { addressPerMinute: 3 });
    const create = async () => (await call(keys.site, "POST", BASE, { headers: { origin: ORIGIN } })).status;
    expect([await create(), await create(), await create(), await create()]).toEqual([200, 200, 200, 429]);
    place.address = "203.0.113.78";
    expect(await create()).toBe(200);
  });

  it("does not count for a key or a token", async () => {
    const { call, keys, begin } = await startGuarded({}, { addressPerMinute: 1 });
    const { id, token } = await begin();
    for (let n = 0; n < 5; n++) {
      expect((await call(keys.operator, "GET", LIST)).status).toBe(200);
      expect((await call(token, "GET", `${BASE}/${id}`)).status).toBe(200);
    }
  });

  it("is one bucket for an IPv6 /64, and for IPv4 in both of its forms", () => {
    expect(addressBucket("2001:db8:1:2:3:4:5:6")).toBe(addressBucket("2001:DB8:1:2::9"));
    expect(addressBucket("2001:db8:1:2::1")).not.toBe(addressBucket("2001:db8:1:3::1"));
    for (const mapped of ["::ffff:192.0.2.7", "::FFFF:192.0.2.7", "::ffff:c000:207", "0:0:0:0:0:ffff:c000:207"]) {
      expect(addressBucket(mapped)).toBe("192.0.2.7");
    }
    expect(addressBucket(null)).toBe("unknown");
  });
});

describe("a key or token", () => {
  it("has a limit of its own if one is set", async () => {
    const { call, keys, begin } = await startGuarded({}, { credentialPerMinute: 2 });
    const list = async (key: string) => (await call(key, "GET", LIST)).status;
    expect([await list(keys.operator), await list(keys.operator), await list(keys.operator)]).toEqual([200, 200, 429]);
    expect(await list(keys.admin)).toBe(200);
    const { id, token } = await begin();
    const answers = [];
    for (let n = 0; n < 3; n++) answers.push(await call(token, "GET", `${BASE}/${id}`));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(answers[0]!.headers.get("ratelimit-policy")).toBe('"credential";q=2;w=60');
  });
});

describe("a shared limiter that fails", () => {
  it("is replaced by this process's own: degraded, never open", async () => {
    const now = 1_000_000;
    const told: unknown[] = [];
    const broken = { take: () => Promise.reject(new Error("gone")) };
    const limiter = degradingRateLimiter(broken, { clock: () => now, onDegraded: (error) => told.push(error) });
    const policy = { limit: 3, periodMs: 60_000 };
    const allowed = [];
    for (let n = 0; n < 5; n++) allowed.push((await limiter.take("a", policy)).allowed);
    expect(allowed).toEqual([true, true, true, false, false]);
    expect(told).toHaveLength(1);
  });

  it("is not waited for", async () => {
    const limiter = degradingRateLimiter({ take: () => new Promise<never>(() => {}) });
    expect((await limiter.take("a", { limit: 1, periodMs: 60_000 })).allowed).toBe(true);
    expect((await limiter.take("a", { limit: 1, periodMs: 60_000 })).allowed).toBe(false);
  });
});

describe("this process's own limiter", () => {
  it("keeps a bounded number of buckets", async () => {
    let now = 0;
    const limiter = localRateLimiter(() => now);
    const policy = { limit: 1, periodMs: 60_000 };
    for (let n = 0; n < 150_000; n++) {
      now++;
      await limiter.take(`b${n}`, policy);
    }
    // The newest are still held to their limit.
    expect((await limiter.take("b149999", policy)).allowed).toBe(false);
  });
});
