/** Words of a text for searching, in lower case and without accents, and the snippet that shows where they were said. */

const WORD = /[\p{L}\p{N}\p{M}]+/gu;

/** Characters before and after the word in a snippet. */
const AROUND = 60;

/** PostgreSQL takes words of up to 2 KB; of longer ones the beginning counts. */
const LONGEST = 500;

function folded(word: string): string {
  const plain = word.toLowerCase().normalize("NFKD").replaceAll(/\p{M}/gu, "");
  return plain.length > LONGEST ? plain.slice(0, LONGEST).replace(/[\ud800-\udbff]$/, "") : plain;
}

/** The words of a text, each once. */
export function wordsOf(text: string): Set<string> {
  const words = new Set((text.match(WORD) ?? []).map(folded));
  words.delete("");
  return words;
}

/** The piece of the text around the first of these words, with `…` where it was cut; empty if none of them is in it. */
export function snippetOf(text: string, words: ReadonlySet<string>): string {
  for (const match of text.matchAll(WORD)) {
    if (!words.has(folded(match[0]))) continue;
    const from = Math.max(0, match.index - AROUND);
    const to = match.index + match[0].length + AROUND;
    // Half of a character that is two units long is no text.
    const piece = text.slice(from, to).replaceAll(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, "");
    return `${from > 0 ? "…" : ""}${piece}${to < text.length ? "…" : ""}`;
  }
  return "";
}
