// Writes on live conversations, each inside a transaction of the write worker. `applyChange` decides, this file keeps.

import { applyChange, takesEffect } from "../../core/apply-change.ts";
import type { Head, LifecycleEvent, NewMessage } from "../../core/head.ts";
import { STATUSES } from "../../core/head.ts";
import type { Change, Once } from "../../core/hot-store.ts";
import type { Cell, Connection, Row } from "./connection.ts";
import { dueOf, warnDueOf } from "./due.ts";
import { isErased, showsInLists, takeEntry } from "./entries.ts";
import {
  HEAD_MARKS,
  HEAD_NAMES,
  HEAD_SETS,
  HEAD_SETS_OF_TURN,
  HEAD_WIDTH,
  headOf,
  rowOfSealed,
  sealedHeadOf,
  withoutTexts,
} from "./head-row.ts";
import { inflateNew, selectStretch, windowStretch, type FlatMessages } from "./message-rows.ts";
import { findOnce, keepOnce, type OnceAnswer } from "./once.ts";
import { addEvents, emptyDetails, keepMark, markChanged } from "./outbox.ts";
import { noteWiped } from "./scrub.ts";
import type { Work } from "./work.ts";

/** seq and storedAt of each placed message, one after the other. */
export type FlatPlaced = number[];

/** What a commit answers to its caller's thread. */
export type CommitReply =
  | [outcome: "done" | "replayed", head: Row, placed: FlatPlaced, window: FlatMessages]
  | [outcome: "conflict" | "refused" | "full", head: Row]
  | [outcome: "absent" | "key-reused"]
  | [outcome: "message-conflict", key: string];

/** A change as it crosses to the worker: everything but messages, metadata and session, which come as texts of their own. */
export type ChangeText = string;

/** The last seq that a place has room for. */
const LAST_SEQ = 4_194_303;

const SELECT_LIVE = `SELECT ${HEAD_NAMES}, n, due, warn_due FROM live WHERE id = ?`;
const INSERT_LIVE = `INSERT INTO live (${HEAD_NAMES}, due, warn_due) VALUES (${HEAD_MARKS}, ?, ?)`;
const UPDATE_LIVE = `UPDATE live SET ${HEAD_SETS}, due = ?, warn_due = ? WHERE n = ?`;
const UPDATE_TURN = `UPDATE live SET ${HEAD_SETS_OF_TURN} WHERE n = ?`;
const FREE_LEASES = "UPDATE live SET leased_until = 0, warn_leased_until = 0 WHERE n = ?";
const DELETE_LIVE = "DELETE FROM live WHERE n = ?";
const SELECT_KEY = "SELECT place & 4194303, digest, stored_at FROM messages WHERE owner = ?1 AND key = ?2";
const INSERT_MESSAGE = `INSERT INTO messages (place, owner, stored_at, key, digest, body, size)
  VALUES ((?1 << 22) | ?2, iif(?5 IS NULL, NULL, ?1), ?3, ?4, ?5, ?6, ?7)`;
const UPDATE_BODY = "UPDATE messages SET body = ?1 WHERE place = (?2 << 22) | ?3";
const DELETE_AFTER = "DELETE FROM messages WHERE place BETWEEN ((?1 << 22) | ?2) + 1 AND (?1 << 22) | 4194303";
const DELETE_ONCE = "DELETE FROM once WHERE id = ?";

/** Where each message of an append stands: an old place, or the how-manyeth of the new ones it is. */
type Sorted = { fresh: NewMessage[]; places: ({ old: [seq: number, storedAt: number] } | { fresh: number })[] } | { conflicting: string };

