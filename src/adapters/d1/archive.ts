/** The archive over D1, with the erasure log. Every method is one round trip, and every write one transaction. */
import type { Archive, PurgeResult } from "../../core/archive.ts";
import type { MessagePage } from "../../core/store.ts";
import type { Cell, Statement } from "./d1-database.ts";
import { nowOf, type Engine } from "./engine.ts";
import { AFTER_HEAD, cellsOf, HEAD_EXCLUDED, HEAD_MARKS, HEAD_NAMES, HEAD_TOMBSTONE, headOf } from "./head-row.ts";
import { refuseTooLarge } from "./row-size.ts";
import { messagesOfPart, partsOf } from "./transcript-parts.ts";

const SELECT_ARCHIVED = `SELECT ${HEAD_NAMES} FROM archive WHERE id = ?1`;
const SCAN = `SELECT ${HEAD_NAMES} FROM archive WHERE id > ?1 ORDER BY id LIMIT ?2`;
/** The parts in which the newest ?2 messages are; -1: all. */
const SELECT_WINDOW = `SELECT transcripts.first_seq, transcripts.entries, transcripts.bodies
  FROM archive JOIN transcripts ON transcripts.n = archive.n
  WHERE archive.id = ?1 AND (?2 = -1 OR transcripts.last_seq > archive.last_seq - ?2) ORDER BY transcripts.first_seq`;
/** The parts in which the first, or the last, ?4 messages between ?2 and ?3 are. */
const SELECT_FIRST = `SELECT transcripts.first_seq, transcripts.entries, transcripts.bodies
  FROM archive JOIN transcripts ON transcripts.n = archive.n
  WHERE archive.id = ?1 AND transcripts.last_seq > ?2 AND transcripts.first_seq < ?3 AND transcripts.first_seq <= ?2 + ?4
  ORDER BY transcripts.first_seq`;
const SELECT_LAST = `SELECT transcripts.first_seq, transcripts.entries, transcripts.bodies
  FROM archive JOIN transcripts ON transcripts.n = archive.n
  WHERE archive.id = ?1 AND transcripts.last_seq > ?2 AND transcripts.first_seq < ?3
    AND transcripts.last_seq >= min(?3, archive.last_seq + 1) - ?4
  ORDER BY transcripts.first_seq`;

const SELECT_ERASED = "SELECT 1 AS erased FROM erasures WHERE id = ?1";
/** Parameters: the head, then 1 to overwrite the same version. Answers a row if it was stored. */
const PUT = `INSERT INTO archive (${HEAD_NAMES}, fresh)
  SELECT ${HEAD_MARKS}, 1 WHERE ?2 = 'deleted' OR NOT EXISTS (SELECT 1 FROM erasures WHERE id = ?1)
  ON CONFLICT (id) DO UPDATE SET ${HEAD_EXCLUDED}, fresh = 1
    WHERE excluded.version > version OR (excluded.version = version AND ?${AFTER_HEAD} = 1)
  RETURNING n`;
const PUT_PART = `INSERT INTO transcripts (n, first_seq, last_seq, entries, bodies)
  SELECT n, ?2, ?3, ?4, ?5 FROM archive WHERE id = ?1 AND fresh = 1`;
const SETTLE = "UPDATE archive SET fresh = 0 WHERE id = ?1 AND fresh = 1";

const SELECT_HELD = `SELECT hold, (SELECT coalesce(sum(last_seq - first_seq + 1), 0) FROM transcripts WHERE transcripts.n = archive.n) AS messages
  FROM archive WHERE id = ?1`;
const NOTE_ERASURE = `INSERT INTO erasures (n, id, at, by)
  SELECT (SELECT coalesce(max(n), 0) + 1 FROM erasures), ?1, ?2, ?3
  WHERE NOT EXISTS (SELECT 1 FROM archive WHERE id = ?1 AND hold = 1)
  ON CONFLICT (id) DO NOTHING`;
const BURY_ENTRY = `UPDATE entries SET ${HEAD_TOMBSTONE}
  WHERE id = ?1 AND status <> 'deleted' AND NOT EXISTS (SELECT 1 FROM archive WHERE id = ?1 AND hold = 1)`;
const DELETE_PARTS = "DELETE FROM transcripts WHERE n = (SELECT n FROM archive WHERE id = ?1 AND hold = 0)";
const BURY = `UPDATE archive SET ${HEAD_TOMBSTONE} WHERE id = ?1 AND status <> 'deleted' AND hold = 0`;
const SELECT_ERASURES = "SELECT n, id, at FROM erasures WHERE n > ?1 ORDER BY n LIMIT ?2";

const PAST = "status IN ('archived', 'completed') AND last_activity < ?1";
const CHOSEN = `SELECT n FROM archive WHERE ${PAST} AND hold = 0 ORDER BY last_activity, id LIMIT ?2`;
const COUNT_PAST = `SELECT strftime('%Y-%m', created / 1000, 'unixepoch') AS month, hold, count(*) AS count
  FROM archive WHERE ${PAST} GROUP BY month, hold`;
