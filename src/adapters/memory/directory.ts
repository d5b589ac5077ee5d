/** The directory in memory: entries, search, daily counts, events. */
import type { DayCount, Directory, DirectoryQuery } from "../../core/directory.ts";
import type { Head } from "../../core/head.ts";
import { SEARCH_BYTES, takeEntry } from "./entries.ts";
import { copyOf } from "./pages.ts";
import { snippetOf, wordsOf } from "./search-text.ts";
import { isPast, type Entry, type KeptEvent, type MemoryState } from "./state.ts";

/** A directory over a state. */
export function memoryDirectory(state: MemoryState): Directory {
  const { entries, rollups, events } = state;

  return {
    capabilities: { search: true, searchBytes: SEARCH_BYTES },

    async index(head, text) {
      takeEntry(state, head, text);
    },

    async indexed(ids) {
      return ids.map((id) => entries.get(id)?.indexed ?? 0);
    },

    async list(query) {
      const words = query.text === undefined ? null : wordsOf(query.text);
      const found = [...entries.values()]
        .filter(({ head }) => isAskedFor(head, query))
        .filter((entry) => words === null || saysAll(entry, words))
        .toSorted((a, b) => (a.head.id < b.head.id ? 1 : -1));
      const page = found.slice(0, query.limit);
      return {
        heads: page.map(({ head }) => copyOf(head)),
        ...(words ? { snippets: page.map((entry) => snippetFrom(entry, words)) } : {}),
        next: found.length > page.length ? (page.at(-1)?.head.id ?? null) : null,
      };
    },

    async analytics(from, to) {
      const days = new Map([...rollups].map(([key, count]) => [key, { ...count }]));
      for (const { head } of entries.values()) count(days, head);
      return [...days.values()].filter(({ day }) => day >= from && day <= to);
    },

    async live() {
      return [...entries.values()].filter(({ head }) => head.status === "active" || head.status === "completed").length;
    },

    async bySubject(hash, after, limit) {
      const ids = [...entries.values()].filter(({ head }) => head.subjects.includes(hash)).map(({ head }) => head.id);
      return ids
        .filter((id) => after === null || id > after)
        .toSorted()
        .slice(0, limit);
    },

    async record(recorded) {
      for (const event of recorded) if (!events.has(event.n)) events.set(event.n, { ...structuredClone(event), order: ++state.recorded });
    },

    async events(id, after, limit) {
      const all = [...events.values()].filter((event) => event.id === id).toSorted(byTime);
      const left = after === null ? all : all.filter((event) => byTime(event, readCursor(after)) > 0);
      const page = left.slice(0, limit);
      return {
        events: page.map(({ event }) => structuredClone(event)),
        next: left.length > page.length && page.length > 0 ? cursorOf(page.at(-1)!) : null,
      };
    },

    async forgetEvents(before, limit) {
      const old = [...events.values()].filter(({ event }) => event.at < before).slice(0, limit);
      for (const { n } of old) events.delete(n);
      return old.length;
    },

    async purge(before, limit) {
      const past = [...entries.values()].filter(({ head }) => isPast(head, before) && !head.hold).slice(0, limit);
      for (const { head } of past) {
        count(rollups, head);
        entries.delete(head.id);
      }
      return past.length;
    },
  };
}

type Place = Pick<KeptEvent, "order"> & { event: { at: number } };

/** By time, and in the order of recording at the same time. */
function byTime(a: Place, b: Place): number {
  return a.event.at - b.event.at || a.order - b.order;
}

/** Time and order rather than a name, so that the page after an event that was forgotten meanwhile is still found. */
function cursorOf({ event, order }: Place): string {
  return `${event.at}:${order}`;
}

function readCursor(cursor: string): Place {
  const [at, order] = cursor.split(":").map(Number);
  return { event: { at: at ?? 0 }, order: order ?? 0 };
}

function isAskedFor(head: Head, { status, source, environment, from, before }: DirectoryQuery): boolean {
  return (
    (status === undefined || status.includes(head.status)) &&
    (source === undefined || source === head.source) &&
    (environment === undefined || environment === head.environment) &&
    (from === undefined || head.id >= from) &&
    (before === undefined || head.id < before)
  );
}

function saysAll({ texts }: Entry, words: ReadonlySet<string>): boolean {
  return words.size > 0 && [...words].every((word) => texts.some((said) => said.words.has(word)));
}

function snippetFrom({ texts }: Entry, words: ReadonlySet<string>): string {
  for (const { text } of texts) {
    const snippet = snippetOf(text, words);
    if (snippet !== null) return snippet;
  }
  return "";
}

/** Adds a conversation to the counts of the day on which it was created. */
function count(days: Map<string, DayCount>, head: Head): void {
  const day = new Date(head.created).toISOString().slice(0, 10);
  const key = `${day} ${head.source}`;
  const counted = days.get(key) ?? { day, source: head.source, total: 0, completed: 0, archived: 0, messages: 0, seconds: 0 };
  counted.total += 1;
  counted.completed += head.completedAt === null ? 0 : 1;
  counted.archived += head.archivedAt === null ? 0 : 1;
  counted.messages += head.lastSeq;
  counted.seconds += (head.lastActivity - head.created) / 1000;
  days.set(key, counted);
}
