/** Stores over a plain KV, for existing deployments: everything in the same key, or with an archive behind it. */
import type { Archive } from "../../core/archive.ts";
import type { Stores } from "../../core/stores.ts";
import type { KvHotStoreOptions } from "./engine.ts";
import { kvHotStore } from "./hot-store.ts";
import type { KVNamespaceLike } from "./kv-namespace.ts";

export type { KVNamespaceLike } from "./kv-namespace.ts";

/** Options of `kvStores`. */
export interface KvOptions extends KvHotStoreOptions {
  kv: KVNamespaceLike;
  /** Without one, what is over stays in KV. */
  archive?: Archive | null;
}

/**
 * Stores over a KV. There is no directory and there are no records, so lists, search, events, analytics and idempotency
 * are `not_supported`. Runs anywhere.
 *
 * @example
 * const manager = new ConversationManager(kvStores({ kv: env.CHAT_SESSIONS }));
 */
export function kvStores({ kv, archive = null, ...options }: KvOptions): Stores {
  return { hot: kvHotStore(kv, options), archive, directory: null, records: null };
}
