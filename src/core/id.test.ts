import { execFile } from "node:child_process";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterEach, describe, expect, expectTypeOf, it, vi } from "vitest";
import { InvalidConversationIdError, InvalidInputError } from "./errors.ts";
import { ConversationIDGenerator, createIdGenerator } from "./id.ts";
import type { Environment, IdGenerator } from "./id.ts";
import type { RandomSource } from "./random-characters.ts";

const EXAMPLE = "ITERA_20250125_143052_A7B9X2M8P4Q1_P";
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const { generate, validate, parse, getEnvironment, range } = ConversationIDGenerator;

const FIRST = Date.parse("0000-01-01T00:00:00.000Z");
const LAST = Date.parse("9999-12-31T23:59:59.999Z");
const anyTime = fc.integer({ min: FIRST, max: LAST });
const anyEnvironment = fc.constantFrom<Environment>("P", "S", "D");

/** An ID with this text where its date and time stand. */
const at = (dateAndTime: string): string => `ITERA_${dateAndTime}_A7B9X2M8P4Q1_P`;

/** A Proxy on which every operation throws. */
function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** A source that gives 0, 1, 2 … 255, 0, 1 … over all its calls. */
function counting(): RandomSource {
  let next = 0;
  return (bytes) => {
    for (let i = 0; i < bytes.length; i++) bytes[i] = next++ % 256;
  };
}

describe("generate", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("gives the 36 characters of the format, for production unless told otherwise", () => {
    expect(generate()).toMatch(/^ITERA_\d{8}_\d{6}_[A-Z0-9]{12}_P$/);
    expect(generate()).toHaveLength(36);
    for (const letter of ["P", "S", "D"] as const) {
      const id = generate(letter);
      expect(id.endsWith(`_${letter}`)).toBe(true);
      expect(validate(id)).toBe(true);
    }
  });

  it.each([null, "", "p", "X", "PS", "production", "toString", 0, ["P"], {}])("refuses %j as an environment", (environment) => {
    expect(() => generate(environment as Environment)).toThrow(InvalidInputError);
    expect(() => generate(environment as Environment)).toThrow("environment must be P, S or D");
  });

  it("carries the time of the platform's clock, in UTC", () => {
    const before = Math.floor(Date.now() / 1000) * 1000;
    const { timestamp } = parse(generate());
    expect(timestamp.getTime()).toBeGreaterThanOrEqual(before);
    expect(timestamp.getTime()).toBeLessThanOrEqual(Date.now());
  });

  it("follows a clock that is replaced later", () => {
    vi.useFakeTimers({ now: Date.parse("2031-02-03T04:05:06.789Z"), toFake: ["Date"] });
    expect(generate().slice(0, 22)).toBe("ITERA_20310203_040506_");
    vi.setSystemTime(Date.parse("2031-02-03T04:05:07.000Z"));
    expect(generate().slice(0, 22)).toBe("ITERA_20310203_040507_");
  });

  it("is the same for the same clock and the same random bytes", () => {
    const make = (): IdGenerator => createIdGenerator({ clock: () => Date.parse("2025-01-25T14:30:52.999Z"), random: counting() });
    const [one, other] = [make(), make()];
    expect(one.generate("S")).toBe("ITERA_20250125_143052_ABCDEFGHIJKL_S");
    expect(one.generate("D")).toBe("ITERA_20250125_143052_MNOPQRSTUVWX_D");
    expect([other.generate("S"), other.generate("D")]).toEqual([
      "ITERA_20250125_143052_ABCDEFGHIJKL_S",
      "ITERA_20250125_143052_MNOPQRSTUVWX_D",
    ]);
  });

  it("takes a time and a source for one ID alone", () => {
    const ids = createIdGenerator({ clock: () => Date.parse("2025-01-25T14:30:52Z"), random: counting() });
    const once = { now: new Date("1999-12-31T23:59:59Z"), random: counting() };
    expect(ids.generate("P", once)).toBe("ITERA_19991231_235959_ABCDEFGHIJKL_P");
    expect(ids.generate("P", { now: -1 })).toBe("ITERA_19691231_235959_ABCDEFGHIJKL_P");
    expect(ids.generate("P")).toBe("ITERA_20250125_143052_MNOPQRSTUVWX_P");
  });

  it("makes valid IDs from the first to the last millisecond of the years 0000 to 9999", () => {
    expect(generate("P", { now: FIRST }).slice(0, 22)).toBe("ITERA_00000101_000000_");
    expect(generate("P", { now: LAST }).slice(0, 22)).toBe("ITERA_99991231_235959_");
    expect(validate(generate("P", { now: FIRST }))).toBe(true);
    expect(validate(generate("P", { now: LAST }))).toBe(true);
  });

  it.each([FIRST - 1, LAST + 1, Number.NaN, Number.POSITIVE_INFINITY, new Date(Number.NaN), new Date(FIRST - 1), "2025-01-25T14:30", {}])(
    "refuses the time %j and makes no ID",
    (now) => {
      expect(() => generate("P", { now: now as number })).toThrow(InvalidInputError);
      expect(() => createIdGenerator({ clock: () => now as number }).generate()).toThrow(/^now must be a time in the years 0000 to 9999/);
    },
  );

  it("never gives one ID twice in 200,000 of the same second", () => {
    const ids = createIdGenerator({ clock: () => 0 });
    const seen = new Set<string>();
    for (let i = 0; i < 200_000; i++) seen.add(ids.generate());
    expect(seen.size).toBe(200_000);
  });

  it("keeps the order of time in the order of text", () => {
    fc.assert(
      fc.property(anyTime, anyTime, anyEnvironment, anyEnvironment, (a, b, first, second) => {
        fc.pre(Math.floor(a / 1000) < Math.floor(b / 1000));
        expect(generate(first, { now: a }) < generate(second, { now: b })).toBe(true);
      }),
    );
  });
});

