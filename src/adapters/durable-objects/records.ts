/**
 * The service's small things in objects, beside those of the conversations: claims of IDs, of which every idempotent creation makes one, are
 * spread over several by their key; everything else (keys, receipts, job marks) is in one, since it is little and listed.
 */
import { StoredDataError, StoreUnavailableError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import type { Records, StoredRecord } from "../../core/records.ts";
import { call, pause } from "./calls.ts";
import type { DurableObjectNamespaceLike } from "./durable-object-namespace.ts";
import type { RecordPage, RecordsObjectLike, RecordText } from "./records-object.ts";
import type { Reply } from "./replies.ts";
import { claimsName, RECORDS_NAME, shardOf } from "./service-names.ts";

/** Options of `durableObjectRecords`. */
export interface DurableObjectRecordsOptions {
  namespace: DurableObjectNamespaceLike<RecordsObjectLike>;
  /** Waits before a call that failed is repeated. */
  sleep?: (ms: number) => Promise<void>;
}

/** The kind that is spread, and over how many objects: each bears about a thousand writes a second. Another number would lose the claims of a day. */
const SPREAD_KIND = "claim";
const SHARDS = 16;
const ALL_CLAIMS = Array.from({ length: SHARDS }, (_, shard) => claimsName(shard));

function nameOf(kind: string, key: string): string {
  return kind === SPREAD_KIND ? claimsName(shardOf(key, SHARDS)) : RECORDS_NAME;
}

const codePoints = (text: string): number[] => Array.from(text, (character) => character.codePointAt(0)!);

/** The order of the database: by code points. */
function inOrder(a: { key: string }, b: { key: string }): number {
  const [left, right] = [codePoints(a.key), codePoints(b.key)];
  const at = left.findIndex((point, i) => point !== right[i]);
  // Of two of which one begins the other, the shorter comes first.
  return at < 0 || at >= right.length ? left.length - right.length : left[at]! - right[at]!;
}

function storedOf(kind: string, { text, version }: RecordText): StoredRecord {
  try {
    return { value: JSON.parse(text) as Json, version };
  } catch (cause) {
    throw new StoredDataError(`A stored record of kind ${kind} cannot be read; remove it, or restore its object to a time before`, {
      cause,
    });
  }
}

/**
 * Records over a namespace whose class is a `ConversationObject`, in objects of names that no conversation has. Every method is one call, of lists of
 * claims and `forget` one for each object. Their clock is the objects' own; what has ended goes by their alarm too.
 *
 * @example
 * const stores = durableObjectStores({ namespace: env.CONVERSATIONS, records: durableObjectRecords({ namespace: env.CONVERSATIONS }) });
 */
export function durableObjectRecords({ namespace, sleep = pause }: DurableObjectRecordsOptions): Records {
  function ask<T>(name: string, method: (object: RecordsObjectLike, again: boolean) => Promise<Reply<T>>): Promise<T> {
    return call(namespace, name, method, { repeatable: true, sleep });
  }

  /** The records of one object, however long they are together. */
  async function listOf(name: string, kind: string, after: string | null, limit: number): Promise<RecordPage["rows"]> {
    const rows: RecordPage["rows"] = [];
    for (let last = after; rows.length < limit;) {
      const page: RecordPage = await ask(name, (object) => object.listRecords(kind, last, limit - rows.length));
      rows.push(...page.rows);
      if (!page.more) break;
      last = rows.at(-1)!.key;
    }
    return rows;
  }

  return {
    async get(kind, key) {
      const found = await ask(nameOf(kind, key), (object) => object.getRecord(kind, key));
      return found && storedOf(kind, found);
    },

    async put(kind, key, value, { ifVersion, until } = {}) {
      const text = JSON.stringify(value);
      const writer = crypto.randomUUID();
      const write = { ...(ifVersion === undefined ? {} : { ifVersion }), ...(until === undefined ? {} : { until }), writer };
      let again = false;
      const { won, stored } = await ask(nameOf(kind, key), (object, isAgain) => {
        again = isAgain;
        return object.putRecord(kind, key, text, write);
      });
      // The first try may have been stored, and written over since.
      if (again && !won && ifVersion !== undefined && stored !== null && stored.version > ifVersion + 1)
        throw new StoreUnavailableError("It is not known whether the record was written; read it, and try again");
      return stored === null ? { won, value: null, version: 0 } : { won, ...storedOf(kind, stored) };
    },

    async list(kind, after, limit) {
      const names = kind === SPREAD_KIND ? ALL_CLAIMS : [RECORDS_NAME];
      const found = (await Promise.all(names.map((name) => listOf(name, kind, after, limit)))).flat();
      const sorted = names.length > 1 ? found.toSorted(inOrder).slice(0, Math.max(0, limit)) : found;
      return sorted.map((row) => ({ key: row.key, ...storedOf(kind, row) }));
    },

    async remove(kind, key) {
      await ask(nameOf(kind, key), (object) => object.removeRecord(kind, key));
    },

    async forget(now, limit) {
      let removed = 0;
      for (const name of [RECORDS_NAME, ...ALL_CLAIMS]) {
        if (removed < limit) removed += await ask(name, (object) => object.forgetRecords(now, limit - removed));
      }
      return removed;
    },
  };
}
