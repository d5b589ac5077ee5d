/**
 * The hot store over a plain KV: one value for each conversation, the last writer wins. It is written without a TTL, since
 * expiry is a field of ours. KV reads are cached for up to a minute, and so is that nothing is there: a new conversation
 * is therefore written without looking first, and relies on its ID being drawn at random.
 */
import { NotSupportedError } from "../../core/errors.ts";
import type { HotCapabilities, HotStore } from "../../core/hot-store.ts";
import { openEngine, type KvHotStoreOptions } from "./engine.ts";
import type { KVNamespaceLike } from "./kv-namespace.ts";
import { beginTurn, pageOf, windowOf } from "./one-turn.ts";
import { STALE_MS } from "./recent-writes.ts";
import { scan } from "./scan.ts";
import { take } from "./take.ts";

const CAPABILITIES: Omit<HotCapabilities, "scan"> = {
  atomic: false,
  staleMs: STALE_MS,
  due: "take",
  latency: "network",
  maxMessageBytes: 16 * 1024 * 1024,
  once: false,
  overwrittenWithinMs: null,
};

/**
 * A hot store over a KV. Events are kept in the document, the newest 100; there is no outbox, so none wait in it. An
 * idempotency key throws `NotSupportedError`, since KV cannot compare; so do `scan` and `take` over a KV without `list`.
 * Leases of `take` hold in this process alone.
 */
export function kvHotStore(kv: KVNamespaceLike, options: KvHotStoreOptions = {}): HotStore {
  const engine = openEngine(kv, options);

  function turn<T>(id: string, work: (hot: HotStore) => Promise<T>): Promise<T> {
    return engine.inTurn(id, async () => {
      const begun = beginTurn(engine, store, id);
      let result: T;
      try {
        result = await work(begun.hot);
      } catch (error) {
        // What was decided before the failure is carried out; the failure is what is told.
        await begun.end().catch(() => {});
        throw error;
      }
      await begun.end();
      return result;
    });
  }

  const store: HotStore = {
    capabilities: { ...CAPABILITIES, scan: engine.lists },
    async read(id, window) {
      return windowOf((await engine.load(id)).document, window);
    },
    async messages(id, page) {
      return pageOf((await engine.load(id)).document, page);
    },
    async scan(after, limit) {
      if (!engine.lists) throw new NotSupportedError("This KV cannot list conversations; read them by their IDs");
      return scan(engine, after, limit);
    },
    create: (whole, creation) => turn(whole.head.id, (hot) => hot.create(whole, creation)),
    commit: (id, change) => turn(id, (hot) => hot.commit(id, change)),
    remove: (id, ifVersion) => turn(id, (hot) => hot.remove(id, ifVersion)),
    async heads(ids) {
      const found = await Promise.all(ids.map((id) => engine.load(id)));
      return found.map(({ document }) => document?.whole.head ?? null);
    },
    async take(what, before, limit, leaseMs) {
      if (!engine.lists)
        throw new NotSupportedError("This KV cannot tell what is due; what has expired is archived by the read that finds it");
      return take(engine, what, before, { limit, leaseMs });
    },
    async outbox() {
      return [];
    },
    async delivered() {},
    async forgetOnce() {
      return 0;
    },
    turn,
    async probe() {
      await engine.probe();
      return { now: engine.clock() };
    },
    async scrub() {
      return true;
    },
    async close() {},
  };
  return store;
}
