/** Words of a text for searching, in lower case and without accents, and the snippet that shows where they were said. */

const WORD = /[\p{L}\p{N}\p{M}]+/gu;
const AROUND = 60;

function folded(word: string): string {
  return word.toLowerCase().normalize("NFKD").replaceAll(/\p{M}/gu, "");
}

/** The words of a text, each once. */
export function wordsOf(text: string): Set<string> {
  return new Set((text.match(WORD) ?? []).map(folded));
}

/** The piece of the text around the first of these words, with `…` where it was cut; null: none of them is in it. */
export function snippetOf(text: string, words: ReadonlySet<string>): string | null {
  for (const match of text.matchAll(WORD)) {
    if (!words.has(folded(match[0]))) continue;
    const from = Math.max(0, match.index - AROUND);
    const to = match.index + match[0].length + AROUND;
    // Half of a character that is two units long is no text.
    const piece = text.slice(from, to).replaceAll(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, "");
    return `${from > 0 ? "…" : ""}${piece}${to < text.length ? "…" : ""}`;
  }
  return null;
}

/** As much of the beginning of a text as fits into so many bytes of UTF-8, and its length in bytes. */
export function fitting(text: string, room: number): { text: string; bytes: number } {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= room) return { text, bytes: bytes.length };
  // A character that was cut in two is left out: with `stream` the decoder keeps it back.
  return { text: new TextDecoder().decode(bytes.subarray(0, Math.max(0, room)), { stream: true }), bytes: Math.max(0, room) };
}
