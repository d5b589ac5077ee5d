/** The piece of what was said that shows where a word was found. */

const WORD = /[\p{L}\p{N}\p{M}\p{Co}]+/gu;

/** UTF-16 units before and after the word. */
const BEFORE = 60;
const AFTER = 120;

/** The words of a text. */
export function wordsOf(text: string): string[] {
  return text.match(WORD) ?? [];
}

/** A word in the form in which words are compared: in lower case and without accents, as FTS5 has them. */
export function folded(word: string): string {
  return word.toLowerCase().normalize("NFKD").replaceAll(/\p{M}/gu, "");
}

/**
 * What was said around the first of these words (folded), of the one message in which it was; `…` where it was cut. `text`: messages, each
 * but the last ended by `end`. Where none of the words is in it (it may be beyond what was read) it is the beginning.
 */
export function snippetOf(text: string, words: ReadonlySet<string>, end: string): string {
  let found = 0;
  for (const { 0: word, index } of text.matchAll(WORD)) {
    if (!words.has(folded(word))) continue;
    found = index;
    break;
  }
  const first = text.lastIndexOf(end, found) + 1;
  const next = text.indexOf(end, found);
  const last = next === -1 ? text.length : next;
  const from = Math.max(first, found - BEFORE);
  const to = Math.min(last, found + AFTER);
  // Half of a character that is two units long is no text.
  const piece = text.slice(from, to).replaceAll(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, "");
  return `${from > first ? "…" : ""}${piece}${to < last ? "…" : ""}`;
}