/** Tells the messages that are new from repeats, of what is stored or of each other. What the change cuts is not there any more. */
function sortOut(connection: Connection, n: number, append: readonly NewMessage[], cutAfter: number): Sorted {
  const fresh: NewMessage[] = [];
  const places: ({ old: [seq: number, storedAt: number] } | { fresh: number })[] = [];
  const twins = new Map<string, number>();
  for (const message of append) {
    const { key, digest } = message;
    if (digest === null) {
      places.push({ fresh: fresh.push(message) - 1 });
      continue;
    }
    // The cast: the columns of SELECT_KEY, where the digest is not null.
    const found = connection.get(SELECT_KEY, n, key) as [seq: number, digest: string, storedAt: number] | undefined;
    const old = found && found[0] <= cutAfter ? found : undefined;
    const twin = twins.get(key);
    const known = old ? old[1] : twin === undefined ? digest : fresh[twin]!.digest;
    if (known !== digest) return { conflicting: key };
    if (old) places.push({ old: [old[0], old[2]] });
    else if (twin !== undefined) places.push({ fresh: twin });
    else {
      const place = fresh.push(message) - 1;
      twins.set(key, place);
      places.push({ fresh: place });
    }
  }
  return { fresh, places };
}

function windowOf(connection: Connection, n: number, lastSeq: number, window: number): FlatMessages {
  return window > 0 ? selectStretch(connection, n, windowStretch(lastSeq, window)).flat() : [];
}

/** What was answered first, on the head as it is now, with the window as it was, as far as it was not cut since. */
function replay(connection: Connection, row: Row, answer: OnceAnswer, window: number): CommitReply {
  const head = answer.row ?? rowOfSealed({ ...sealedHeadOf(row), ...answer.head });
  const lastSeq = Math.min(head[7] as number, row[7] as number);
  return ["replayed", head, answer.placed, windowOf(connection, row[HEAD_WIDTH] as number, lastSeq, window)];
}

/** `HotStore.create`. `messages`: the transcript; `events`: as JSON text. */
export function create(
  { connection, now, keepsDirectory }: Work,
  row: Row,
  messages: FlatMessages,
  events: string,
  once: Once | null,
  window: number,
): CommitReply {
  const id = row[0] as string;
  const there = connection.get(SELECT_LIVE, id);
  if (there !== undefined) {
    const found = once && findOnce(connection, id, once, now);
    if (!found) return ["conflict", there.slice(0, HEAD_WIDTH)];
    return found === "reused" ? ["key-reused"] : replay(connection, there, found, window);
  }
  const head = sealedHeadOf(row);
  if (head.status !== "deleted" && isErased(connection, id)) return ["refused", rowOfSealed(tombstoneOf(head, now))];
  connection.run(INSERT_LIVE, ...row, dueOf(head, null), warnDueOf(head, null));
  const n = connection.get(SELECT_LIVE, id)![HEAD_WIDTH] as number;
  for (let i = 0; i < messages.length; i += 6) {
    connection.run(
      INSERT_MESSAGE,
      n,
      messages[i]!,
      messages[i + 1]!,
      messages[i + 2]!,
      messages[i + 3]!,
      messages[i + 4]!,
      messages[i + 5]!,
    );
  }
  // The cast: what `hot-store.ts` made of the caller's events.
  addEvents(connection, id, head.version, JSON.parse(events) as LifecycleEvent[]);
  markChanged(connection, id, head.version, null);
  if (keepsDirectory) takeEntry(connection, head, row);
  if (once) keepOnce(connection, id, once, { row, placed: [] });
  return ["done", row, [], windowOf(connection, n, head.lastSeq, window)];
}

/** What is left of an erased conversation. */
export function tombstoneOf(head: Head, at: number): Head {
  return applyChange(head, { now: at, step: { from: STATUSES, to: "deleted" }, wipe: true }, { count: 0, bytes: 0 }, at).head;
}

