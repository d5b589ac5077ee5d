import { describe, expect, it } from "vitest";
import { selectCases, type ConformanceCase } from "./conformance-case.ts";
import { conformanceCases } from "./index.ts";

const run = async () => {};
const cases: ConformanceCase[] = [
  { name: "plain", run },
  { name: "needs one", needs: ["search"], run },
  { name: "needs two", needs: ["atomic", "search"], run },
];

function skipped(skip?: Record<string, string>): (string | null)[] {
  return selectCases(cases, skip).map((one) => one.skipped);
}

describe("selectCases", () => {
  it("skips nothing unless it is told to", () => {
    expect(skipped()).toEqual([null, null, null]);
    expect(selectCases(cases).map(({ name }) => name)).toEqual(["plain", "needs one", "needs two"]);
  });

  it("skips every case that needs what the adapter has not, with the adapter's reason", () => {
    expect(skipped({ search: "sealed text cannot be searched" })).toEqual([
      null,
      "sealed text cannot be searched",
      "sealed text cannot be searched",
    ]);
    expect(skipped({ atomic: "the last writer wins" })).toEqual([null, null, "the last writer wins"]);
  });

  it("skips a case by its name", () => {
    expect(skipped({ plain: "why not" })).toEqual(["why not", null, null]);
  });

  it("refuses a name that is neither a case nor a need", () => {
    expect(() => selectCases(cases, { plain: "known", serch: "misspelt" })).toThrow('No conformance case and no need is called "serch"');
  });
});

describe("the conformance suite", () => {
  it("calls every case by a name of its own, with its port first", () => {
    const names = conformanceCases.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => !/^(hot store|archive|directory|records): /.test(name))).toEqual([]);
  });
});
