import { describe, expect, it } from "vitest";
import { createConnectionGate, pauseAfter, withoutAddress } from "../../src/runtimes/node/connection-gate.ts";

describe("attempts to connect", () => {
  it("pass while they succeed, and after a failure one at a time, with growing pauses of at most a second", () => {
    let now = 0;
    const gate = createConnectionGate(
      () => now,
      () => 1,
    );
    expect([gate.closed(), gate.closed()]).toEqual([null, null]);
    const failure = new Error("away");
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 8; attempt++) {
      gate.ended(failure);
      const since = now;
      while (gate.closed() !== null) now += 1;
      // Whoever comes beside the one that was let through is held back.
      expect(gate.closed()).toBe(failure);
      pauses.push(now - since);
    }
    expect(pauses.toSorted((a, b) => a - b)).toEqual(pauses);
    expect(pauses.at(-1)).toBeLessThanOrEqual(1000);
    gate.ended(null);
    expect([gate.closed(), gate.closed()]).toEqual([null, null]);
  });

  it("do not come all at once from many servers", () => {
    expect(pauseAfter(5, () => 0)).toBeLessThan(pauseAfter(5, () => 0.99));
    expect(pauseAfter(100)).toBeLessThanOrEqual(1000);
  });

  it("fail without telling where", () => {
    const refused = Object.assign(new Error("connect ECONNREFUSED 10.1.2.3:5432"), { code: "ECONNREFUSED", syscall: "connect" });
    expect(withoutAddress(refused)).toMatchObject({ message: "connect failed (ECONNREFUSED)", code: "ECONNREFUSED" });
    expect(withoutAddress(Object.assign(new AggregateError([refused]), { code: "ECONNREFUSED" })).message).not.toContain("10.1.2.3");
    const answered = Object.assign(new Error('database "chats" does not exist'), { code: "3D000", severity: "FATAL" });
    expect(withoutAddress(answered)).toBe(answered);
  });
});
