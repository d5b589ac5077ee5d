import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InvalidInputError } from "./errors.ts";
import {
  canonicalJson,
  checkJson,
  encodeJson,
  equalJson,
  getOwn,
  isJsonObject,
  mergePatch,
  setOwn,
  type Json,
  type JsonObject,
} from "./json.ts";

const anyJson = fc.jsonValue({ stringUnit: "binary" }) as fc.Arbitrary<Json>;
const parse = (text: string) => JSON.parse(text) as Json;

/** What a function answers, or what it throws. */
function attempt(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}

/** Lists in lists, or objects in objects, so many levels deep. */
function nested(levels: number, wrap: (inner: Json) => Json): Json {
  let value: Json = 1;
  for (let i = 0; i < levels; i++) value = wrap(value);
  return value;
}

describe("encodeJson", () => {
  it.each<[string, unknown, string]>([
    ["texts", "città 🇮🇹 \u2028 \u0001", JSON.stringify("città 🇮🇹 \u2028 \u0001")],
    ["numbers", [0, -0, 1.5, 1e21, 5e-324, -1e308], "[0,0,1.5,1e+21,5e-324,-1e+308]"],
    ["null and booleans", [null, true, false], "[null,true,false]"],
    ["absent properties", { a: undefined, b: 1 }, '{"b":1}'],
    ["toJSON", { at: new Date(0), in: { toJSON: () => ({ a: [1] }) } }, '{"at":"1970-01-01T00:00:00.000Z","in":{"a":[1]}}'],
    ["__proto__ as data", parse('{"__proto__":{"a":1}}'), '{"__proto__":{"a":1}}'],
    ["empty things", { a: [], b: {}, "": "" }, '{"a":[],"b":{},"":""}'],
  ])("writes %s as JSON does", (_, value, text) => {
    expect(encodeJson(value, "field", 8)).toBe(text);
  });

  it.each<[string, unknown, RegExp]>([
    ["NUL in a text", { a: "x\0y" }, /metadata must not contain the NUL character/],
    ["NUL in a key", { "x\0y": 1 }, /NUL/],
    ["a lone high surrogate", ["\ud83c"], /metadata must be well-formed Unicode/],
    ["a lone low surrogate in a key", { "\udfff": 1 }, /well-formed/],
    ["surrogates the wrong way round", "\udf00\ud83c", /well-formed/],
    ["NaN", { a: Number.NaN }, /metadata holds a number that JSON cannot carry/],
    ["Infinity", [[-Infinity]], /number/],
    ["a bigint", { a: 1n }, /bigint/],
    ["a function", { a: () => 1 }, /function/],
    ["a symbol", [Symbol("s")], /symbol/],
    ["undefined in a list", [1, undefined], /undefined list entry/],
    ["a hole in a list", Array.from({ length: 2, 0: 1 }), /undefined list entry/],
    ["undefined itself", undefined, /metadata must be a JSON value/],
    ["what toJSON answers", { toJSON: () => "\0" }, /NUL/],
    ["a toJSON that answers nothing", { toJSON: () => undefined }, /metadata must be a JSON value/],
  ])("refuses %s, naming the field", (_, value, message) => {
    expect(() => encodeJson(value, "metadata", 8)).toThrow(InvalidInputError);
    expect(() => encodeJson(value, "metadata", 8)).toThrow(message);
  });

  it("takes as many levels as it is told, and no more", () => {
    for (const wrap of [(inner: Json): Json => [inner], (inner: Json): Json => ({ inner })]) {
      expect(() => encodeJson(nested(4, wrap), "message", 4)).not.toThrow();
      expect(() => encodeJson(nested(5, wrap), "message", 4)).toThrow("message is nested too deeply");
      expect(() => encodeJson(nested(30_000, wrap), "message", 32)).toThrow("message is nested too deeply");
    }
    expect(encodeJson("flat", "message", 0)).toBe('"flat"');
  });

  it("comes to an end on what contains itself, and on a toJSON that answers itself", () => {
    const ring: { self?: unknown } = {};
    ring.self = ring;
    const mirror = { toJSON: () => mirror };
    for (const value of [ring, mirror]) expect(() => encodeJson(value, "state", 32)).toThrow("state is nested too deeply");
  });

  it("comes back equal, or is refused", () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        const read = attempt(() => parse(encodeJson(value, "field", 32)));
        expect(read instanceof InvalidInputError || equalJson(read as Json, value)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe("checkJson", () => {
  it("takes undefined, which as a property counts as absent", () => {
    expect(() => checkJson(undefined, "field", 1)).not.toThrow();
    expect(() => checkJson({ a: undefined }, "field", 1)).not.toThrow();
  });
});

describe("canonicalJson", () => {
  it("is the same for equal values, whatever the order of keys and the spelling of numbers", () => {
    expect(canonicalJson(parse('{"b":[1.0,1e2,-0],"a":{"d":null,"c":"x"}}'))).toBe('{"a":{"c":"x","d":null},"b":[1,100,0]}');
    expect(canonicalJson({ a: -0 })).toBe(canonicalJson({ a: 0 }));
    expect(canonicalJson({ a: undefined } as unknown as Json)).toBe("{}");
    expect(canonicalJson("è\n")).toBe('"è\\n"');
  });

  it("tells different values apart", () => {
    const different = [
      "null",
      "0",
      '"0"',
      "false",
      "[]",
      "{}",
      '[""]',
      "[null]",
      '{"a":null}',
      '{"a":0}',
      '{"__proto__":1}',
      "[1,2]",
      "[2,1]",
      "[[1],2]",
      '""',
    ];
    expect(new Set(different.map((text) => canonicalJson(parse(text)))).size).toBe(different.length);
  });

  it("is the text of an equal value, and its own canonical form", () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(parse(text))).toBe(text);
        expect(canonicalJson(parse(JSON.stringify(value)))).toBe(text);
      }),
      { numRuns: 300 },
    );
  });
});

