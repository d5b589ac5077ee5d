// The service's small things over SQLite.

import type { Json } from "../../core/json.ts";
import type { Records } from "../../core/records.ts";
import { StoredDataError } from "../../core/errors.ts";
import type { Cell } from "./connection.ts";
import type { Engine } from "./engine.ts";
import { readRecord } from "./record-reads.ts";

function valueOf(kind: string, text: Cell | undefined): Json {
  try {
    return JSON.parse(String(text)) as Json;
  } catch (cause) {
    throw new StoredDataError(`A stored record of kind ${kind} cannot be read; remove it, or restore it from a backup`, { cause });
  }
}

/** Records over an engine. */
export function sqliteRecords(engine: Engine): Records {
  return {
    async get(kind, key) {
      const row = engine.local((connection) => readRecord(connection, kind, key, engine.now()));
      return row === undefined ? null : { value: valueOf(kind, row[0]), version: row[1] as number };
    },

    async put(kind, key, value, { ifVersion, until } = {}) {
      const text = JSON.stringify(value);
      const [won, stored, version] = await engine.write("putRecord", text.length, kind, key, text, ifVersion ?? null, until ?? null);
      return { won, value: stored === null ? null : valueOf(kind, stored), version };
    },

    async list(kind, after, limit) {
      const rows = await engine.far("listRecords", kind, after, engine.now(), limit);
      return rows.map(([key, value, version]) => ({ key: key as string, value: valueOf(kind, value), version: version as number }));
    },

    async remove(kind, key) {
      await engine.write("removeRecord", 0, kind, key);
    },

    async forget(now, limit) {
      return engine.write("forgetRecords", 0, now, limit);
    },
  };
}
