/** The records in memory. */
import type { Records } from "../../core/records.ts";
import { afterKey } from "./pages.ts";
import type { MemoryState, SmallThing } from "./state.ts";

/** Records over a state. */
export function memoryRecords(state: MemoryState): Records {
  function kept(kind: string): Map<string, SmallThing> {
    const things = state.records.get(kind) ?? new Map<string, SmallThing>();
    state.records.set(kind, things);
    return things;
  }
  function current(kind: string, key: string): SmallThing | undefined {
    const thing = kept(kind).get(key);
    return thing && !ended(thing, state.clock()) ? thing : undefined;
  }

  return {
    async get(kind, key) {
      const thing = current(kind, key);
      return thing ? { value: structuredClone(thing.value), version: thing.version } : null;
    },

    async put(kind, key, value, { ifVersion, until } = {}) {
      const there = current(kind, key);
      const version = there?.version ?? 0;
      if (ifVersion !== undefined && ifVersion !== version) {
        return { won: false, value: structuredClone(there?.value ?? null), version };
      }
      kept(kind).set(key, { value: structuredClone(value), version: version + 1, until: until ?? null });
      return { won: true, value: structuredClone(value), version: version + 1 };
    },

    async list(kind, after, limit) {
      const now = state.clock();
      const things = new Map([...kept(kind)].filter(([, thing]) => !ended(thing, now)));
      return afterKey(things, after, limit).map(([key, { value, version }]) => ({ key, value: structuredClone(value), version }));
    },

    async remove(kind, key) {
      kept(kind).delete(key);
    },

    async forget(now, limit) {
      let removed = 0;
      for (const things of state.records.values()) {
        for (const [key, thing] of things) {
          if (removed < limit && ended(thing, now) && things.delete(key)) removed++;
        }
      }
      return removed;
    },
  };
}

function ended({ until }: SmallThing, now: number): boolean {
  return until !== null && until <= now;
}