describe("loading the module, where the platform allows no randomness yet", () => {
  const run = promisify(execFile);
  const forbid = `
    const refuse = () => { throw new Error("randomness at load"); };
    for (const name of ["getRandomValues", "randomUUID"]) Object.defineProperty(crypto, name, { value: refuse });
    Math.random = refuse;`;
  const load = async (after: string): Promise<string> => {
    const script = `${forbid} const { createIdGenerator, ConversationIDGenerator } = await import(${JSON.stringify(new URL("./id.ts", import.meta.url).href)}); ${after}`;
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script], { timeout: 60_000 });
    return stdout;
  };

  it("asks for none", async () => {
    const asked = await load(
      `createIdGenerator({ prefix: "SHOP" }); process.stdout.write(String(ConversationIDGenerator.validate("${EXAMPLE}")));`,
    );
    expect(asked).toBe("true");
  });

  it("is seen to ask by the same trap when an ID is drawn (the control)", async () => {
    const asked = await load("try { ConversationIDGenerator.generate(); } catch (error) { process.stdout.write(error.message); }");
    expect(asked).toBe("randomness at load");
  });
});

describe("validate", () => {
  it("takes the example and what generate makes at any time", () => {
    expect(validate(EXAMPLE)).toBe(true);
    fc.assert(
      fc.property(anyTime, anyEnvironment, (now, environment) => {
        expect(validate(generate(environment, { now }))).toBe(true);
      }),
    );
  });

  it("agrees with Date on every day, real or not, of common, leap and century years", () => {
    const years = ["0000", "0004", "0099", "0100", "1899", "1900", "1970", "1996", "2000", "2023", "2024", "2025", "2100", "2400", "9999"];
    const isReal = (day: string): boolean => {
      const date = new Date(`${day}T00:00:00Z`);
      return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day);
    };
    const two = (n: number): string => String(n).padStart(2, "0");
    const days = years.flatMap((year) => Array.from({ length: 14 * 33 }, (_, n) => `${year}-${two(Math.floor(n / 33))}-${two(n % 33)}`));
    expect(days.filter(isReal)).toHaveLength(15 * 365 + 6);
    expect(days.filter((day) => validate(at(`${day.replaceAll("-", "")}_000000`)))).toEqual(days.filter(isReal));
  });

  it("knows the leap years of all ten thousand years", () => {
    const years = Array.from({ length: 10_000 }, (_, year) => year);
    const leap = years.filter((year) => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0));
    expect(years.filter((year) => validate(at(`${String(year).padStart(4, "0")}0229_120000`)))).toEqual(leap);
  });

  it.each([
    ["19000229_000000", false],
    ["20000229_000000", true],
    ["20240229_000000", true],
    ["20250229_000000", false],
    ["20250230_000000", false],
    ["20251301_000000", false],
    ["20250001_000000", false],
    ["20250100_000000", false],
    ["20250125_235959", true],
    ["20250125_240000", false],
    ["20250125_236000", false],
    ["20250125_235960", false],
    ["20161231_235960", false],
    ["20250125_990000", false],
  ])("at %s is %s", (dateAndTime, expected) => {
    expect(validate(at(dateAndTime))).toBe(expected);
  });

  it("takes every hour, minute and second of a day, and no other two digits", () => {
    const two = Array.from({ length: 100 }, (_, n) => String(n).padStart(2, "0"));
    expect(two.filter((n) => validate(at(`20250125_${n}0000`)))).toEqual(two.slice(0, 24));
    expect(two.filter((n) => validate(at(`20250125_00${n}00`)))).toEqual(two.slice(0, 60));
    expect(two.filter((n) => validate(at(`20250125_0000${n}`)))).toEqual(two.slice(0, 60));
  });

  it.each([
    "",
    "INVALID_FORMAT",
    "ITERA_20250125_143052_SHORT_P",
    "ITERA_20250125_143052_A7B9X2M8P4Q1_X",
    "ITERA_2025125_143052_A7B9X2M8P4Q1_P",
    "itera_20250125_143052_A7B9X2M8P4Q1_P",
    "ITERA_20250125_143052_a7b9x2m8p4q1_P",
    "ITERA_20250125_143052_A7B9X2M8P4Q1_p",
    "ITERA-20250125-143052-A7B9X2M8P4Q1-P",
    "ITERA_20250125_143052_A7B9X2M8P4Q12_P",
    "ITERA_20250125_143052_A7B9X2M8P4Q_P",
    "ITERA_20250125_143052_A7B9X2M8P4É1_P",
    "ITERA_２0250125_143052_A7B9X2M8P4Q1_P",
    "ITERA_٢0250125_143052_A7B9X2M8P4Q1_P",
    `${EXAMPLE}\n`,
    `\n${EXAMPLE}`,
    ` ${EXAMPLE}`,
    `${EXAMPLE} `,
    `${EXAMPLE}\0`,
    `${EXAMPLE.slice(0, -1)}\n`,
    `${EXAMPLE}\n${EXAMPLE}`,
    "XTERA_20250125_143052_A7B9X2M8P4Q1_P",
  ])("refuses the text %j", (text) => {
    expect(validate(text)).toBe(false);
    expect(() => parse(text)).toThrow(InvalidConversationIdError);
  });

  it("refuses the example with any one character changed to one that its place does not take", () => {
    fc.assert(
      fc.property(fc.nat(35), fc.string({ unit: "binary", minLength: 1, maxLength: 1 }), (place, character) => {
        const text = EXAMPLE.slice(0, place) + character + EXAMPLE.slice(place + 1);
        const taken = /^ITERA_\d{8}_\d{6}_[A-Z0-9]{12}_[PSD]$/.test(text);
        expect(taken || !validate(text)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  const trap = (): never => {
    throw new Error("touched");
  };
  it.each<[string, unknown]>([
    ["undefined", undefined],
    ["null", null],
    ["true", true],
    ["a number", 36],
    ["NaN", Number.NaN],
    ["a bigint", 36n],
    ["a symbol", Symbol(EXAMPLE)],
    ["a function", () => EXAMPLE],
    ["a String object", new String(EXAMPLE)],
    ["an array with an ID", [EXAMPLE]],
    ["an object that reads as an ID", { length: 36, toString: () => EXAMPLE }],
    ["an object whose toString throws", { toString: trap, valueOf: trap, [Symbol.toPrimitive]: trap }],
    ["an object without a prototype", Object.create(null)],
    ["a Proxy that throws at any touch", new Proxy({}, { get: trap, has: trap, ownKeys: trap, getPrototypeOf: trap })],
    ["a revoked Proxy", revoked()],
    ["a Date", new Date(0)],
    ["bytes", new TextEncoder().encode(EXAMPLE)],
  ])("says false to %s, and parse throws the same error as for text", (_name, value) => {
    expect(validate(value)).toBe(false);
    expect(() => parse(value as string)).toThrow(InvalidConversationIdError);
  });

  it("never throws, whatever it is given", () => {
    const anything = fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true, withBoxedValues: true });
    fc.assert(
      fc.property(fc.oneof(anything, fc.string({ unit: "binary", maxLength: 80 })), (value) => {
        expect(validate(value)).toBe(false);
      }),
    );
  });
});

describe("parse", () => {
  it("gives the parts of an ID", () => {
    expect(parse(EXAMPLE)).toEqual({
      prefix: "ITERA",
      date: "20250125",
      time: "143052",
      random: "A7B9X2M8P4Q1",
      environment: "P",
      timestamp: new Date("2025-01-25T14:30:52.000Z"),
    });
  });

  it("gives back the second that generate was given, in every year", () => {
    fc.assert(
      fc.property(anyTime, anyEnvironment, (now, environment) => {
        const parsed = parse(generate(environment, { now }));
        expect(parsed.timestamp.getTime()).toBe(Math.floor(now / 1000) * 1000);
        expect(parsed.environment).toBe(environment);
      }),
    );
    // Date.UTC would put these in the twentieth century.
    for (const year of ["0000", "0001", "0050", "0099"]) {
      expect(parse(at(`${year}0301_010203`)).timestamp.toISOString()).toBe(`${year}-03-01T01:02:03.000Z`);
    }
  });

  it("throws an error with the guide's message, a code and a status, for what is no ID", () => {
    expect(() => parse("nonsense")).toThrow("Invalid conversation ID format");
    expect(() => parse("nonsense")).toThrow(expect.objectContaining({ code: "invalid_id", status: 400 }));
  });
});

describe("getEnvironment", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.unstubAllGlobals();
  });

  it.each([
    ["production", "P"],
    ["PRODUCTION", "P"],
    ["Staging", "S"],
    ["sTAGING", "S"],
    ["development", "D"],
    ["DEVELOPMENT", "D"],
    ["P", "P"],
    ["s", "S"],
    ["d", "D"],
    ["test", "D"],
    ["prod", "D"],
    [" production", "D"],
    ["constructor", "D"],
    ["__proto__", "D"],
    ["ſtaging", "D"],
  ])("of %j is %s, from the name as from the variable", (name, letter) => {
    vi.stubEnv("ENVIRONMENT", letter === "P" ? "staging" : "production");
    expect(getEnvironment(name)).toBe(letter);
    vi.stubEnv("ENVIRONMENT", name);
    expect(getEnvironment()).toBe(letter);
    expect(getEnvironment(undefined)).toBe(letter);
    expect(getEnvironment("")).toBe(letter);
  });

  it("is D when neither says anything", () => {
    vi.stubEnv("ENVIRONMENT", undefined);
    expect(getEnvironment()).toBe("D");
    vi.stubEnv("ENVIRONMENT", "");
    expect(getEnvironment()).toBe("D");
  });

  it.each([5, {}, Symbol("production"), ["production"]])("is D for a name that is no text", (name) => {
    vi.stubEnv("ENVIRONMENT", "production");
    expect(getEnvironment(name as string)).toBe("D");
  });

  it("is D on a platform without a process, or whose process has no variables", () => {
    vi.stubEnv("ENVIRONMENT", "production");
    expect(getEnvironment()).toBe("P");
    vi.stubGlobal("process", undefined);
    const without = getEnvironment();
    vi.stubGlobal("process", {});
    const empty = getEnvironment();
    vi.unstubAllGlobals();
    expect([without, empty]).toEqual(["D", "D"]);
  });
});

