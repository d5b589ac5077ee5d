// A KV namespace with everything that Cloudflare's has, `list` and metadata too, that keeps production's rules, which the local simulator
// does not: one write a second for a key, values and lists that may be a minute old, the same answer for a minute to what was not there.

import type { KVListing } from "../src/adapters/cloudflare-kv/kv-namespace.ts";
import { KvDouble, type KvDoubleOptions, type KvView } from "./classic/kv-double.ts";

const CACHED_MS = 60_000;
const MOST_LISTED = 1000;
const LARGEST_METADATA = 1024;

interface PutOptions {
  expirationTtl?: number;
  metadata?: unknown;
}

interface ListOptions {
  prefix?: string;
  limit?: number;
  cursor?: string | null;
}

/** A place at which a namespace is used. */
export interface ListingView extends KvView {
  put(key: string, value: string, options?: PutOptions): Promise<void>;
  list(options?: ListOptions): Promise<KVListing>;
}

/** A namespace. `values` has its keys, and counts reads and writes; used directly it answers what is stored, through `view` what may be old. */
export class KvProductionDouble implements ListingView {
  readonly values: KvDouble;
  /** How many pages of keys were asked for. */
  lists = 0;
  readonly #clock: () => number;
  readonly #metadata = new Map<string, unknown>();

  constructor(options: KvDoubleOptions = {}) {
    this.values = new KvDouble(options);
    this.#clock = options.clock ?? Date.now;
  }

  get(key: string): Promise<string | null> {
    return this.values.get(key);
  }

  put(key: string, value: string, options: PutOptions = {}): Promise<void> {
    return this.#put(this.values, key, value, options);
  }

  async delete(key: string): Promise<void> {
    await this.values.delete(key);
    this.#metadata.delete(key);
  }

  async list({ prefix = "", limit = MOST_LISTED, cursor = null }: ListOptions = {}): Promise<KVListing> {
    await Promise.resolve();
    this.lists++;
    if (limit < 1 || limit > MOST_LISTED) throw new Error(`KV GET failed: 400 Invalid key_count_limit of ${limit}.`);
    const after = cursor === null ? null : cursor.slice("after ".length);
    const keys = this.values.keys().filter((key) => key.startsWith(prefix) && (after === null || key > after));
    const page = keys.toSorted().slice(0, limit);
    const listed = page.map((name) => ({ name, ...(this.#metadata.has(name) && { metadata: this.#metadata.get(name) }) }));
    return page.length < keys.length
      ? { keys: listed, list_complete: false, cursor: `after ${page.at(-1)}` }
      : { keys: listed, list_complete: true };
  }

  /** As `KvDouble.view`, and lists are as old as values. */
  view(options: { ownToo?: boolean } = {}): ListingView {
    const values = this.values.view(options);
    const cache = new Map<string, { listing: KVListing; until: number }>();
    return {
      get: (key) => values.get(key),
      put: (key, value, given = {}) => this.#put(values, key, value, given),
      delete: async (key) => {
        await values.delete(key);
        this.#metadata.delete(key);
      },
      list: async (asked = {}) => {
        const name = JSON.stringify(asked);
        const cached = cache.get(name);
        if (cached && cached.until > this.#clock()) return cached.listing;
        const listing = await this.list(asked);
        cache.set(name, { listing, until: this.#clock() + CACHED_MS });
        return listing;
      },
    };
  }

  async #put(values: KvView, key: string, value: string, { metadata, ...options }: PutOptions): Promise<void> {
    const text = metadata === undefined ? "" : JSON.stringify(metadata);
    if (text.length > LARGEST_METADATA) throw new Error("KV PUT failed: 413 Metadata length exceeds limit of 1024.");
    await values.put(key, value, options);
    if (metadata === undefined) this.#metadata.delete(key);
    else this.#metadata.set(key, JSON.parse(text));
  }
}
