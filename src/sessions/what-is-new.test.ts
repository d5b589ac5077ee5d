// What is new, against the rules as the specification words them.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { firstNew, firstNewInOwn } from "./what-is-new.ts";

/** Few letters, so that lists often begin and end alike. */
const texts = fc.array(fc.constantFrom("sì", "no", "a"), { maxLength: 8 });

const startsWith = (list: readonly string[], beginning: readonly string[]) => beginning.every((text, i) => list[i] === text);

/** The length of the longest common beginning. */
function common(a: readonly string[], b: readonly string[]): number {
  for (let n = Math.min(a.length, b.length); n > 0; n--) if (startsWith(a, b.slice(0, n))) return n;
  return 0;
}

/** The length of the longest end of `stored` with which `given` begins. */
function overlap(stored: readonly string[], given: readonly string[]): number {
  for (let n = Math.min(stored.length, given.length); n > 0; n--) if (startsWith(given, stored.slice(-n))) return n;
  return 0;
}

describe("firstNew", () => {
  it.each([
    [[], [], 0],
    [[], ["a"], 0],
    [["a"], [], 0],
    [["a"], ["a"], 1],
    [["a"], ["a", "a"], 1],
    [["a", "b"], ["a", "x", "b"], 1],
    [["a", "b", "x"], ["a", "b", "y"], 2],
    [["1", "2", "3"], ["3", "4"], 1],
    [["1", "2", "3"], ["2", "3"], 2],
    [["1", "2", "3"], ["2", "4"], 0],
    [["1", "a", "a", "b"], ["a", "a", "b", "c"], 3],
    // A common beginning, be it short, is a divergence and no trimming.
    [["a", "b", "a", "c"], ["a", "c", "d"], 1],
  ])("of %j, in %j new is what comes after %i", (stored, given, at) => {
    expect(firstNew(stored, given)).toBe(at);
  });

  it("is what comes after the longest common beginning, else after the longest stored end with which it begins", () => {
    fc.assert(
      fc.property(texts, texts, (stored, given) => {
        expect(firstNew(stored, given)).toBe(common(stored, given) || overlap(stored, given));
      }),
      { numRuns: 5000 },
    );
  });

  it("takes linear time on texts that all look alike", () => {
    const many = (n: number, last: string) => [...Array.from<string>({ length: n }).fill("sì"), last];
    expect(firstNew(["x", ...many(200_000, "no")], many(200_000, "a"))).toBe(0);
    expect(firstNew(["x", ...many(200_000, "no")], many(200_000, "no"))).toBe(200_001);
  });
});

describe("firstNewInOwn", () => {
  it("is all that was added, and of a trimmed history what was added, however alike the texts are", () => {
    fc.assert(
      fc.property(texts, texts, fc.nat(8), (known, added, trimmed) => {
        expect(firstNewInOwn(known, [...known, ...added])).toBe(known.length);
        const left = known.slice(Math.min(trimmed, known.length));
        // Never too early: what is left of the known ones is not said a second time.
        expect(firstNewInOwn(known, [...left, ...added])).toBeGreaterThanOrEqual(left.length);
      }),
      { numRuns: 5000 },
    );
  });

  it("of a trimmed history whose texts all differ is exactly what was added", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string(), { maxLength: 12 }), fc.nat(12), fc.nat(12), (all, cut, trimmed) => {
        const known = all.slice(0, cut);
        const left = known.slice(trimmed);
        expect(firstNewInOwn(known, [...left, ...all.slice(cut)])).toBe(left.length);
      }),
    );
  });

  it("of an edited one is what comes after what is the same", () => {
    expect(firstNewInOwn(["a", "b", "c"], ["a", "b", "c!"])).toBe(2);
    expect(firstNewInOwn(["a", "b", "c"], ["a"])).toBe(1);
    expect(firstNewInOwn(["a", "b", "c"], [])).toBe(0);
  });
});
