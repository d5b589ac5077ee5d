/** JSON values that careless storage alters: names that mean something to JavaScript, odd numbers, scripts of all kinds, depth, size. */
import type { Json, JsonObject } from "../core/json.ts";

function nested(depth: number): Json {
  let value: Json = "deep";
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? { in: value } : [value];
  return value;
}

/** Each by what is special about it; each is an object, as metadata, state and messages are. */
export const EXACT_VALUES: Readonly<Record<string, JsonObject>> = {
  "keys that JavaScript inherits": JSON.parse(
    '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"toString":"text","hasOwnProperty":null,"in":{"__proto__":1}}',
  ) as JsonObject,
  "odd keys": { "": 1, " ": 2, "a.b": 3, $set: 4, "'; --": 5, '"': 6, "\\u0041": 7, città: 8, "%s": 9, "0": 10, "\n": 11 },
  numbers: {
    minusZero: -0,
    big: 1e21,
    small: 1e-7,
    largest: Number.MAX_VALUE,
    smallest: Number.MIN_VALUE,
    whole: Number.MAX_SAFE_INTEGER,
    beyond: 2 ** 60,
    sum: 0.1 + 0.2,
    negative: -1.5,
  },
  unicode: {
    accents: "perché, così, e\u0301, é",
    emoji: "👩‍👩‍👧 🇮🇹",
    scripts: "日本語 العربية Ελληνικά हिन्दी",
    separators: "\u2028\u2029\u00a0\ufeff",
    controls: "\u0001\b\t\n\r\u001f\u007f",
    last: "\u{10ffff}\uffff\ue000",
  },
  "texts that look like something else": {
    sql: "'); DROP TABLE conversations; --",
    date: "2025-01-25T14:30:52Z",
    number: "1e5",
    json: '{"a":1}',
    null: "null",
  },
  "empty things": { text: "", list: [], object: {}, nothing: null, no: false, zero: 0, nested: [[], [{}], [null]] },
  depth: { nested: nested(30) },
  "200 KiB of text": { text: 'à "quoted" \\ ✓ '.repeat(11_000) },
};
