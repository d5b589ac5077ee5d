/** The archive in memory, with the erasure log. */
import type { Archive } from "../../core/archive.ts";
import { takeEntry } from "./entries.ts";
import { copyOf, readingFrom } from "./pages.ts";
import { isPast, tombstone, type MemoryState } from "./state.ts";

/** An archive over a state. */
export function memoryArchive(state: MemoryState): Archive {
  const { archived, erasures, entries } = state;

  return {
    capabilities: { maxMessageBytes: Number.MAX_SAFE_INTEGER, overwrittenWithinMs: 0 },
    ...readingFrom(archived),

    async put(whole, options) {
      const { head } = whole;
      if (erasures.has(head.id) && head.status !== "deleted") return "erased";
      const there = archived.get(head.id);
      const same = there?.head.version === head.version;
      if (there && there.head.version >= head.version && !(same && options?.replace)) return "older";
      archived.set(head.id, { head: copyOf(head), messages: whole.messages.map((message) => ({ ...message })) });
      return "stored";
    },

    async erase(id, { at }) {
      const here = archived.get(id);
      if (here?.head.hold) return "held";
      if (!erasures.has(id)) erasures.set(id, { n: erasures.size + 1, id, at });
      const entry = entries.get(id);
      if (entry) takeEntry(state, tombstone(entry.head, at));
      if (here) archived.set(id, { head: tombstone(here.head, at), messages: [] });
      return { removed: here?.messages.length ?? 0 };
    },

    async erasures(after, limit) {
      return [...erasures.values()]
        .filter(({ n }) => n > after)
        .slice(0, limit)
        .map((entry) => ({ ...entry }));
    },

    async erased(id) {
      return erasures.has(id);
    },

    async purge(before, limit, dryRun) {
      const past = [...archived.values()].map(({ head }) => head).filter((head) => isPast(head, before));
      const free = past.filter(({ hold }) => !hold);
      const months: { [month: string]: number } = {};
      const chosen = dryRun ? free : free.slice(0, limit);
      for (const { id, created } of chosen) {
        const month = new Date(created).toISOString().slice(0, 7);
        months[month] = (months[month] ?? 0) + 1;
        if (!dryRun) archived.delete(id);
      }
      return { months, rows: chosen.length, held: past.length - free.length };
    },

    async probe() {
      return { now: state.clock() };
    },
    async scrub() {
      return true;
    },
    async close() {},
  };
}
