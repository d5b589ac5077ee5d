/** JSON values: their type, the check that they can be stored exactly, equality, and merging (RFC 7396). */
import { InvalidInputError } from "./errors.ts";

/** Any value that JSON can carry. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A JSON object. */
export type JsonObject = { [key: string]: Json };

/** Whether a value is an object in the sense of JSON: not null, not a list. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Sets a property as data whatever its name is; plain assignment of `__proto__` would change the prototype instead. */
export function setOwn(target: JsonObject, key: string, value: Json): void {
  if (key === "__proto__") Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  else target[key] = value;
}

/** The own value of a key, or undefined; never something inherited. */
export function getOwn(target: { readonly [key: string]: unknown }, key: string): unknown {
  return Object.hasOwn(target, key) ? target[key] : undefined;
}

function checkText(text: string, field: string): void {
  if (text.includes("\0")) throw new InvalidInputError(`${field} must not contain the NUL character`);
  if (!text.isWellFormed()) throw new InvalidInputError(`${field} must be well-formed Unicode text (it holds a lone surrogate)`);
}

/**
 * The JSON text of a value, after checking that it comes back equal when it is read: no NUL, no lone surrogates, only
 * finite numbers, at most `depth` levels. A property that is undefined counts as absent, and `toJSON` is honoured, as
 * `JSON.stringify` does. Throws `InvalidInputError` naming `field`.
 */
export function encodeJson(value: unknown, field: string, depth: number): string {
  checkJson(value, field, depth);
  const text = JSON.stringify(value);
  if (text === undefined) throw new InvalidInputError(`${field} must be a JSON value`);
  return text;
}

/** The check of `encodeJson` alone. */
export function checkJson(value: unknown, field: string, depth: number): void {
  switch (typeof value) {
    case "string":
      return checkText(value, field);
    case "number":
      if (!Number.isFinite(value)) throw new InvalidInputError(`${field} holds a number that JSON cannot carry`);
      return;
    case "boolean":
    case "undefined":
      return;
    case "object":
      break;
    default:
      throw new InvalidInputError(`${field} holds a ${typeof value}, which JSON cannot carry`);
  }
  if (value === null) return;
  if (depth <= 0) throw new InvalidInputError(`${field} is nested too deeply`);
  if (Array.isArray(value)) {
    for (const item of value) {
      if (item === undefined) throw new InvalidInputError(`${field} holds an undefined list entry, which JSON cannot carry`);
      checkJson(item, field, depth - 1);
    }
    return;
  }
  const convert = (value as { toJSON?: unknown }).toJSON;
  // What it answers counts as a level, so that one that answers itself comes to an end.
  if (typeof convert === "function") return checkJson((convert as () => unknown).call(value), field, depth - 1);
  for (const key of Object.keys(value)) {
    checkText(key, field);
    checkJson((value as Record<string, unknown>)[key], field, depth - 1);
  }
}

/** A text that is the same for equal values, whatever the order of keys and the spelling of numbers. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (isJsonObject(value)) {
    const parts = Object.keys(value)
      .toSorted()
      .filter((key) => value[key] !== undefined)
      .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key]!)}`);
    return `{${parts.join(",")}}`;
  }
  // -0 and 0 are the same JSON value.
  return JSON.stringify(value === 0 ? 0 : value);
}

/** Whether two values are equal as JSON. */
export function equalJson(a: Json, b: Json): boolean {
  return a === b || canonicalJson(a) === canonicalJson(b);
}

/**
 * JSON merge patch (RFC 7396): null removes a key, objects merge, everything else replaces. Neither argument is changed.
 */
export function mergePatch(target: Json, patch: Json): Json {
  if (!isJsonObject(patch)) return patch;
  const result: JsonObject = {};
  if (isJsonObject(target)) for (const key of Object.keys(target)) setOwn(result, key, target[key]!);
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    if (value === undefined) continue;
    if (value === null) delete result[key];
    else setOwn(result, key, mergePatch((getOwn(result, key) as Json | undefined) ?? null, value));
  }
  return result;
}
