// ETags and the conditions that name them.

import { describe, expect, it } from "vitest";
import { etagOf, namesTag, versionsMatched } from "./etag.ts";

const state = { incarnation: "A1B2", version: 7, lastAccess: 1000 };

describe("etagOf", () => {
  it("is strong, and made of state and window", () => {
    expect(etagOf(state, "all")).toBe('"A1B2.7-1000-all"');
    expect(etagOf({ ...state, lastAccess: null }, 20)).toBe('"A1B2.7-0-20"');
  });
});

describe("versionsMatched", () => {
  it("is what stands before the first dash of every strong tag", () => {
    expect(versionsMatched('"A1B2.7-1000-all"')).toEqual(["A1B2.7"]);
    expect(versionsMatched(' "A1B2.7-1-1" ,"C3.8-"')).toEqual(["A1B2.7", "C3.8"]);
    expect(versionsMatched("*")).toBeNull();
  });

  it("is never empty: what matches nothing is a version that nothing has", () => {
    for (const header of ['W/"A1B2.7-1000-all"', '"A1B2.7"', '"A1B2-7"', '"A.B.7-1"', '""', '"1-2-3"'])
      expect(versionsMatched(header), header).toEqual(["-.0"]);
  });

  it("refuses what is no list of tags", () => {
    for (const header of ["", "A1B2.7", '"a', 'a"', '"a"b', '"a" "b"', 'w/"a"', "**", ","])
      expect(() => versionsMatched(header), header).toThrow("If-Match must be");
  });
});

describe("namesTag", () => {
  it("compares weakly, as caches do", () => {
    const tag = etagOf(state, "all");
    for (const header of [tag, `W/${tag}`, `"x", ${tag}`, "*"]) expect(namesTag(header, tag), header).toBe(true);
    for (const header of ['"x"', etagOf(state, "none"), etagOf({ ...state, lastAccess: 1001 }, "all")])
      expect(namesTag(header, tag), header).toBe(false);
    expect(() => namesTag("x", tag)).toThrow("If-None-Match must be");
  });
});
