// Conversation IDs: text that a person can read, that nobody can guess, and that sorts by time.
import { InvalidConversationIdError, InvalidInputError } from "./errors.ts";
import { randomCharacters } from "./random-characters.ts";
import type { RandomSource } from "./random-characters.ts";

export type { RandomSource };

/** The last letter of an ID: `P` production, `S` staging, `D` development. */
export type Environment = "P" | "S" | "D";

/** What an ID says. `date` is `YYYYMMDD`, `time` is `HHMMSS`, both UTC; `timestamp` is the two as a `Date`, to the second. */
export interface ParsedId {
  prefix: string;
  date: string;
  time: string;
  random: string;
  environment: Environment;
  timestamp: Date;
}

/** The lowest and the highest ID of a span of time, both inclusive. Compare as plain text (in SQL: `COLLATE "C"`). */
export interface IdRange {
  from: string;
  to: string;
}

/** What `generate` can be told for one ID: the time it shall carry (a `Date` or epoch milliseconds), and where its characters come from. */
export interface GenerateOptions {
  now?: Date | number;
  random?: RandomSource;
}

/** What a generator is made from; each has a default. */
export interface IdGeneratorOptions {
  /** 2–16 of `A-Z0-9`, the first a letter; `ITERA` by default. Fixed for the life of a database. */
  prefix?: string;
  /** The time in epoch milliseconds; `Date.now` by default. */
  clock?: () => number;
  /** `crypto.getRandomValues` by default. It is first asked when the first ID is drawn, then once for some hundreds of IDs. */
  random?: RandomSource;
}

/** Makes, checks and reads the IDs of one prefix. No member needs `this`, so each can be passed on by itself. */
export interface IdGenerator {
  readonly ENVIRONMENTS: typeof ENVIRONMENTS;

  /**
   * A new ID, of production unless told otherwise; each of its 12 random characters is equally likely.
   * Throws `InvalidInputError` for an environment that is none, and for a time outside the years 0000 to 9999.
   */
  readonly generate: (environment?: Environment, options?: GenerateOptions) => string;

  /** Whether the value is an ID of this prefix whose date and time exist (proleptic Gregorian calendar, year 0000 a leap year, as `Date` has it). Never throws. */
  readonly validate: (value: unknown) => boolean;

  /** The parts of an ID. Throws `InvalidConversationIdError` for whatever `validate` refuses. */
  readonly parse: (id: string) => ParsedId;

  /**
   * The letter of an environment's name (`production`, `staging`, `development`, or the letter itself) in any letter case.
   * Without a name, or with an empty one, the variable `ENVIRONMENT` is read, where there is a `process`. What is unknown is `D`.
   */
  readonly getEnvironment: (name?: string) => Environment;

  /**
   * The lowest and the highest ID that could carry a time from `from` to `to`. IDs count whole seconds, so the span is widened
   * to whole seconds: it begins with the second that holds `from`, and ends with the last ID of the second that holds `to`.
   * Times are a `Date`, epoch milliseconds, or ISO 8601: a date alone (its first second, UTC), or date and time with `Z` or an offset.
   * Throws `InvalidInputError` for anything else, for years outside 0000 to 9999, and for a `from` after `to`.
   */
  readonly range: (from: Date | number | string, to: Date | number | string) => IdRange;
}

const ENVIRONMENTS = Object.freeze({ PRODUCTION: "P", STAGING: "S", DEVELOPMENT: "D" } as const);

const RANDOM_LENGTH = 12;

const FIRST_SECOND = Date.parse("0000-01-01T00:00:00Z") / 1000;
const LAST_SECOND = Date.parse("9999-12-31T23:59:59Z") / 1000;

const ORDINARY_DAY = "\\d{4}(?:(?:0[13578]|1[02])(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)(?:0[1-9]|[12]\\d|30)|02(?:0[1-9]|1\\d|2[0-8]))";
/** Years that 4 divides and 100 does not, and years that 400 divides. */
const LEAP_YEAR = "(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)";
const DATE = `(?:${ORDINARY_DAY}|${LEAP_YEAR}0229)`;
const TIME = "(?:[01]\\d|2[0-3])[0-5]\\d[0-5]\\d";

