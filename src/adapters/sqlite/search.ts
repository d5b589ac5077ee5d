// The search for what was said: conversations that hold all words, newest first, found by walking the index of each word in step.

import type { DirectoryQuery } from "../../core/directory.ts";
import type { Connection, Row } from "./connection.ts";
import { HEAD_NAMES } from "./head-row.ts";
import { LAST_SEARCH_PLACE, searchPlaceOf } from "../sql/search-place.ts";
import { folded, snippetOf, wordsOf } from "../sql/snippet.ts";

/** Stands in no text: each row is one message. */
const TEXT_END = "\0";

/** A search in which words are frequent and what else is asked for is rare answers what it has found by then, and goes on with the next page. */
const BUDGET_MS = 200;

/** After so many rows of a word that are of no use the walk looks for the next place in the index instead of going on row by row. */
const STEPS_BEFORE_SEEK = 32;

const SELECT_PLACES = "SELECT rowid >> 16 FROM said WHERE said MATCH ?1 AND rowid <= (?2 << 16) | 65535 ORDER BY rowid DESC";
const SELECT_IDS = "SELECT DISTINCT id FROM said WHERE said MATCH ?1 AND rowid BETWEEN ?2 << 16 AND (?2 << 16) | 65535";
const SELECT_ENTRY = `SELECT ${HEAD_NAMES} FROM entries WHERE id = ?`;
/** FTS5's own snippets are not used: their cost grows with the square of how often a word was said in one message. */
const SELECT_SAID = `SELECT substr(text, 1, 65536) FROM said
  WHERE said MATCH ?1 AND rowid BETWEEN ?2 << 16 AND (?2 << 16) | 65535 AND id = ?3 ORDER BY rowid LIMIT 1`;

/** A page of the search: the rows of the heads, a snippet for each, and where to go on, or null. */
export interface Found {
  rows: Row[];
  snippets: string[];
  next: string | null;
}

/** The words of a query, each at most once. */
function askedFor(text: string): string[] {
  return [...new Set(wordsOf(text.normalize("NFKC").toLowerCase()))];
}

/** A walk through the places at which a word was said, from the newest on. */
class Walk {
  readonly #connection: Connection;
  readonly #phrase: string;
  #rows: IterableIterator<Row> | null = null;
  #place: number | null = Infinity;

  constructor(connection: Connection, phrase: string) {
    this.#connection = connection;
    this.#phrase = phrase;
  }

  /** The first place at or before this one; null: there is none. */
  seek(place: number): number | null {
    let steps = 0;
    while (this.#place !== null && this.#place > place) {
      if (this.#rows === null || ++steps > STEPS_BEFORE_SEEK) {
        this.#rows?.return?.();
        this.#rows = this.#connection.each(SELECT_PLACES, this.#phrase, place);
        steps = 0;
      }
      const next = this.#rows.next();
      this.#place = next.done ? null : (next.value[0] as number);
    }
    return this.#place;
  }

  end(): void {
    this.#rows?.return?.();
  }
}

/** The greatest place at or before this one at which all words were said, maybe by different conversations; null: there is none. */
function commonPlace(walks: readonly Walk[], from: number): number | null {
  let place = from;
  for (;;) {
    const wanted = place;
    for (const walk of walks) {
      const found = walk.seek(place);
      if (found === null) return null;
      place = found;
    }
    if (place === wanted || walks.every((walk) => walk.seek(place) === place)) return place;
  }
}

/** IDs at a place that hold all words, newest first. */
function idsAt(connection: Connection, phrases: readonly string[], place: number): string[] {
  const said = phrases.map((phrase) => new Set(connection.all(SELECT_IDS, phrase, place).map(([id]) => id as string)));
  const [first = new Set<string>(), ...others] = said;
  const ids = [...first].filter((id) => others.every((other) => other.has(id)));
  return ids.toSorted().toReversed();
}

function isAskedFor(row: Row, { status, source, environment, from, before }: DirectoryQuery): boolean {
  const [id, itsStatus, itsSource, itsEnvironment] = row as string[];
  return (
    (status === undefined || (status as readonly string[]).includes(itsStatus!)) &&
    (source === undefined || source === itsSource) &&
    (environment === undefined || environment === itsEnvironment) &&
    (from === undefined || id! >= from) &&
    (before === undefined || id! < before)
  );
}

/** `Directory.list` with text. A text without a word finds nothing. A page may hold fewer than asked for, and yet have a next one. */
export function search(connection: Connection, query: DirectoryQuery): Found {
  const words = askedFor(query.text ?? "");
  // Each is an FTS5 phrase: in quotes, so that nothing a person types is syntax.
  const phrases = words.map((word) => `"${word}"`);
  const found: Found = { rows: [], snippets: [], next: null };
  if (phrases.length === 0) return found;
  const walks = phrases.map((phrase) => new Walk(connection, phrase));
  try {
    fill(found, connection, query, { phrases, compared: new Set(words.map(folded)) }, walks);
  } finally {
    for (const walk of walks) walk.end();
  }
  return found;
}

/** What is asked for: as FTS5 takes it, and as words are compared in a snippet. */
interface Asked {
  readonly phrases: readonly string[];
  readonly compared: ReadonlySet<string>;
}

function fill(found: Found, connection: Connection, query: DirectoryQuery, { phrases, compared }: Asked, walks: readonly Walk[]): void {
  const until = performance.now() + BUDGET_MS;
  const lowest = query.from === undefined ? 0 : searchPlaceOf(query.from);
  let place = commonPlace(walks, query.before === undefined ? LAST_SEARCH_PLACE : searchPlaceOf(query.before));
  while (place !== null && place >= lowest) {
    for (const id of idsAt(connection, phrases, place)) {
      const row = connection.get(SELECT_ENTRY, id);
      if (row === undefined || !isAskedFor(row, query)) continue;
      if (found.rows.length >= query.limit) {
        found.next = found.rows.at(-1)![0] as string;
        return;
      }
      found.rows.push(row);
      const said = connection.get(SELECT_SAID, phrases.join(" OR "), place, id)?.[0];
      found.snippets.push(snippetOf(String(said ?? ""), compared, TEXT_END));
    }
    if (performance.now() > until) {
      // All of this place was looked at: the last of its IDs is where to go on.
      found.next = idsAt(connection, phrases, place).at(-1) ?? null;
      if (found.next !== null) return;
    }
    place = place === 0 ? null : commonPlace(walks, place - 1);
  }
}
