// JSON is taken as it came, or refused.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseExactJson } from "./exact-json.ts";

const isRead = (json: string): boolean => {
  try {
    parseExactJson(json, 32);
    return true;
  } catch {
    return false;
  }
};

describe("parseExactJson", () => {
  it("reads whatever JSON.stringify writes, white space or not", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.integer({ min: 0, max: 2 }), (value, space) => {
        const text = JSON.stringify(value, null, space);
        expect(parseExactJson(text, 32)).toEqual(JSON.parse(text));
      }),
    );
  });

  it("reads an integer if it would be written with the same digits again, and only then", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), (integer) => {
        // Up to 10^21 numbers are written without an exponent.
        expect(isRead(`{"n":${integer}}`)).toBe(String(Number(integer)) === String(integer));
      }),
    );
  });

  it("reads every number that JavaScript writes", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        expect(isRead(JSON.stringify([number]))).toBe(true);
      }),
    );
  });

  it("refuses what is too large to be finite and too small to be anything but zero", () => {
    for (const number of ["1e309", "-1e309", `1${"0".repeat(400)}`, "1e-324", `0.${"0".repeat(400)}1`, "1e99999999999999999999"])
      expect(isRead(number), number).toBe(false);
    for (const number of ["0e99999999999999999999", "-0.0e-5", `${"1"}${"0".repeat(300)}e-300`, `0.${"0".repeat(400)}`])
      expect(isRead(number), number).toBe(true);
  });

  it("counts levels outside texts alone", () => {
    expect(() => parseExactJson("[[[]]]", 2)).toThrow("nested too deeply");
    expect(parseExactJson("[[[]]]", 3)).toEqual([[[]]]);
    expect(parseExactJson('["[[[", "\\"[[[", "\\\\", [1]]', 2)).toEqual(["[[[", '"[[[', "\\", [1]]);
    expect(parseExactJson("[[],[],[[]]]", 3)).toEqual([[], [], [[]]]);
  });

  it("says nothing of what was sent", () => {
    expect(() => parseExactJson('{"secret" "words"}', 32)).toThrow(/^The body is not valid JSON$/);
  });

  it("takes a time that grows with the length alone", () => {
    const long = 200_000;
    const texts = [
      `"${"\\".repeat(long)}"`,
      `"${'\\"'.repeat(long)}"`,
      '"'.repeat(long),
      "-".repeat(long),
      `1${"0".repeat(long)}`,
      `0.${"0".repeat(long)}1`,
    ];
    expect(texts.map(isRead)).toEqual([true, true, false, false, false, false]);
  });
});
