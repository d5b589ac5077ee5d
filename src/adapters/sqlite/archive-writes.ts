// Writes on the archive and the erasure log, each inside a transaction of the write worker.

import type { Cell, Row } from "./connection.ts";
import { isErased, removeEntry, takeEntry } from "./entries.ts";
import { HEAD_MARKS, HEAD_NAMES, HEAD_SETS, HEAD_WIDTH, rowOfSealed, sealedHeadOf, withoutTexts } from "./head-row.ts";
import { tombstoneOf } from "./live-writes.ts";
import { noteWiped } from "./scrub.ts";
import { PART_WIDTH, type FlatParts } from "./transcript-parts.ts";
import type { Work } from "./work.ts";

const SELECT_ARCHIVED = `SELECT ${HEAD_NAMES}, n FROM archive WHERE id = ?`;
const SELECT_ENTRY = `SELECT ${HEAD_NAMES} FROM entries WHERE id = ?`;
const INSERT_ARCHIVED = `INSERT INTO archive (${HEAD_NAMES}) VALUES (${HEAD_MARKS})`;
const UPDATE_ARCHIVED = `UPDATE archive SET ${HEAD_SETS} WHERE n = ?`;
const DELETE_ARCHIVED = "DELETE FROM archive WHERE n = ?";
const INSERT_PART = "INSERT INTO transcripts (place, first_seq, entries, bodies) VALUES ((?1 << 22) | ?2, ?3, ?4, ?5)";
const COUNT_MESSAGES = `SELECT coalesce(sum((place & 4194303) - first_seq + 1), 0) FROM transcripts WHERE place BETWEEN ?1 << 22 AND (?1 << 22) | 4194303`;
const DELETE_PARTS = "DELETE FROM transcripts WHERE place BETWEEN ?1 << 22 AND (?1 << 22) | 4194303";
const NEXT_ERASURE = "SELECT coalesce(max(n), 0) + 1 FROM erasures";
const INSERT_ERASURE = "INSERT INTO erasures (n, id, at, by) VALUES (?, ?, ?, ?)";
const SELECT_PAST = `SELECT n, id, strftime('%Y-%m', created / 1000, 'unixepoch') FROM archive
  WHERE status IN ('archived', 'completed') AND last_activity < ?1 AND hold = 0 ORDER BY last_activity, id LIMIT ?2`;
const COUNT_HELD = "SELECT count(*) FROM archive WHERE status IN ('archived', 'completed') AND last_activity < ? AND hold = 1";

/** `Archive.put`. `parts`: the transcript. */
export function put({ connection }: Work, row: Row, parts: FlatParts, replace: boolean): "stored" | "older" | "erased" {
  const id = row[0] as string;
  if (row[1] !== "deleted" && isErased(connection, id)) return "erased";
  const there = connection.get(SELECT_ARCHIVED, id);
  const version = row[5] as number;
  if (there !== undefined) {
    const known = there[5] as number;
    if (known > version || (known === version && !replace)) return "older";
    connection.run(DELETE_PARTS, there[HEAD_WIDTH]!);
    connection.run(UPDATE_ARCHIVED, ...row.slice(1), there[HEAD_WIDTH]!);
  } else {
    connection.run(INSERT_ARCHIVED, ...row);
  }
  const n = there?.[HEAD_WIDTH] ?? (connection.get(SELECT_ARCHIVED, id)![HEAD_WIDTH] as Cell);
  for (let i = 0; i < parts.length; i += PART_WIDTH) connection.run(INSERT_PART, n, parts[i + 1]!, parts[i]!, parts[i + 2]!, parts[i + 3]!);
  return "stored";
}

/** `Archive.erase`: the log, the conversation, and its entry in the directory, in one transaction. */
export function erase(work: Work, id: string, at: number, by: string): { removed: number } | "held" {
  const { connection, keepsDirectory } = work;
  const here = connection.get(SELECT_ARCHIVED, id);
  if (here?.[18] === 1) return "held";
  if (!isErased(connection, id)) connection.run(INSERT_ERASURE, connection.get(NEXT_ERASURE)![0]!, id, at, by);
  const entry = keepsDirectory ? connection.get(SELECT_ENTRY, id) : undefined;
  if (entry !== undefined && entry[1] !== "deleted") {
    const tombstone = tombstoneOf(sealedHeadOf(withoutTexts(entry)), at);
    takeEntry(connection, tombstone, rowOfSealed(tombstone));
  }
  noteWiped(connection);
  if (here === undefined) return { removed: 0 };
  const n = here[HEAD_WIDTH] as number;
  const removed = connection.get(COUNT_MESSAGES, n)![0] as number;
  connection.run(DELETE_PARTS, n);
  if (here[1] !== "deleted") connection.run(UPDATE_ARCHIVED, ...rowOfSealed(tombstoneOf(sealedHeadOf(withoutTexts(here)), at)).slice(1), n);
  return { removed };
}

/** `Archive.purge` that removes: the conversations with their entries in the directory, in one transaction. */
export function purge(
  { connection, keepsDirectory }: Work,
  before: number,
  limit: number,
): { months: { [month: string]: number }; rows: number; held: number } {
  const months: { [month: string]: number } = {};
  const past = connection.all(SELECT_PAST, before, limit);
  for (const [n, id, month] of past) {
    connection.run(DELETE_PARTS, n!);
    connection.run(DELETE_ARCHIVED, n!);
    if (keepsDirectory) removeEntry(connection, id as string);
    months[month as string] = (months[month as string] ?? 0) + 1;
  }
  if (past.length > 0) noteWiped(connection);
  return { months, rows: past.length, held: connection.get(COUNT_HELD, before)![0] as number };
}