const COUNT_HELD = `SELECT count(*) AS count FROM archive WHERE ${PAST} AND hold = 1`;
/** An entry that has gone on since (its conversation is live again) stays. */
const PURGE_ENTRIES = `DELETE FROM entries WHERE ${PAST} AND hold = 0 AND id IN (SELECT id FROM archive WHERE n IN (${CHOSEN}))`;
const PURGE = `DELETE FROM archive WHERE n IN (${CHOSEN}) RETURNING strftime('%Y-%m', created / 1000, 'unixepoch') AS month`;
const SELECT_NOW = `SELECT ${nowOf(1)} AS now`;

/** Message bodies up to this size fit, whatever else is in their row. */
const LARGEST_MESSAGE = 1_900_000;

/** SQLite knows no infinity. */
function finite(value: number): number {
  return Math.min(value, Number.MAX_SAFE_INTEGER);
}

/** What a page asks for. */
function selectPage(id: string, { after = 0, before = Infinity, limit, order }: MessagePage): Statement {
  return [order === "asc" ? SELECT_FIRST : SELECT_LAST, id, finite(after), finite(before), finite(limit)];
}

/** An archive over an engine. */
export function d1Archive(engine: Engine): Archive {
  return {
    capabilities: { maxMessageBytes: LARGEST_MESSAGE, overwrittenWithinMs: null },

    async read(id, window) {
      const wanted = window === Infinity ? -1 : Math.max(0, window);
      const [[row] = [], parts = []] = await engine.run([SELECT_ARCHIVED, id], [SELECT_WINDOW, id, wanted]);
      if (!row) return null;
      const head = headOf(row);
      const first = wanted === -1 ? 1 : head.lastSeq - wanted + 1;
      return { head, messages: parts.flatMap((part) => messagesOfPart(id, part, first, head.lastSeq)) };
    },

    async messages(id, page) {
      const [[row] = [], parts = []] = await engine.run([SELECT_ARCHIVED, id], selectPage(id, page));
      if (!row) return null;
      const { after = 0, before = Infinity, limit, order } = page;
      const stretch = parts.flatMap((part) => messagesOfPart(id, part, after + 1, before - 1));
      return (order === "desc" ? stretch.toReversed() : stretch).slice(0, limit);
    },

    async scan(after, limit) {
      const [rows = []] = await engine.run([SCAN, after ?? "", limit]);
      return rows.map(headOf);
    },

    async put({ head, messages }, options) {
      const cells = cellsOf(head);
      refuseTooLarge("The conversation without its messages", cells);
      const parts = partsOf(messages).map((part): Statement => [PUT_PART, head.id, ...part]);
      const put: Statement = [PUT, ...cells, options?.replace ? 1 : 0];
      const [erased = [], stored = []] = await engine.run([SELECT_ERASED, head.id], put, ...parts, [SETTLE, head.id]);
      if (stored.length > 0) return "stored";
      return erased.length > 0 && head.status !== "deleted" ? "erased" : "older";
    },

    async erase(id, { at, by }) {
      const [[here] = []] = await engine.run(
        [SELECT_HELD, id],
        [NOTE_ERASURE, id, at, by],
        [BURY_ENTRY, id, at],
        [DELETE_PARTS, id],
        [BURY, id, at],
      );
      return here?.["hold"] === 1 ? "held" : { removed: Number(here?.["messages"] ?? 0) };
    },

    async erasures(after, limit) {
      const [rows = []] = await engine.run([SELECT_ERASURES, after, limit]);
      return rows.map(({ n, id, at }) => ({ n: Number(n), id: String(id), at: Number(at) }));
    },

    async erased(id) {
      const [rows = []] = await engine.run([SELECT_ERASED, id]);
      return rows.length > 0;
    },

    async purge(before, limit, dryRun) {
      if (dryRun) {
        const [counts = []] = await engine.run([COUNT_PAST, before]);
        const free = counts.filter(({ hold }) => hold === 0);
        const held = counts.filter(({ hold }) => hold === 1).reduce((sum, { count }) => sum + Number(count), 0);
        return resultOf(
          free.map(({ month, count }) => [month, count]),
          held,
        );
      }
      const [, gone = [], held = []] = await engine.run([PURGE_ENTRIES, before, limit], [PURGE, before, limit], [COUNT_HELD, before]);
      return resultOf(
        gone.map(({ month }) => [month, 1]),
        Number(held[0]?.["count"]),
      );
    },

    async probe() {
      const [rows = []] = await engine.run([SELECT_NOW, engine.now()]);
      return { now: Number(rows[0]?.["now"]) };
    },

    // D1 overwrites nothing on demand, and its own point-in-time copies go back 30 days.
    async scrub() {
      return true;
    },

    // The binding is the caller's.
    async close() {},
  };
}

function resultOf(counts: readonly (readonly [month: Cell | undefined, count: Cell | undefined])[], held: number): PurgeResult {
  const months: { [month: string]: number } = {};
  let rows = 0;
  for (const [month, count] of counts) {
    months[String(month)] = (months[String(month)] ?? 0) + Number(count);
    rows += Number(count);
  }
  return { months, rows, held };
}