/** `HotStore.commit`. `metadata` and `session`: JSON texts, null where the change sets none. */
export function commit(
  work: Work,
  id: string,
  text: ChangeText,
  metadata: string | null,
  session: string | null,
  append: Cell[],
): CommitReply {
  const { connection, now } = work;
  const row = connection.get(SELECT_LIVE, id);
  if (row === undefined) return ["absent"];
  // The cast: what `hot-store.ts` made of the caller's change.
  const change = JSON.parse(text) as Change;
  if (metadata !== null) change.metadata = metadata;
  if (session !== null) change.session = session;
  if (append.length > 0) change.append = inflateNew(append);
  const { once, window = 0 } = change;
  if (once) {
    const found = findOnce(connection, id, once, now);
    if (found) return found === "reused" ? ["key-reused"] : replay(connection, row, found, window);
  }
  const n = row[HEAD_WIDTH] as number;
  const sorted = sortOut(connection, n, change.append ?? [], change.cut?.after ?? LAST_SEQ);
  if ("conflicting" in sorted) return ["message-conflict", sorted.conflicting];
  const { fresh, places } = sorted;
  // A damaged record is said to be so before anything happens to it; it can still be wiped.
  if (!change.wipe) headOf(row);
  const before = sealedHeadOf(change.wipe ? withoutTexts(row) : row);
  let bytes = 0;
  for (const { size } of fresh) bytes += size;
  const applied = applyChange(before, change, { count: fresh.length, bytes }, now);
  if (applied.outcome !== "done") return [applied.outcome, row.slice(0, HEAD_WIDTH)];
  const { head, firstSeq } = applied;
  if (head.lastSeq > LAST_SEQ) return ["full", row.slice(0, HEAD_WIDTH)];

  const next = rowOfSealed(head);
  keep(work, { before, head, row, next, n }, change, fresh, firstSeq);
  const placed = places.flatMap((place) => ("old" in place ? place.old : [firstSeq + place.fresh, change.now]));
  if (once) {
    const { version, lastSeq, lastAccess, expiresAt, status } = head;
    keepOnce(connection, id, once, { head: { version, lastSeq, lastAccess, expiresAt, status }, placed });
  }
  return ["done", next, placed, windowOf(connection, n, head.lastSeq, window)];
}

interface Step {
  before: Head;
  head: Head;
  /** The row as it was, with n and what is due behind the head, and the head's row as it will be. */
  row: Row;
  next: Row;
  n: number;
}

/** Stores the effect of a change: head, messages, outbox, and the directory's entry where it shows. */
function keep(
  { connection, keepsDirectory }: Work,
  { before, head, row, next, n }: Step,
  change: Change,
  fresh: readonly NewMessage[],
  firstSeq: number,
): void {
  const { id } = head;
  if (change.cut) connection.run(DELETE_AFTER, n, change.cut.after);
  if (change.wipe) {
    connection.run(DELETE_AFTER, n, 0);
    connection.run(DELETE_ONCE, id);
    emptyDetails(connection, id);
    noteWiped(connection);
  }
  if (change.bodies) {
    for (const { seq, body } of change.bodies) connection.run(UPDATE_BODY, body, n, seq);
    // What stood there before is to be overwritten too.
    noteWiped(connection);
  }
  for (const [i, { key, digest, body, size }] of fresh.entries()) {
    connection.run(INSERT_MESSAGE, n, firstSeq + i, change.now, key, digest, body, size);
  }
  const [due, warnDue] = row.slice(HEAD_WIDTH + 1) as [number | null, number | null];
  if (next.some((cell, i) => cell !== row[i])) {
    const sameStatus = before.status === head.status;
    const nextDue = sameStatus ? dueOf(head, due) : dueOf(head, null);
    const nextWarnDue = warnDueOf(head, warnDue);
    if (sameStatus && nextDue === due && nextWarnDue === warnDue) connection.run(UPDATE_TURN, ...next.slice(2), n);
    else connection.run(UPDATE_LIVE, ...next.slice(1), nextDue, nextWarnDue, n);
  }
  // What was leased as one thing is due as another.
  if (before.status !== head.status) connection.run(FREE_LEASES, n);
  if (change.events && takesEffect(change, fresh.length)) addEvents(connection, id, head.version, change.events);
  if (head.version !== before.version) markChanged(connection, id, head.version, change.cut?.after ?? null);
  if (keepsDirectory && showsInLists(before, head)) takeEntry(connection, head, next);
}

/** `HotStore.remove`. */
export function remove({ connection }: Work, id: string, ifVersion: number): boolean {
  const row = connection.get(SELECT_LIVE, id);
  if (row?.[5] !== ifVersion) return false;
  const n = row[HEAD_WIDTH] as number;
  connection.run(DELETE_AFTER, n, 0);
  connection.run(DELETE_ONCE, id);
  keepMark(connection, id, ifVersion);
  return connection.run(DELETE_LIVE, n) > 0;
}