const PREFIX = /^[A-Z][A-Z0-9]{1,15}$/;
const COMPACT_DATE = new RegExp(`^${DATE}$`);
const ISO_TIME = /^(\d{4}-\d\d-\d\d)(?:T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/;

/** The whole second, since 1970, that holds a time. */
function secondOf(time: unknown, name: string): number {
  let milliseconds = Number.NaN;
  if (typeof time === "number") milliseconds = time;
  else if (time instanceof Date) milliseconds = time.getTime();
  else if (typeof time === "string") {
    const date = ISO_TIME.exec(time)?.[1];
    // Date.parse takes the 30th of February for the 1st or 2nd of March.
    if (date && COMPACT_DATE.test(date.replaceAll("-", ""))) milliseconds = Date.parse(time);
  }
  const second = Math.floor(milliseconds / 1000);
  if (second >= FIRST_SECOND && second <= LAST_SECOND) return second;
  throw new InvalidInputError(
    `${name} must be a time in the years 0000 to 9999: a Date, epoch milliseconds, or ISO 8601 text in UTC or with an offset`,
  );
}

/** `YYYYMMDD_HHMMSS` of a whole second since 1970, UTC. */
function textOfSecond(second: number): string {
  const iso = new Date(second * 1000).toISOString();
  return `${iso.slice(0, 10)}_${iso.slice(11, 19)}`.replaceAll(/[-:]/g, "");
}

function suffixOf(environment: unknown): string {
  if (environment === "P") return "_P";
  if (environment === "S") return "_S";
  if (environment === "D") return "_D";
  throw new InvalidInputError("environment must be P, S or D (getEnvironment gives the letter of a name)");
}

function letterOf(name: string): Environment {
  switch (name.toLowerCase()) {
    case "production":
    case "p":
      return "P";
    case "staging":
    case "s":
      return "S";
    default:
      return "D";
  }
}

function getEnvironment(name?: string): Environment {
  // Workers need not have a process, and this file knows nothing of Node.
  const host = globalThis as { process?: { env?: Record<string, string | undefined> } };
  const given: unknown = name || host.process?.env?.["ENVIRONMENT"];
  return typeof given === "string" ? letterOf(given) : "D";
}

/**
 * A generator for IDs of another prefix, or with a clock and randomness of one's own.
 * Throws `InvalidInputError` for a prefix that is not 2–16 of `A-Z0-9` with a letter first.
 *
 * @example
 * const ids = createIdGenerator({ prefix: "SHOP" });
 * ids.generate("S"); // SHOP_20250125_143052_A7B9X2M8P4Q1_S
 */
export function createIdGenerator(options: IdGeneratorOptions = {}): IdGenerator {
  const { prefix = "ITERA" } = options;
  // Both are looked up when called, not when loaded: at load a Worker has no randomness yet, and tests may replace the clock.
  const clock = options.clock ?? (() => Date.now());
  const random: RandomSource = options.random ?? ((bytes) => crypto.getRandomValues(bytes));
  if (typeof prefix !== "string" || !PREFIX.test(prefix)) {
    throw new InvalidInputError("prefix must be 2 to 16 characters of A-Z and 0-9, the first a letter");
  }

  const pattern = new RegExp(`^${prefix}_${DATE}_${TIME}_[A-Z0-9]{${RANDOM_LENGTH}}_[PSD]$`);
  const length = prefix.length + "_20250125_143052_A7B9X2M8P4Q1_P".length;
  const pooled = randomCharacters(RANDOM_LENGTH, random);
  // Nearly every ID is drawn in the same second as the one before: its text is kept.
  let second = Number.NaN;
  let head = "";

  function generate(environment: Environment = "P", given?: GenerateOptions): string {
    const suffix = suffixOf(environment);
    const now = given?.now ?? clock();
    const current = typeof now === "number" ? Math.floor(now / 1000) : secondOf(now, "now");
    if (current !== second) {
      head = `${prefix}_${textOfSecond(secondOf(now, "now"))}_`;
      second = current;
    }
    const text = given?.random ? randomCharacters(RANDOM_LENGTH, given.random, 4 * RANDOM_LENGTH)() : pooled();
    return head + text + suffix;
  }

  function validate(value: unknown): boolean {
    return typeof value === "string" && value.length === length && pattern.test(value);
  }

  function parse(id: string): ParsedId {
    if (!validate(id)) throw new InvalidConversationIdError();
    const [, date = "", time = "", text = "", environment = ""] = id.split("_");
    const day = `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}`;
    const timestamp = new Date(`${day}T${time.slice(0, 2)}:${time.slice(2, 4)}:${time.slice(4)}Z`);
    return { prefix, date, time, random: text, environment: environment as Environment, timestamp };
  }

  function range(from: Date | number | string, to: Date | number | string): IdRange {
    const [first, last] = [secondOf(from, "from"), secondOf(to, "to")];
    if (first > last) throw new InvalidInputError("from must not be after to");
    // Digits sort before letters, and D before P before S.
    return {
      from: `${prefix}_${textOfSecond(first)}_${"0".repeat(RANDOM_LENGTH)}_D`,
      to: `${prefix}_${textOfSecond(last)}_${"Z".repeat(RANDOM_LENGTH)}_S`,
    };
  }

  return Object.freeze({ ENVIRONMENTS, generate, validate, parse, getEnvironment, range });
}

const itera = createIdGenerator();

/**
 * The IDs of the platform: `ITERA_20250125_143052_A7B9X2M8P4Q1_P`, 36 characters. `IdGenerator` says what each member does.
 *
 * @example
 * const id = ConversationIDGenerator.generate(ConversationIDGenerator.getEnvironment());
 * ConversationIDGenerator.parse(id).timestamp; // a Date, to the second
 */
export class ConversationIDGenerator {
  static readonly ENVIRONMENTS = ENVIRONMENTS;
  /** A new ID. */
  static readonly generate = itera.generate;
  /** Whether a value is an ID whose date and time exist. */
  static readonly validate = itera.validate;
  /** The parts of an ID. */
  static readonly parse = itera.parse;
  /** The letter of an environment's name. */
  static readonly getEnvironment = itera.getEnvironment;
  /** The lowest and the highest ID of a span of time. */
  static readonly range = itera.range;
}
