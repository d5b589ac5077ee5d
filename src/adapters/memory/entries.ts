/** How an entry of the directory is taken: by the directory itself, and by commits of the hot store in the same step. */
import type { SearchText } from "../../core/directory.ts";
import type { Head } from "../../core/head.ts";
import { copyOf } from "./pages.ts";
import { fitting, wordsOf } from "./search-text.ts";
import type { Entry, MemoryState } from "./state.ts";

/** Bytes of text that are indexed for one conversation. */
export const SEARCH_BYTES = 512 * 1024;

/** Takes a head if it is no older than the entry and not of an erased conversation; with it the text that was said after `text.after`. */
export function takeEntry(state: MemoryState, head: Head, text?: { after: number; messages: readonly SearchText[] }): void {
  if (state.erasures.has(head.id) && head.status !== "deleted") return;
  const entry: Entry = state.entries.get(head.id) ?? { head, texts: [], indexed: 0 };
  if (entry.head.version > head.version) return;
  entry.head = copyOf(head);
  if (head.wiped || head.status === "deleted") {
    entry.texts = [];
    entry.indexed = 0;
    if (head.status === "deleted") for (const { id, event } of state.events.values()) if (id === head.id) event.details = {};
  } else if (text) {
    addText(entry, text.after, text.messages);
  }
  state.entries.set(head.id, entry);
}

function addText(entry: Entry, after: number, messages: readonly SearchText[]): void {
  entry.texts = entry.texts.filter(({ seq }) => seq <= after);
  entry.indexed = after;
  let room = SEARCH_BYTES - entry.texts.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { seq, text: said } of messages) {
    if (seq <= after) continue;
    const { text, bytes } = fitting(said, room);
    entry.texts.push({ seq, text, bytes, words: wordsOf(text) });
    entry.indexed = Math.max(entry.indexed, seq);
    room -= bytes;
  }
}
