/** What is needed of a KV: three methods on texts. Cloudflare's `KVNamespace` has them, and so has any double. */

/** A key-value store of texts. `undefined` counts as null. A write that comes too soon after another one rejects with an error that names 429. */
export interface KVNamespaceLike {
  get(key: string): Promise<string | null | undefined>;
  put(key: string, value: string, options?: { expirationTtl?: number }): Promise<unknown>;
  delete(key: string): Promise<unknown>;
}
