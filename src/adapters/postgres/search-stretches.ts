/** What was said, made ready for the search index: stretches of some messages each, with their words. */
import type { SearchText } from "../../core/directory.ts";
import { wordsOf } from "./search-words.ts";

/** Bytes of text that are indexed for one conversation; what is beyond is not found. `itera_put_text` counts what is there already. */
export const SEARCH_BYTES = 512 * 1024;

/** Several messages are one stretch up to so many bytes, or so many of them. */
const STRETCH_BYTES = 8192;
const STRETCH_MESSAGES = 1000;

/** UTF-16 units of a piece of a longer message. */
const PIECE = 4096;

/** What `itera_put_text` takes. `words`: a tsvector as text, each word with the place in `texts` (from 1) at which it was said first. */
interface Stretch {
  first: number;
  last: number;
  bytes: number;
  seqs: number[];
  texts: string[];
  words: string;
}

/** Text up to a seq, as the values of a statement. */
export interface Stretches {
  /** The seq up to which text was given; 0: none was. */
  upto: number;
  /** As JSON. */
  stretches: string;
}

const encoder = new TextEncoder();

/** As much of the beginning of a text as fits into so many bytes of UTF-8. */
function fitting(text: string, room: number): string {
  if (text.length * 3 <= room) return text;
  const bytes = encoder.encode(text);
  // A character that was cut in two is left out: with `stream` the decoder keeps it back.
  return bytes.length <= room ? text : new TextDecoder().decode(bytes.subarray(0, Math.max(0, room)), { stream: true });
}

/** Cuts a long text between words where it can, with `…` where it was cut. */
function* piecesOf(text: string): Generator<string> {
  let from = 0;
  while (text.length - from > PIECE) {
    const piece = text.slice(from, from + PIECE);
    const gap = piece.search(/[^\p{L}\p{N}\p{M}][\p{L}\p{N}\p{M}]*$/u);
    // Without a gap a word goes on for pages: nobody looks for it, but a character stays whole.
    let length = gap > 0 ? gap : PIECE;
    if (/[\ud800-\udbff]/.test(text[from + length - 1]!)) length -= 1;
    yield `${from > 0 ? "…" : ""}${text.slice(from, from + length)}…`;
    from += length;
  }
  yield `${from > 0 ? "…" : ""}${text.slice(from)}`;
}

function quoted(word: string): string {
  return `'${word.replaceAll(/['\\]/g, "$&$&")}'`;
}

/** The mark of the day of an ID, by which a search looks at some days alone. */
function dayMark(id: string): string {
  const day = /_(\d{8})_/.exec(id)?.[1];
  return day === undefined ? "" : `'~${day}'`;
}

function stretchOf(mark: string, seqs: number[], texts: string[], bytes: number): Stretch {
  const places = new Map<string, number>();
  for (const [i, text] of texts.entries()) for (const word of wordsOf(text)) if (!places.has(word)) places.set(word, i + 1);
  const words = [mark, ...[...places].map(([word, place]) => `${quoted(word)}:${place}`)].join(" ");
  return { first: seqs[0]!, last: seqs.at(-1)!, bytes, seqs, texts, words };
}

/** What was said in a conversation after a message, as `itera_index` takes it. */
export function stretchesOf(id: string, { after, messages }: { after: number; messages: readonly SearchText[] }): Stretches {
  const mark = dayMark(id);
  const all: Stretch[] = [];
  let upto = 0;
  let room = SEARCH_BYTES;
  let [seqs, texts, bytes]: [number[], string[], number] = [[], [], 0];
  for (const { seq, text } of messages) {
    if (seq <= after) continue;
    upto = Math.max(upto, seq);
    // What PostgreSQL does not take as text was not said.
    const said = fitting(text.toWellFormed().replaceAll("\0", " "), room);
    if (said === "") continue;
    for (const piece of piecesOf(said)) {
      const length = encoder.encode(piece).length;
      room -= length;
      if (texts.length > 0 && (bytes + length > STRETCH_BYTES || texts.length >= STRETCH_MESSAGES)) {
        all.push(stretchOf(mark, seqs, texts, bytes));
        [seqs, texts, bytes] = [[], [], 0];
      }
      seqs.push(seq);
      texts.push(piece);
      bytes += length;
    }
  }
  if (texts.length > 0) all.push(stretchOf(mark, seqs, texts, bytes));
  return { upto, stretches: JSON.stringify(all) };
}
