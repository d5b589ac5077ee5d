/** Pages of messages and of heads, the same for the hot store and the archive. */
import type { Head, Whole } from "../../core/head.ts";
import type { Store } from "../../core/store.ts";
import { newest } from "./state.ts";

/** Things in the order of their key (as plain text), from after this key, at most so many. */
export function afterKey<T>(things: ReadonlyMap<string, T>, after: string | null, limit: number): [string, T][] {
  const keys = [...things.keys()].filter((key) => after === null || key > after).toSorted();
  return keys.slice(0, limit).map((key) => [key, things.get(key)!]);
}

/** `read`, `messages` and `scan` of a store that keeps its conversations in this map. */
export function readingFrom(stored: ReadonlyMap<string, Whole>): Pick<Store, "read" | "messages" | "scan"> {
  return {
    async read(id, window) {
      const here = stored.get(id);
      return here ? { head: copyOf(here.head), messages: newest(here.messages, window) } : null;
    },
    async messages(id, { after = 0, before = Infinity, limit, order }) {
      const here = stored.get(id);
      if (!here) return null;
      const stretch = here.messages.filter(({ seq }) => seq > after && seq < before);
      if (order === "desc") stretch.reverse();
      return stretch.slice(0, limit).map((message) => ({ ...message }));
    },
    async scan(after, limit) {
      return afterKey(stored, after, limit).map(([, { head }]) => copyOf(head));
    },
  };
}

/** A copy that shares nothing with the original, so that no caller can alter what is stored. */
export function copyOf(head: Head): Head {
  return structuredClone(head);
}
