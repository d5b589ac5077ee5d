/** Stores that are watched: a wrapper of all ports that tells of every call how long it took and whether it failed, and changes nothing. */
import type { Archive } from "../core/archive.ts";
import type { Directory } from "../core/directory.ts";
import type { HotStore } from "../core/hot-store.ts";
import type { Records } from "../core/records.ts";
import type { Stores } from "../core/stores.ts";

/** Told of a call when it has ended. `error` is what it threw, undefined if it did not. Must not throw. */
export type OnCall = (port: keyof Stores, method: string, ms: number, error: unknown) => void;

type Methods<P> = Readonly<Record<Exclude<keyof P, "capabilities" | "turn">, true>>;

const STORE = { read: true, messages: true, scan: true, probe: true, scrub: true, close: true } as const;

// A method that is added to a port does not compile until it is here.
const HOT: Methods<HotStore> = {
  ...STORE,
  create: true,
  commit: true,
  remove: true,
  heads: true,
  take: true,
  outbox: true,
  delivered: true,
  forgetOnce: true,
};
const ARCHIVE: Methods<Archive> = { ...STORE, put: true, erase: true, erasures: true, erased: true, purge: true };
const DIRECTORY: Methods<Directory> = {
  index: true,
  indexed: true,
  unindexed: true,
  indexUnindexed: true,
  list: true,
  analytics: true,
  live: true,
  bySubject: true,
  record: true,
  events: true,
  forgetEvents: true,
  purge: true,
};
const RECORDS: Methods<Records> = { get: true, put: true, list: true, remove: true, forget: true };

/** The methods of each port, as metrics name them. */
export const PORT_METHODS: Readonly<Record<keyof Stores, readonly string[]>> = {
  hot: [...Object.keys(HOT), "turn"],
  archive: Object.keys(ARCHIVE),
  directory: Object.keys(DIRECTORY),
  records: Object.keys(RECORDS),
};

type Call = (...args: unknown[]) => Promise<unknown>;

function timed(port: keyof Stores, method: string, onCall: OnCall, call: Call): Call {
  return async (...args) => {
    const started = performance.now();
    let failure: unknown;
    try {
      return await call(...args);
    } catch (error) {
      failure = error ?? new Error(`${port}.${method} failed without an error`);
      throw error;
    } finally {
      onCall(port, method, performance.now() - started, failure);
    }
  };
}

function watched<P extends object>(port: keyof Stores, real: P, methods: Methods<P>, onCall: OnCall): P {
  const wrapped: Record<string, Call> = {};
  for (const method of Object.keys(methods)) {
    const call = real[method as keyof P] as Call | undefined;
    if (call) wrapped[method] = timed(port, method, onCall, (...args) => Reflect.apply(call, real, args));
  }
  return { ...real, ...wrapped };
}

/** A hot store; what happens within its turns is watched as well. */
function watchedHot(real: HotStore, onCall: OnCall): HotStore {
  const hot = watched("hot", real, HOT, onCall);
  if (!real.turn) return hot;
  return {
    ...hot,
    turn: async <T>(id: string, work: (within: HotStore) => Promise<T>): Promise<T> => {
      const turn: Call = () => real.turn!(id, (within) => work(watchedHot(within, onCall)));
      return (await timed("hot", "turn", onCall, turn)()) as T;
    },
  };
}

/** Wraps stores. A port that is null stays null. */
export function watchedStores({ hot, archive, directory, records }: Stores, onCall: OnCall): Stores {
  return {
    hot: watchedHot(hot, onCall),
    archive: archive && watched("archive", archive, ARCHIVE, onCall),
    directory: directory && watched("directory", directory, DIRECTORY, onCall),
    records: records && watched("records", records, RECORDS, onCall),
  };
}
