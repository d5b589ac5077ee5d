/** Where the text of a conversation lies in a search index: a number that orders conversations as their IDs do. */

/** 47 bits: 34 for the second of the ID's time, 13 for the beginning of its random characters. */
const SECONDS = 2 ** 34 - 1;
const RANKS = 2 ** 13;

/** No conversation has a greater one. */
export const LAST_SEARCH_PLACE = 2 ** 47 - 1;

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const RANKED = 3;
const PARTS = /^[^_]+_(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)(\d\d)_([0-9A-Z]{3})/;

/**
 * The search place of a conversation. A smaller ID never has a greater place; IDs of one second may share one, and those of times before
 * 1970 share the first. Anything that is no ID is 0.
 */
export function searchPlaceOf(id: string): number {
  const parts = PARTS.exec(id);
  if (!parts) return 0;
  const [year = 0, month = 1, day = 1, hour, minute, second] = parts.slice(1, 7).map(Number);
  const time = Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
  // Date.UTC takes the years 0 to 99 for 1900 to 1999.
  if (year < 1970 || time < 0) return 0;
  if (time >= SECONDS) return SECONDS * RANKS;
  let rank = 0;
  for (const character of parts[7]!) rank = rank * ALPHABET.length + ALPHABET.indexOf(character);
  return time * RANKS + Math.floor((rank * RANKS) / ALPHABET.length ** RANKED);
}
