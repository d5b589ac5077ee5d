// Random text of A–Z and 0–9, each character equally likely, at the price of a few nanoseconds.
import { InvalidInputError } from "./errors.ts";

/** Fills all the bytes it is given with random values, in place, as `crypto.getRandomValues` does; what it returns is not used. */
export type RandomSource = (bytes: Uint8Array<ArrayBuffer>) => unknown;

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/** The character code for each byte. 252 is 7 × 36: the four bytes above it would favour four characters, so they stand for none. */
const CODE_OF_BYTE = Uint8Array.from({ length: 256 }, (_, byte) => (byte < 252 ? ALPHABET.charCodeAt(byte % 36) : 0));

/**
 * Gives one text of `length` characters (at most 12 stay cheap to keep) after another, from a pool that one call of the source fills:
 * a call costs far more than its bytes. The source is first asked for the first text, never before: a Worker has no randomness while it loads.
 * `poolBytes` is how many bytes a call asks for, at most 65,536, which is what `getRandomValues` gives.
 * Throws what the source throws, and `InvalidInputError` for a source that left too few bytes below 252 for one text.
 */
export function randomCharacters(length: number, random: RandomSource, poolBytes = 4096): () => string {
  const bytes = new Uint8Array(poolBytes);
  const decoder = new TextDecoder();
  let pool = "";
  let next = 0;

  function fill(): string {
    random(bytes);
    let kept = 0;
    // Without a branch: this loop is a good part of what a text costs.
    for (let i = 0; i < bytes.length; i++) {
      const code = CODE_OF_BYTE[bytes[i]!]!;
      bytes[kept] = code;
      kept += Math.min(code, 1);
    }
    if (kept < length) {
      throw new InvalidInputError(
        "random must fill the bytes it is given with values from 0 to 255, each equally likely; too few were below 252",
      );
    }
    return decoder.decode(bytes.subarray(0, kept));
  }

  return () => {
    if (next + length > pool.length) {
      // If the source throws, the old pool stays used up, so nothing is handed out a second time.
      pool = fill();
      next = 0;
    }
    const start = next;
    next += length;
    return pool.slice(start, next);
  };
}
