// The directory over SQLite, in the same file as the hot store: commits that show in lists change its entries themselves.

import type { Directory, SearchText } from "../../core/directory.ts";
import type { Cell } from "./connection.ts";
import type { Engine } from "./engine.ts";
import { overviewOf, rowOf } from "./head-row.ts";
import { detailsOf } from "./outbox.ts";
import { SEARCH_BYTES } from "./said.ts";

/** UTF-16 units of text that are indexed in one go, so that a long transcript does not hold up the writes of others. */
const INDEXED_TOGETHER = 64 * 1024;

/** Text in stretches: each with the seq after which it is said, and its cells for `index`. */
function stretches(after: number, messages: readonly SearchText[]): { after: number; texts: Cell[]; weight: number }[] {
  const all = [{ after, texts: [] as Cell[], weight: 0 }];
  for (const { seq, text } of messages) {
    let last = all.at(-1)!;
    if (last.weight > INDEXED_TOGETHER) all.push((last = { after: last.texts.at(-2) as number, texts: [], weight: 0 }));
    // What is beyond the limit is not indexed, and need not travel.
    last.texts.push(seq, text.slice(0, SEARCH_BYTES));
    last.weight += Math.min(text.length, SEARCH_BYTES);
  }
  return all;
}

function readCursor(cursor: string | null): [at: number, n: number] {
  const [at = 0, n = 0] = (cursor ?? `${Number.MIN_SAFE_INTEGER}:0`).split(":").map(Number);
  return [at, n];
}

/** A directory over an engine. */
export function sqliteDirectory(engine: Engine): Directory {
  return {
    capabilities: { search: true, searchBytes: SEARCH_BYTES },

    async index(head, text) {
      const row = rowOf(head);
      if (text === undefined) return engine.write("index", 0, row, 0, null);
      for (const { after, texts, weight } of stretches(text.after, text.messages)) await engine.write("index", weight, row, after, texts);
    },

    async indexed(ids) {
      return engine.far("indexed", ids);
    },

    async list(query) {
      if (query.text === undefined) {
        const { rows, next } = await engine.far("list", query);
        return { heads: rows.map(overviewOf), next };
      }
      const { rows, snippets, next } = await engine.far("search", query);
      return { heads: rows.map(overviewOf), snippets, next };
    },

    async analytics(from, to) {
      return engine.far("analytics", from, to);
    },

    async live() {
      return engine.far("countLive");
    },

    async bySubject(hash, after, limit) {
      return engine.far("bySubject", hash, after, limit);
    },

    async record(events) {
      const cells = events.flatMap(({ n, id, event }) => [n, id, event.at, event.type, JSON.stringify(event.details)]);
      await engine.write("record", 0, cells);
    },

    async events(id, after, limit) {
      const rows = await engine.far("events", id, ...readCursor(after), limit);
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return {
        events: page.map(([type, at, details]) => ({ type: type as string, at: at as number, details: detailsOf(details as string) })),
        next: rows.length > limit && last ? `${last[1]}:${last[3]}` : null,
      };
    },

    async forgetEvents(before, limit) {
      return engine.write("forgetEvents", 0, before, limit);
    },

    async purge(before, limit) {
      return engine.write("purgeEntries", 0, before, limit);
    },
  };
}
