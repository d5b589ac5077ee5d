/** JSON as it came, or a refusal: nothing that is nested too deeply, and no number that would come back as another one. */
import { InvalidInputError } from "../core/errors.ts";

const QUOTE = 34;
const BACKSLASH = 92;

/** The position of the quote that ends a text which began at `start`. */
function endOfText(json: string, start: number): number {
  for (let end = json.indexOf('"', start + 1); end !== -1; end = json.indexOf('"', end + 1)) {
    let escapes = 0;
    while (json.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return end;
  }
  return json.length;
}

/** A decimal as its digits, without zeros at either end, and the power of ten of the last one. Null: it is no decimal. */
function decimal(text: string): { digits: string; power: number } | null {
  const [, whole, fraction = "", exponent = "0"] = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  if (whole === undefined) return null;
  const all = whole + fraction;
  let first = 0;
  let last = all.length;
  while (first < last && all[first] === "0") first++;
  while (last > first && all[last - 1] === "0") last--;
  return { digits: all.slice(first, last), power: Number(exponent) - fraction.length + (all.length - last) };
}

/** Refuses a number that is infinite, a zero that was not written as one, and an integer that becomes another. Fractions are rounded, as everywhere. */
function checkNumber(text: string): void {
  const value = Number(text);
  const written = decimal(text);
  if (written === null || written.digits === "") return;
  const kept = decimal(String(value));
  const changes = kept === null || value === 0 || (written.power >= 0 && (kept.digits !== written.digits || kept.power !== written.power));
  if (changes) throw new InvalidInputError("The body holds a number that cannot be kept exactly; send it as a text");
}

/** Looks through JSON without recursion: its depth, and its numbers of more than 15 characters or with an exponent. */
function inspect(json: string, depth: number): void {
  let level = 0;
  for (let i = 0; i < json.length; i++) {
    const code = json.charCodeAt(i);
    if (code === QUOTE) {
      i = endOfText(json, i);
    } else if (code === 123 || code === 91) {
      if (++level > depth) throw new InvalidInputError("The body is nested too deeply");
    } else if (code === 125 || code === 93) {
      level--;
    } else if (code === 45 || (code >= 48 && code <= 57)) {
      const start = i;
      let exponent = false;
      for (; i < json.length; i++) {
        const next = json.charCodeAt(i);
        if (next === 69 || next === 101) exponent = true;
        else if (!(next >= 48 && next <= 57) && next !== 43 && next !== 45 && next !== 46) break;
      }
      if (exponent || i - start > 15) checkNumber(json.slice(start, i));
      i--;
    }
  }
}

/** Parses JSON of at most `depth` levels. Throws `InvalidInputError`, whose sentence does not repeat what was sent. */
export function parseExactJson(json: string, depth: number): unknown {
  inspect(json, depth);
  try {
    return JSON.parse(json);
  } catch {
    throw new InvalidInputError("The body is not valid JSON");
  }
}