describe("range", () => {
  it("gives the lowest and the highest ID of a span", () => {
    expect(range("2025-01-25T14:30:52.700Z", new Date("2025-01-25T14:31:00Z"))).toEqual({
      from: "ITERA_20250125_143052_000000000000_D",
      to: "ITERA_20250125_143100_ZZZZZZZZZZZZ_S",
    });
    const { from, to } = range(0, 0);
    expect([validate(from), validate(to)]).toEqual([true, true]);
  });

  it("holds every ID made from its first to its last second, and no other", () => {
    const near = fc.integer({ min: -5_000, max: 5_000 });
    fc.assert(
      fc.property(
        fc.integer({ min: FIRST + 10_000, max: LAST - 20_000 }),
        fc.nat(5_000),
        near,
        anyEnvironment,
        (start, length, offset, environment) => {
          const end = start + length;
          const now = start + offset;
          const id = generate(environment, { now });
          const { from, to } = range(start, end);
          const second = Math.floor(now / 1000);
          const inside = second >= Math.floor(start / 1000) && second <= Math.floor(end / 1000);
          const asked = now >= start && now <= end;
          expect(inside || !asked).toBe(true);
          expect(from <= id && id <= to).toBe(inside);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("has no ID of its seconds below its lowest or above its highest", () => {
    const { from, to } = range("2025-01-25T14:30:52Z", "2025-01-25T14:30:52Z");
    const idOfThatSecond = fc.tuple(
      fc.string({ unit: fc.constantFrom(...ALPHABET.split("")), minLength: 12, maxLength: 12 }),
      anyEnvironment,
    );
    fc.assert(
      fc.property(idOfThatSecond, ([text, environment]) => {
        const id = `ITERA_20250125_143052_${text}_${environment}`;
        expect(from <= id && id <= to).toBe(true);
      }),
    );
    for (const edge of ["ITERA_20250125_143051_ZZZZZZZZZZZZ_S", "ITERA_20250125_143053_000000000000_D"]) {
      expect(from <= edge && edge <= to).toBe(false);
    }
  });

  it("takes a Date, milliseconds, and ISO 8601 as a date, in UTC or with an offset, all alike", () => {
    const expected = range(Date.parse("2024-02-29T00:00:00Z"), Date.parse("2024-02-29T00:00:00Z"));
    for (const time of [
      new Date("2024-02-29"),
      "2024-02-29",
      "2024-02-29T00:00Z",
      "2024-02-29T00:00:00.999Z",
      "2024-02-29T02:00:00+02:00",
      "2024-02-28T18:30:00-05:30",
    ]) {
      expect(range(time, time)).toEqual(expected);
    }
  });

  it.each<[unknown]>([
    ["2025-02-29"],
    ["2025-02-30T10:00:00Z"],
    ["2025-01-25T14:30:52"],
    ["2025-01-25T24:00:00Z"],
    ["2025-01-25T23:59:60Z"],
    ["2025-01-25T14:30:52+99:00"],
    ["2025-1-25"],
    ["25 January 2025"],
    ["+010000-01-01T00:00:00Z"],
    ["0000-01-01T00:00:00+01:00"],
    [""],
    [new Date(Number.NaN)],
    [Number.NaN],
    [LAST + 1],
    [FIRST - 1],
    [null],
    [undefined],
    [{}],
  ])("refuses %j, at either end, by name", (time) => {
    expect(() => range(time as string, LAST)).toThrow(InvalidInputError);
    expect(() => range(time as string, LAST)).toThrow(/^from must be a time/);
    expect(() => range(FIRST, time as string)).toThrow(/^to must be a time/);
  });

  it("refuses a span that ends before it begins", () => {
    expect(() => range(2_000, 1_000)).toThrow(InvalidInputError);
    expect(() => range(2_000, 1_000)).toThrow("from must not be after to");
    expect(range(1_000, 1_000).from < range(1_000, 1_000).to).toBe(true);
  });
});

describe("another prefix", () => {
  it.each(["AB", "SHOP", "A1", "Z9Z9Z9Z9Z9Z9Z9Z9"])("%s gives the same members for its own IDs alone", (prefix) => {
    const ids = createIdGenerator({ prefix });
    const id = ids.generate("S", { now: Date.parse("2025-01-25T14:30:52Z") });
    expect(id).toMatch(new RegExp(`^${prefix}_20250125_143052_[A-Z0-9]{12}_S$`));
    expect(ids.validate(id)).toBe(true);
    expect(ids.parse(id)).toMatchObject({ prefix, date: "20250125", environment: "S" });
    expect(ids.range(0, 0).from).toBe(`${prefix}_19700101_000000_000000000000_D`);
    expect(ids.range(0, 0).to).toBe(`${prefix}_19700101_000000_ZZZZZZZZZZZZ_S`);
    expect(validate(id)).toBe(false);
    expect(ids.validate(EXAMPLE)).toBe(false);
    expect(() => ids.parse(EXAMPLE)).toThrow(InvalidConversationIdError);
  });

  it("of the same length does not pass for ours", () => {
    const id = createIdGenerator({ prefix: "OTHER" }).generate();
    expect(id).toHaveLength(EXAMPLE.length);
    expect(validate(id)).toBe(false);
  });

  it.each<[unknown]>([
    [""],
    ["A"],
    ["ABCDEFGHIJKLMNOPQ"],
    ["1AB"],
    ["itera"],
    ["IT-ERA"],
    ["IT_ERA"],
    ["ITÉRA"],
    ["AB\n"],
    ["A.*"],
    [null],
    [42],
    [["AB"]],
  ])("%j is refused", (prefix) => {
    expect(() => createIdGenerator({ prefix: prefix as string })).toThrow(InvalidInputError);
    expect(() => createIdGenerator({ prefix: prefix as string })).toThrow(
      "prefix must be 2 to 16 characters of A-Z and 0-9, the first a letter",
    );
  });

  it("is ITERA when none is given", () => {
    expect(validate(createIdGenerator().generate())).toBe(true);
  });

  it("has the class's shape, so that either can stand where the other does", () => {
    expectTypeOf(ConversationIDGenerator).toExtend<IdGenerator>();
    const members = ["ENVIRONMENTS", "generate", "getEnvironment", "parse", "range", "validate"];
    expect(Object.keys(createIdGenerator()).sort()).toEqual(members);
    expect(Object.keys(ConversationIDGenerator).sort()).toEqual(members);
    expect(ConversationIDGenerator.ENVIRONMENTS).toEqual({ PRODUCTION: "P", STAGING: "S", DEVELOPMENT: "D" });
    expect(Object.isFrozen(ConversationIDGenerator.ENVIRONMENTS)).toBe(true);
  });
});
