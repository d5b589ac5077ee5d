/** The fields that requests are made of. Each has one rule, and the same sentence for whatever breaks it; none repeats what was sent. */
import * as z from "zod";
import { ConversationIDGenerator } from "../core/id.ts";
import { isJsonObject, type JsonObject } from "../core/json.ts";

/** A text of `min` to `max` UTF-16 units, without NUL and lone surrogates. */
export function text(min: number, max: number) {
  const rule = { error: `must be a text of ${min} to ${max} characters` };
  return z
    .string(rule)
    .min(min, rule)
    .max(max, rule)
    .refine((value) => !value.includes("\0"), { error: "must not contain the NUL character" })
    .refine((value) => value.isWellFormed(), { error: "must be well-formed Unicode text (it holds a lone surrogate)" });
}

/** A JSON object as it is, by reference: its content is checked where it is stored, and not copied here. */
export function jsonObject() {
  return z.custom<JsonObject>(isJsonObject, { error: "must be a JSON object" }).meta({ type: "object" });
}

/** Any JSON value, as it is. */
export function jsonValue() {
  return z.unknown();
}

/** A whole number in a query, in digits alone. */
export function wholeNumber(min: number, max: number) {
  const rule = {
    error: max === Number.MAX_SAFE_INTEGER ? `must be a whole number of ${min} or more` : `must be a whole number from ${min} to ${max}`,
  };
  return z.preprocess(numberOfDigits, z.int(rule).min(min, rule).max(max, rule));
}

function numberOfDigits(value: unknown): unknown {
  return typeof value === "string" && /^(?:0|[1-9]\d{0,15})$/.test(value) ? Number(value) : value;
}

/** `true` or `false` in a query. */
export function flag() {
  const read = (value: unknown): unknown => (value === "true" ? true : value === "false" ? false : value);
  return z.preprocess(read, z.boolean({ error: "must be true or false" }));
}

/** How much of the transcript: `all`, `none` or the newest N. */
export function messagesWanted(max: number) {
  const rule = { error: `must be all, none, or a whole number from 0 to ${max}` };
  return z.preprocess(numberOfDigits, z.union([z.enum(["all", "none"], rule), z.int(rule).min(0, rule).max(max, rule)], rule));
}

/** Some words, comma-separated, each at most once. */
export function wordList<const W extends string>(words: readonly W[]) {
  const rule = { error: `must be some of ${words.join(", ")}, comma-separated, each at most once` };
  const read = (value: unknown): unknown => (typeof value === "string" ? value.split(",") : value);
  const list = z.array(z.enum(words, rule), rule).refine((given) => new Set(given).size === given.length, rule);
  return z.preprocess(read, list);
}

/** Whether a date, or a date and time, exists. */
function isTime(value: string): boolean {
  try {
    ConversationIDGenerator.range(value, value);
    return true;
  } catch {
    return false;
  }
}

/** An ISO 8601 date (its first moment, UTC), or date and time with `Z` or an offset. */
export function dateOrTime() {
  const rule = { error: "must be an ISO 8601 date such as 2025-01-25, or a time such as 2025-01-25T14:30:52Z" };
  return z
    .string(rule)
    .refine(isTime, rule)
    .meta({ examples: ["2025-01-25", "2025-01-25T14:30:52Z"] });
}

/** A calendar day, UTC. */
export function day() {
  const rule = { error: "must be an ISO 8601 date such as 2025-01-25" };
  return z
    .string(rule)
    .refine((value) => /^\d{4}-\d\d-\d\d$/.test(value) && isTime(value), rule)
    .meta({ format: "date" });
}

/** A letter or a name of an environment, in any letter case; read as its letter. */
export function environment() {
  const rule = { error: "must be P, S, D, production, staging or development" };
  return z.preprocess(
    (value) =>
      typeof value === "string" && /^(?:[psd]|production|staging|development)$/i.test(value) ? value.charAt(0).toUpperCase() : value,
    z.enum(["P", "S", "D"], rule).meta({ description: "A letter or a name, such as `production`." }),
  );
}
