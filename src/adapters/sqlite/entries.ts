// Entries of the directory, and what hangs on each: the counts of its day, the look-up by subject, the text of the search.

import type { Head } from "../../core/head.ts";
import type { Cell, Connection, Row } from "./connection.ts";
import { HEAD_MARKS, HEAD_NAMES, HEAD_SETS } from "./head-row.ts";
import { removeText } from "./said.ts";

const SELECT_COUNTED = `SELECT n, version, subjects, created, completed_at, archived_at, last_seq, last_activity
  FROM entries WHERE id = ?`;
const SELECT_ERASED = "SELECT 1 FROM erasures WHERE id = ?";
const INSERT_ENTRY = `INSERT INTO entries (${HEAD_NAMES}) VALUES (${HEAD_MARKS})`;
const UPDATE_ENTRY = `UPDATE entries SET ${HEAD_SETS} WHERE n = ?`;
const DELETE_ENTRY = "DELETE FROM entries WHERE n = ?";
const ADD_TO_DAY = `INSERT INTO days (day, source, total, completed, archived, messages, milliseconds) VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (day, source) DO UPDATE SET total = total + excluded.total, completed = completed + excluded.completed,
  archived = archived + excluded.archived, messages = messages + excluded.messages, milliseconds = milliseconds + excluded.milliseconds`;
const INSERT_SUBJECT = "INSERT OR IGNORE INTO subjects (hash, id) VALUES (?, ?)";
const DELETE_SUBJECT = "DELETE FROM subjects WHERE hash = ? AND id = ?";
const EMPTY_EVENTS = "UPDATE events SET details = '{}' WHERE id = ?";

/** What a conversation adds to the counts of its day. */
type Counts = [total: number, completed: number, archived: number, messages: number, milliseconds: number];

const NOTHING: Counts = [0, 0, 0, 0, 0];

function countsOf(completedAt: Cell, archivedAt: Cell, lastSeq: number, milliseconds: number): Counts {
  return [1, completedAt === null ? 0 : 1, archivedAt === null ? 0 : 1, lastSeq, milliseconds];
}

/** Whether the erasure log names this conversation. */
export function isErased(connection: Connection, id: string): boolean {
  return connection.get(SELECT_ERASED, id) !== undefined;
}

/** The subjects of a row; those of a damaged one are left as they are, and found by its ID. */
function subjectsOf(text: Cell): string[] {
  try {
    // The cast: subjects are a list of texts, written here alone.
    return JSON.parse(String(text)) as string[];
  } catch {
    return [];
  }
}

function countDay(connection: Connection, head: Head, before: Counts): void {
  const after = countsOf(head.completedAt, head.archivedAt, head.lastSeq, head.lastActivity - head.created);
  const added = after.map((count, i) => count - before[i]!);
  if (added.every((count) => count === 0)) return;
  connection.run(ADD_TO_DAY, new Date(head.created).toISOString().slice(0, 10), head.source, ...added);
}

/**
 * Takes a head, given also as its row, if it is no older than the entry and not of an erased conversation; answers whether it was taken.
 * Of one that is wiped or deleted text and subjects go, of one that is deleted what its events say.
 */
export function takeEntry(connection: Connection, head: Head, row: Row): boolean {
  if (head.status !== "deleted" && isErased(connection, head.id)) return false;
  const there = connection.get(SELECT_COUNTED, head.id);
  if (there === undefined) {
    connection.run(INSERT_ENTRY, ...row);
    for (const hash of head.subjects) connection.run(INSERT_SUBJECT, hash, head.id);
    countDay(connection, head, NOTHING);
    return true;
  }
  const [n, version, subjects, created, completedAt, archivedAt, lastSeq, lastActivity] = there;
  if ((version as number) > head.version) return false;
  const before = countsOf(completedAt!, archivedAt!, lastSeq as number, (lastActivity as number) - (created as number));
  connection.run(UPDATE_ENTRY, ...row.slice(1), n!);
  countDay(connection, head, before);
  if (subjects !== row[21]) {
    for (const hash of subjectsOf(subjects!)) if (!head.subjects.includes(hash)) connection.run(DELETE_SUBJECT, hash, head.id);
    for (const hash of head.subjects) connection.run(INSERT_SUBJECT, hash, head.id);
  }
  if (head.wiped || head.status === "deleted") removeText(connection, head.id);
  if (head.status === "deleted") connection.run(EMPTY_EVENTS, head.id);
  return true;
}

/** Whether the entry must change in the same commit; counts and times follow with the mark. */
export function showsInLists(before: Head, after: Head): boolean {
  return (
    before.status !== after.status ||
    before.revision !== after.revision ||
    before.wiped !== after.wiped ||
    before.hold !== after.hold ||
    before.subjects.length !== after.subjects.length
  );
}

/** Removes an entry with its text and subjects; the counts of its day stay. */
export function removeEntry(connection: Connection, id: string): boolean {
  const there = connection.get(SELECT_COUNTED, id);
  if (there === undefined) return false;
  for (const hash of subjectsOf(there[2]!)) connection.run(DELETE_SUBJECT, hash, id);
  removeText(connection, id);
  return connection.run(DELETE_ENTRY, there[0]!) > 0;
}
