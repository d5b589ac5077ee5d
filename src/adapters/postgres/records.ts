/** The service's small things over PostgreSQL. */
import { StoredDataError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import type { Records } from "../../core/records.ts";
import { openEngine, type EngineOptions } from "./engine.ts";
import type { PgPoolLike } from "./pool.ts";

const GET = {
  name: "itera-get-record",
  text: `
    SELECT json_build_array(value, version)::TEXT AS answer FROM conversation_records
      WHERE kind = $1 AND key = $2 AND (until IS NULL OR until > (SELECT itera_now_ms($3)))`,
};
const PUT = { name: "itera-put-record", text: "SELECT itera_put_record($1, $2, $3, $4, $5, $6) AS answer" };
// No key is empty, so that an empty text comes before the first.
const LIST = {
  name: "itera-list-records",
  text: `
    SELECT json_agg(json_build_array(r.key, r.value, r.version) ORDER BY r.key)::TEXT AS answer FROM (
      SELECT key, value, version FROM conversation_records
        WHERE kind = $1 AND key > $2 AND (until IS NULL OR until > (SELECT itera_now_ms($3))) ORDER BY key LIMIT $4
    ) r`,
};
const REMOVE = {
  name: "itera-remove-record",
  text: "WITH gone AS (DELETE FROM conversation_records WHERE kind = $1 AND key = $2) SELECT 'null' AS answer",
};
const FORGET = {
  name: "itera-forget-records",
  text: `
    WITH gone AS (
      DELETE FROM conversation_records WHERE (kind, key) IN (
        SELECT kind, key FROM conversation_records WHERE until <= $1 ORDER BY until LIMIT $2 FOR UPDATE SKIP LOCKED
      ) RETURNING 1
    )
    SELECT count(*)::TEXT AS answer FROM gone`,
};

function valueOf(kind: string, text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new StoredDataError(`A stored record of kind ${kind} cannot be read; remove it, or restore it from a backup`, { cause });
  }
}

/** Records over a pool, in the first schema of its search_path, which `itera migrate` has prepared. */
export function postgresRecords(pool: PgPoolLike, options: EngineOptions = {}): Records {
  const engine = openEngine(pool, options);
  return {
    async get(kind, key) {
      const found = await engine.ask<[string, number] | null>(GET, [kind, key, engine.now()]);
      return found && { value: valueOf(kind, found[0]), version: found[1] };
    },

    async put(kind, key, value, { ifVersion, until } = {}) {
      const values = [kind, key, JSON.stringify(value), ifVersion ?? null, until ?? null, engine.now()];
      const [won, stored, version] = await engine.ask<[boolean, string | null, number]>(PUT, values);
      return { won, value: stored === null ? null : valueOf(kind, stored), version };
    },

    async list(kind, after, limit) {
      const rows = (await engine.ask<[string, string, number][] | null>(LIST, [kind, after ?? "", engine.now(), limit])) ?? [];
      return rows.map(([key, value, version]) => ({ key, value: valueOf(kind, value), version }));
    },

    async remove(kind, key) {
      await engine.ask(REMOVE, [kind, key]);
    },

    async forget(now, limit) {
      return engine.ask<number>(FORGET, [now, limit]);
    },
  };
}
