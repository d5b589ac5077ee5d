/** The query of a request as texts: each known parameter at most once. */
import { InvalidInputError } from "../core/errors.ts";

const NONE: Readonly<Record<string, string>> = {};

/** The values of the named parameters in a URL. Throws `InvalidInputError` for a repeated one, and for broken percent-encoding. */
export function queryValues(url: string, names: readonly string[]): Readonly<Record<string, string>> {
  const start = url.indexOf("?");
  if (start === -1) return NONE;
  const text = url.slice(start + 1);
  try {
    decodeURIComponent(text);
  } catch {
    throw new InvalidInputError("The query holds percent-encoding that is not valid UTF-8");
  }
  const given = new URLSearchParams(text);
  const values: Record<string, string> = {};
  for (const name of names) {
    const all = given.getAll(name);
    if (all.length > 1) throw new InvalidInputError(`${name} must be given at most once`);
    if (all.length === 1) values[name] = all[0]!;
  }
  return values;
}

/** Path and query of a URL, as they were sent. */
export function targetOf(url: string): string {
  return url.slice(url.indexOf("/", url.indexOf("//") + 2));
}