describe("equalJson", () => {
  it("compares as JSON values", () => {
    expect(equalJson(parse('{"a":1,"b":[2.0]}'), { b: [2], a: 1 })).toBe(true);
    expect(equalJson([1, 2], [2, 1])).toBe(false);
    expect(equalJson(parse('{"__proto__":1}'), {})).toBe(false);
    expect(equalJson(0, -0)).toBe(true);
    expect(equalJson("1", 1)).toBe(false);
  });
});

describe("mergePatch", () => {
  // The test cases of RFC 7396, appendix A: original, patch, result.
  it.each([
    ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
    ['{"a":"b"}', '{"a":null}', "{}"],
    ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
    ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
    ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
    ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
    ['["a","b"]', '["c","d"]', '["c","d"]'],
    ['{"a":"b"}', '["c"]', '["c"]'],
    ['{"a":"foo"}', "null", "null"],
    ['{"a":"foo"}', '"bar"', '"bar"'],
    ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
    ["[1,2]", '{"a":"b","c":null}', '{"a":"b"}'],
    ["{}", '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
  ])("%s with %s is %s", (original, patch, result) => {
    expect(JSON.stringify(mergePatch(parse(original), parse(patch)))).toBe(result);
  });

  it.each([
    ['{"a":1}', '{"__proto__":{"polluted":true}}', '{"a":1,"__proto__":{"polluted":true}}'],
    ['{"__proto__":{"a":1},"b":2}', '{"__proto__":{"c":3}}', '{"__proto__":{"a":1,"c":3},"b":2}'],
    ['{"__proto__":{"a":1},"b":2}', '{"__proto__":null}', '{"b":2}'],
    ["{}", '{"constructor":{"prototype":{"polluted":true}}}', '{"constructor":{"prototype":{"polluted":true}}}'],
    ["{}", '{"toString":{"a":1},"__proto__":null}', '{"toString":{"a":1}}'],
  ])("%s with %s is %s: names that JavaScript inherits are data", (original, patch, result) => {
    const merged = mergePatch(parse(original), parse(patch));
    expect(JSON.stringify(merged)).toBe(result);
    expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it("counts a property that is undefined as absent", () => {
    expect(mergePatch({ a: 1 }, { a: undefined } as unknown as Json)).toEqual({ a: 1 });
  });

  it("changes neither argument", () => {
    const original = { a: { b: 1, c: [1] }, d: 2 };
    const patch = { a: { b: null, e: { f: null, g: 1 } } };
    const before = JSON.stringify([original, patch]);
    expect(mergePatch(original, patch)).toEqual({ a: { c: [1], e: { g: 1 } }, d: 2 });
    expect(JSON.stringify([original, patch])).toBe(before);
  });

  it("applied twice is the same as once", () => {
    fc.assert(
      fc.property(anyJson, anyJson, (original, patch) => {
        const once = mergePatch(original, patch);
        expect(canonicalJson(mergePatch(once, patch))).toBe(canonicalJson(once));
      }),
      { numRuns: 300 },
    );
  });
});

describe("isJsonObject, setOwn and getOwn", () => {
  it("know objects from lists and null", () => {
    expect([{}, [], null, "a", undefined].map(isJsonObject)).toEqual([true, false, false, false, false]);
  });

  it("write and read data only, whatever the name", () => {
    const target: JsonObject = {};
    for (const key of ["__proto__", "constructor", "a"]) {
      expect(getOwn(target, key)).toBeUndefined();
      setOwn(target, key, { of: key });
      expect(getOwn(target, key)).toEqual({ of: key });
    }
    setOwn(target, "__proto__", 2);
    expect(JSON.stringify(target)).toBe('{"__proto__":2,"constructor":{"of":"constructor"},"a":{"of":"a"}}');
    expect(Object.getPrototypeOf(target)).toBe(Object.prototype);
  });
});
