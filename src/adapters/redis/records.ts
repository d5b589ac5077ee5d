// The service's small things over Redis: spread over the buckets by kind and key.

import { StoredDataError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import type { Records } from "../../core/records.ts";
import type { Engine } from "./engine.ts";
import { firstOfAll } from "./first-of-all.ts";
import { bucketOf, type BucketKeys } from "./keys.ts";
import { shareOut } from "./share-out.ts";

/** Kind and key as one name. Kinds have no line breaks. */
function nameOf(kind: string, key: string): string {
  return `${kind}\n${key}`;
}

function valueOf(kind: string, text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new StoredDataError(`A stored record of kind ${kind} cannot be read; remove it, or restore it from a backup`, { cause });
  }
}

/** A UTF-16 unit by its place in the order of code points, in which surrogates come last. */
const orderOf = (unit: number): number => (unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit);

/** Texts in the order of their code points, which is that of Redis. */
function compareTexts(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = orderOf(a.charCodeAt(i)) - orderOf(b.charCodeAt(i));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

const allKeys = ({ records, recordKeys, recordEnds }: BucketKeys) => [records, recordKeys, recordEnds];

/** Records over an engine. */
export function redisRecords(engine: Engine): Records {
  const { keys } = engine;
  const bucketFor = (name: string): BucketKeys => keys.ofBucket[bucketOf(name, keys.buckets)]!;

  return {
    async get(kind, key) {
      const name = nameOf(kind, key);
      // The casts of this file: what the scripts answer.
      const found = (await engine.run("getRecord", [bucketFor(name).records], [engine.clockText(), name])) as [string, string] | null;
      return found && { value: valueOf(kind, found[1]), version: Number(found[0]) };
    },

    async put(kind, key, value, { ifVersion, until } = {}) {
      const name = nameOf(kind, key);
      const text = (number: number | undefined) => (number === undefined ? "" : String(number));
      const args = [engine.clockText(), name, text(ifVersion), text(until), JSON.stringify(value)];
      const [won, version, stored] = (await engine.write("putRecord", allKeys(bucketFor(name)), args)) as [number, string, string];
      return { won: won === 1, value: valueOf(kind, stored), version: Number(version) };
    },

    async list(kind, after, limit) {
      const start = after === null ? `[${nameOf(kind, "")}` : `(${nameOf(kind, after)}`;
      // The character after the line break: beyond all keys of this kind.
      const end = `(${kind}\u000b`;
      const buckets = keys.ofBucket.map((_, bucket) => bucket);
      const found = await firstOfAll<[name: string, version: string, value: string]>(
        buckets,
        limit,
        ([a], [b]) => compareTexts(a, b),
        async (bucket, count) => {
          const { records, recordKeys } = keys.ofBucket[bucket]!;
          const args = [engine.clockText(), start, end, String(count)];
          const flat = (await engine.run("listRecords", [records, recordKeys], args)) as string[];
          return Array.from({ length: flat.length / 3 }, (_, i) => [flat[3 * i]!, flat[3 * i + 1]!, flat[3 * i + 2]!]);
        },
      );
      return found.map(({ item: [name, version, value] }) => ({
        key: name.slice(kind.length + 1),
        value: valueOf(kind, value),
        version: Number(version),
      }));
    },

    async remove(kind, key) {
      const name = nameOf(kind, key);
      await engine.write("removeRecord", allKeys(bucketFor(name)), [name]);
    },

    async forget(now, limit) {
      const counts = (await engine.ofEach(({ recordEnds }) => ["ZCOUNT", recordEnds, "-inf", String(now)])).map(Number);
      const removed = await Promise.all(
        shareOut(counts, limit).map(async ([bucket, share]) =>
          Number(await engine.run("forgetRecords", allKeys(keys.ofBucket[bucket]!), [String(now), String(share)])),
        ),
      );
      return removed.reduce((sum, count) => sum + count, 0);
    },
  };
}
