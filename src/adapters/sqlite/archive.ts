// The archive over SQLite, in the same file as the hot store.

import type { Archive } from "../../core/archive.ts";
import { erasures, readArchived, readArchivedMessages, wholeOfParts } from "./archive-reads.ts";
import type { Engine } from "./engine.ts";
import { isErased } from "./entries.ts";
import { headOf, rowOf } from "./head-row.ts";
import { OVERWRITTEN_WITHIN_MS } from "./hot-store.ts";
import { inOrder, TOO_LONG } from "./live-reads.ts";
import { partsOf } from "./transcript-parts.ts";

/** An archive over an engine. */
export function sqliteArchive(engine: Engine): Archive {
  return {
    capabilities: { maxMessageBytes: 64 * 1024 * 1024, overwrittenWithinMs: OVERWRITTEN_WITHIN_MS },

    async read(id, window) {
      const here = engine.local((connection) => readArchived(connection, id, window));
      if (here !== TOO_LONG) return here;
      const far = await engine.far("longArchived", id, window);
      return far && wholeOfParts(far, window);
    },

    async messages(id, page) {
      const here = engine.local((connection) => readArchivedMessages(connection, id, page));
      if (here !== TOO_LONG) return here;
      const far = await engine.far("longArchived", id, page);
      return far && inOrder(wholeOfParts(far, page).messages, page);
    },

    async scan(after, limit) {
      return (await engine.far("scanArchived", after, limit)).map(headOf);
    },

    async probe() {
      return engine.probe();
    },

    async scrub() {
      return engine.scrub();
    },

    close: () => engine.close(),

    async put(whole, options) {
      return engine.write("put", whole.head.bytes, rowOf(whole.head), partsOf(whole.messages), options?.replace === true);
    },

    async erase(id, { at, by }) {
      return engine.write("erase", 0, id, at, by);
    },

    async erasures(after, limit) {
      const rows = engine.local((connection) => erasures(connection, after, limit));
      return rows.map(([n, id, at]) => ({ n: n as number, id: id as string, at: at as number }));
    },

    async erased(id) {
      return engine.local((connection) => isErased(connection, id));
    },

    async purge(before, limit, dryRun) {
      return dryRun ? engine.far("countPast", before) : engine.write("purge", 0, before, limit);
    },
  };
}
