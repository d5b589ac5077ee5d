// A KV that keeps Cloudflare's real rules, which no local simulator does: one write a second for a key, answers from
// before a write, the same answer for what was never there and what was deleted.

/** One write that was taken. */
export interface KvWrite {
  readonly what: "put" | "delete";
  readonly key: string;
  readonly ttl: number | null;
}

/** Options of a double. */
export interface KvDoubleOptions {
  /** Epoch milliseconds; `Date.now` by default. */
  clock?: () => number;
  /** Refuse a second write on a key within a second. Default true. */
  writeLimit?: boolean;
}

interface Stored {
  readonly value: string;
  readonly endsAt: number;
}

const WRITE_EVERY_MS = 1000;
const CACHED_MS = 60_000;
const SHORTEST_TTL = 60;
const encoder = new TextEncoder();

/** A place at which a KV is used, with a cache of its own. */
export interface KvView {
  get(key: string): Promise<string | null>;
  put(key: string, value: string, options?: { expirationTtl?: number }): Promise<void>;
  delete(key: string): Promise<void>;
}

/** A namespace. Used directly it answers what is stored; through `view` it may answer what was. */
export class KvDouble implements KvView {
  /** Every key that was asked for, in order. */
  readonly reads: string[] = [];
  readonly writes: KvWrite[] = [];
  /** How many writes were refused as coming too soon. */
  refused = 0;
  /** What an operation rejects with instead of happening; null: nothing. */
  fault: (what: "get" | "put" | "delete", key: string) => Error | null = () => null;
  readonly #clock: () => number;
  readonly #writeLimit: boolean;
  readonly #stored = new Map<string, Stored>();
  readonly #writtenAt = new Map<string, number>();

  constructor({ clock = Date.now, writeLimit = true }: KvDoubleOptions = {}) {
    this.#clock = clock;
    this.#writeLimit = writeLimit;
  }

  async get(key: string): Promise<string | null> {
    await this.#door("get", key);
    this.reads.push(key);
    return this.#current(key);
  }

  async put(key: string, value: string, options: { expirationTtl?: number } = {}): Promise<void> {
    await this.#door("put", key);
    const { expirationTtl: ttl = null } = options;
    if (typeof value !== "string") throw new TypeError("KV put() accepts only strings here");
    if (encoder.encode(value).length > 25 * 1024 * 1024) throw new Error("KV PUT failed: 413 Value length exceeds limit of 26214400.");
    if (ttl !== null && (!Number.isInteger(ttl) || ttl < SHORTEST_TTL)) {
      throw new Error(`KV PUT failed: 400 Invalid expiration_ttl of ${ttl}. Expiration TTL must be at least 60.`);
    }
    this.#count("put", key, ttl);
    this.#stored.set(key, { value, endsAt: ttl === null ? Infinity : this.#clock() + ttl * 1000 });
  }

  async delete(key: string): Promise<void> {
    await this.#door("delete", key);
    this.#count("delete", key, null);
    this.#stored.delete(key);
  }

  /** What is stored, without an operation; undefined: nothing. As a parsed value. */
  peek(key: string): Record<string, unknown> | undefined {
    const value = this.#current(key);
    return value === null ? undefined : (JSON.parse(value) as Record<string, unknown>);
  }

  /** Stores a value as another program would, outside all counting. */
  fill(key: string, value: unknown): void {
    this.#stored.set(key, { value: typeof value === "string" ? value : JSON.stringify(value), endsAt: Infinity });
  }

  keys(): string[] {
    return [...this.#stored.keys()].filter((key) => this.#current(key) !== null);
  }

  /** When a key ends, in seconds from now; null: never. */
  ttlOf(key: string): number | null {
    const endsAt = this.#stored.get(key)?.endsAt ?? Infinity;
    return endsAt === Infinity ? null : Math.round((endsAt - this.#clock()) / 1000);
  }

  /**
   * The namespace as one place sees it. What was read there (also that nothing is) is answered again for a minute, whatever
   * is written elsewhere meanwhile; `ownToo`: even what is written there.
   */
  view({ ownToo = false }: { ownToo?: boolean } = {}): KvView {
    const cache = new Map<string, { value: string | null; until: number }>();
    return {
      get: async (key) => {
        const cached = cache.get(key);
        if (cached && cached.until > this.#clock()) {
          await this.#door("get", key);
          this.reads.push(key);
          return cached.value;
        }
        const value = await this.get(key);
        cache.set(key, { value, until: this.#clock() + CACHED_MS });
        return value;
      },
      put: async (key, value, options) => {
        await this.put(key, value, options);
        if (!ownToo) cache.set(key, { value, until: this.#clock() + CACHED_MS });
      },
      delete: async (key) => {
        await this.delete(key);
        if (!ownToo) cache.set(key, { value: null, until: this.#clock() + CACHED_MS });
      },
    };
  }

  /** Every operation takes a moment, and no key is longer than 512 bytes. */
  async #door(what: "get" | "put" | "delete", key: string): Promise<void> {
    await Promise.resolve();
    const fault = this.fault(what, key);
    if (fault) throw fault;
    if (key === "" || encoder.encode(key).length > 512) throw new Error("KV failed: 414 UTF-8 encoded length of key exceeds limit of 512.");
  }

  #current(key: string): string | null {
    const stored = this.#stored.get(key);
    return stored && stored.endsAt > this.#clock() ? stored.value : null;
  }

  #count(what: KvWrite["what"], key: string, ttl: number | null): void {
    const now = this.#clock();
    if (this.#writeLimit && now - (this.#writtenAt.get(key) ?? -Infinity) < WRITE_EVERY_MS) {
      this.refused++;
      throw new Error(`KV ${what.toUpperCase()} failed: 429 Too Many Requests`);
    }
    this.#writtenAt.set(key, now);
    this.writes.push({ what, key, ttl });
  }
}
