/** Lists of the directory: one statement for each question, that reads no more entries than it answers where an index can tell. */
import type { DirectoryPage, DirectoryQuery } from "../../core/directory.ts";
import { searchPlaceOf, LAST_SEARCH_PLACE } from "../sql/search-place.ts";
import type { Cell, Row, Statement } from "./d1-database.ts";
import { HEAD_COLUMNS, HEAD_NAMES, overviewOf } from "./head-row.ts";
import { searchable, TEXT_END } from "./said.ts";
import { folded, snippetOf, wordsOf } from "../sql/snippet.ts";

/**
 * Characters of what was said in which the snippet is looked for. FTS5's own snippets and highlights are not used: their cost
 * grows with the square of how often a word was said.
 */
const READ_FOR_SNIPPET = 65_536;

/** After every ID. */
const END = "\u{10ffff}";

/** The values of a statement, and their numbers. */
class Values {
  readonly all: Cell[] = [];

  /** Notes a value; answers how the statement names it. */
  add(value: Cell): string {
    return `?${this.all.push(value)}`;
  }
}

/** What every list asks of an entry but for its status and source. The environment is the last letter of an ID, which the indexes have. */
function spanOf(values: Values, { from = "", before = END, environment }: DirectoryQuery): string {
  const span = `entries.id >= ${values.add(from)} AND entries.id < ${values.add(before)}`;
  return environment === undefined ? span : `${span} AND substr(entries.id, -1) = ${values.add(environment)}`;
}

/** `Directory.list` without text; one row more than asked for tells that there is a next page. */
function listStatement(query: DirectoryQuery): Statement {
  const { status, source } = query;
  const values = new Values();
  const span = spanOf(values, query);
  const newest = `ORDER BY id DESC LIMIT ${values.add(query.limit + 1)}`;
  if (status === undefined && source === undefined) return [`SELECT ${HEAD_NAMES} FROM entries WHERE ${span} ${newest}`, ...values.all];
  // Each status has its own stretch of the index, newest first; a page of each holds the page of all.
  const ofSource = source === undefined ? "" : `AND source = ${values.add(source)}`;
  // Named, since without statistics SQLite takes the other index.
  const index = source === undefined ? "entries_status" : "entries_source";
  const stretches = [...new Set(status ?? ["active", "completed", "archived", "deleted"])].map(
    (one) =>
      `SELECT id FROM (SELECT id FROM entries INDEXED BY ${index} WHERE status = ${values.add(one)} ${ofSource} AND ${span} ${newest})`,
  );
  return [`SELECT ${HEAD_NAMES} FROM entries WHERE id IN (${stretches.join(" UNION ALL ")}) ${newest}`, ...values.all];
}

/** What a search asks of an entry: the walk through the index looks at each that holds the words, newest first. */
function searchStatement(query: DirectoryQuery, asked: ReadonlySet<string>): Statement {
  const { status, source, from, before } = query;
  const values = new Values();
  // Each is an FTS5 phrase: in quotes, so that nothing a person types is syntax.
  const words = values.add(Array.from(asked, (word) => `"${word}"`).join(" "));
  const lowest = values.add(from === undefined ? 0 : searchPlaceOf(from));
  const highest = values.add(before === undefined ? LAST_SEARCH_PLACE : searchPlaceOf(before));
  const conditions = [`said MATCH ${words}`, `said.rowid <= (${highest} << 16) | 65535`, spanOf(values, query)];
  if (status !== undefined) conditions.push(`entries.status IN (${status.map((one) => values.add(one)).join(", ")})`);
  if (source !== undefined) conditions.push(`entries.source = ${values.add(source)}`);
  const matching = `FROM said CROSS JOIN entries ON entries.n = said.rowid WHERE ${conditions.join(" AND ")}`;
  const limit = values.add(query.limit + 1);
  const heads = HEAD_COLUMNS.map((name) => `entries.${name}`).join(", ");
  // Conversations of one place are numbered as they came, so all of the last place are looked at to find the newest of them by ID.
  const sql = `SELECT ${heads}, (SELECT substr(text, 1, ${READ_FOR_SNIPPET}) FROM said_texts WHERE said_texts.n = entries.n) AS said ${matching}
    AND said.rowid >= coalesce(
      (SELECT (min(n) >> 16) << 16 FROM (SELECT entries.n ${matching} AND said.rowid >= ${lowest} << 16 ORDER BY said.rowid DESC LIMIT ${limit})),
      ${lowest} << 16)
    ORDER BY entries.id DESC LIMIT ${limit}`;
  return [sql, ...values.all];
}

/** The statement of a list, and how its rows become a page; null: nothing can be found. */
export function listOf(query: DirectoryQuery): { statement: Statement; pageOf: (rows: readonly Row[]) => DirectoryPage } | null {
  if (query.status?.length === 0) return null;
  if (query.text === undefined) return { statement: listStatement(query), pageOf: (rows) => pageOf(query, rows) };
  const words = new Set(wordsOf(searchable(query.text).toLowerCase()));
  if (words.size === 0) return null;
  const compared = new Set(Array.from(words, folded));
  const snippet = (row: Row): string => snippetOf(String(row["said"] ?? ""), compared, TEXT_END);
  return {
    statement: searchStatement(query, words),
    pageOf: (rows) => ({ ...pageOf(query, rows), snippets: rows.slice(0, query.limit).map(snippet) }),
  };
}

function pageOf({ limit }: DirectoryQuery, rows: readonly Row[]): DirectoryPage {
  const heads = rows.slice(0, limit).map(overviewOf);
  return { heads, next: rows.length > limit ? (heads.at(-1)?.id ?? null) : null };
}
