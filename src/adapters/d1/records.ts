/** The service's small things over D1. Every method is one round trip. */
import { StoredDataError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import type { Records } from "../../core/records.ts";
import type { Cell } from "./d1-database.ts";
import { nowOf, type Engine } from "./engine.ts";
import { refuseTooLarge } from "./row-size.ts";

const LASTS = (parameter: number): string => `(until IS NULL OR until > ${nowOf(parameter)})`;
const SELECT = `SELECT value, version FROM records WHERE kind = ?1 AND key = ?2 AND ${LASTS(3)}`;
const LIST_FIRST = `SELECT key, value, version FROM records WHERE kind = ?1 AND ${LASTS(2)} ORDER BY key LIMIT ?3`;
const LIST_AFTER = `SELECT key, value, version FROM records WHERE kind = ?1 AND ${LASTS(2)} AND key > ?4 ORDER BY key LIMIT ?3`;
/** What has ended counts as not there: its place is made free first. */
const DELETE_ENDED = `DELETE FROM records WHERE kind = ?1 AND key = ?2 AND until <= ${nowOf(3)}`;
/** ?5: the version that must be there, 0: none, null: whatever. Answers a row if it was written. */
const PUT = `INSERT INTO records (kind, key, value, version, until)
  SELECT ?1, ?2, ?3, 1, ?4 WHERE ?5 IS NULL OR ?5 = 0 OR EXISTS (SELECT 1 FROM records WHERE kind = ?1 AND key = ?2)
  ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, version = version + 1, until = excluded.until
    WHERE ?5 IS NULL OR version = ?5
  RETURNING version`;
/** Behind a write, which has removed what had ended; what is written with an end in the past is answered as it was written. */
const SELECT_ANY = "SELECT value, version FROM records WHERE kind = ?1 AND key = ?2";
const DELETE = "DELETE FROM records WHERE kind = ?1 AND key = ?2";
const FORGET = `DELETE FROM records WHERE (kind, key) IN
  (SELECT kind, key FROM records WHERE until IS NOT NULL AND until <= ?1 ORDER BY until LIMIT ?2) RETURNING 1 AS gone`;

function valueOf(kind: string, text: Cell | undefined): Json {
  try {
    return JSON.parse(String(text)) as Json;
  } catch (cause) {
    throw new StoredDataError(`A stored record of kind ${kind} cannot be read; remove it, or restore it from a backup`, { cause });
  }
}

/** Records over an engine. */
export function d1Records(engine: Engine): Records {
  return {
    async get(kind, key) {
      const [[row] = []] = await engine.run([SELECT, kind, key, engine.now()]);
      return row ? { value: valueOf(kind, row["value"]), version: Number(row["version"]) } : null;
    },

    async put(kind, key, value, { ifVersion, until } = {}) {
      const now = engine.now();
      const text = JSON.stringify(value);
      refuseTooLarge("The record", [kind, key, text]);
      const [, written = [], [row] = []] = await engine.run(
        [DELETE_ENDED, kind, key, now],
        [PUT, kind, key, text, until ?? null, ifVersion ?? null],
        [SELECT_ANY, kind, key],
      );
      const won = written.length > 0;
      return row ? { won, value: valueOf(kind, row["value"]), version: Number(row["version"]) } : { won, value: null, version: 0 };
    },

    async list(kind, after, limit) {
      const now = engine.now();
      const [rows = []] = await engine.run(after === null ? [LIST_FIRST, kind, now, limit] : [LIST_AFTER, kind, now, limit, after]);
      return rows.map(({ key, value, version }) => ({ key: String(key), value: valueOf(kind, value), version: Number(version) }));
    },

    async remove(kind, key) {
      await engine.run([DELETE, kind, key]);
    },

    async forget(now, limit) {
      const [gone = []] = await engine.run([FORGET, now, limit]);
      return gone.length;
    },
  };
}
