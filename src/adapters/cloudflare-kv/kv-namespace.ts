/** What is needed of a KV: three methods on texts, and where there is one a fourth that lists keys. Cloudflare's `KVNamespace` has them all. */

/** A key as `list` answers it, with what was stored beside its value. */
export interface KVListedKey {
  readonly name: string;
  readonly metadata?: unknown;
}

/** A page of keys, in their order. */
export interface KVListing {
  readonly keys: readonly KVListedKey[];
  readonly list_complete: boolean;
  readonly cursor?: string;
}

/** A key-value store of texts. `undefined` counts as null. A write that comes too soon after another one rejects with an error that names 429. */
export interface KVNamespaceLike {
  get(key: string): Promise<string | null | undefined>;
  /** `metadata` is only given where there is `list`. */
  put(key: string, value: string, options?: { expirationTtl?: number; metadata?: unknown }): Promise<unknown>;
  delete(key: string): Promise<unknown>;
  /** At most 1,000 keys that begin with `prefix`. Without this method conversations can be read by their IDs alone. */
  list?(options: { prefix: string; limit?: number; cursor?: string | null }): Promise<KVListing>;
}
