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

const CAPABILITIES: HotCapabilities = {
  atomic: false,
  scan: false,
  due: "take",
  latency: "network",
  maxMessageBytes: 16 * 1024 * 1024,
  once: false,
  overwrittenWithinMs: null,
};

/**
 * A hot store over a KV. Events are kept in the document, the newest 100; there is no outbox, so none wait in it.
 * `scan` and `take` throw `NotSupportedError`, and so does an idempotency key: KV can neither list by time nor compare.
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
    capabilities: CAPABILITIES,
    async read(id, window) {
      return windowOf((await engine.load(id)).document, window);
    },
    async messages(id, page) {
      return pageOf((await engine.load(id)).document, page);
    },
    async scan() {
      throw new NotSupportedError("Cloudflare KV cannot list conversations; read them by their IDs");
    },
    create: (whole, creation) => turn(whole.head.id, (hot) => hot.create(whole, creation)),
    commit: (id, change) => turn(id, (hot) => hot.commit(id, change)),
    remove: (id, ifVersion) => turn(id, (hot) => hot.remove(id, ifVersion)),
    async heads(ids) {
      const found = await Promise.all(ids.map((id) => engine.load(id)));
      return found.map(({ document }) => document?.whole.head ?? null);
    },
    async take() {
      throw new NotSupportedError("Cloudflare KV cannot tell what is due; what has expired is archived by the read that finds it");
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
