/** A KV whose refusals are waited out, and whose failures are errors of this package. */
import { NotSupportedError, StoreUnavailableError, TooLargeError } from "../../core/errors.ts";
import type { KVListing, KVNamespaceLike } from "./kv-namespace.ts";

/** The operations, as texts and milliseconds. They throw `StoreUnavailableError`, and `TooLargeError` for what no value can hold. */
export interface PatientKv {
  get(key: string): Promise<string | null>;
  /** `ttlMs`: KV may drop it after so long, a minute at least; null: never. `metadata`: what `list` tells of the key; absent: nothing. */
  put(key: string, text: string, ttlMs: number | null, metadata?: object): Promise<void>;
  delete(key: string): Promise<void>;
  /** Whether keys can be listed. */
  readonly lists: boolean;
  /** A page of at most `limit` keys, after the page that answered this cursor. Throws `NotSupportedError` where keys cannot be listed. */
  list(prefix: string, cursor: string | null, limit: number): Promise<KVListing>;
}

/** KV takes one write a second for a key, and refuses others. */
const WRITE_EVERY_MS = 1000;
/** A clock that ticks in milliseconds must not come a part of one too early. */
const MARGIN_MS = 10;
const TRIES = 5;
const SHORTEST_TTL_SECONDS = 60;
const LARGEST_VALUE = 25 * 1024 * 1024;
const MOST_LISTED = 1000;

function waiting(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Wraps a KV. `sleep` waits before a write that was refused is tried again. */
export function patientKv(kv: KVNamespaceLike, sleep: (ms: number) => Promise<void> = waiting): PatientKv {
  async function writing(write: () => Promise<unknown>): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await write();
        return;
      } catch (cause) {
        if (!isRefusal(cause) || tries >= TRIES)
          throw new StoreUnavailableError("Cloudflare KV did not take a write; try again in a moment", { cause });
      }
      await sleep(WRITE_EVERY_MS + MARGIN_MS);
    }
  }

  return {
    async get(key) {
      try {
        return (await kv.get(key)) ?? null;
      } catch (cause) {
        throw new StoreUnavailableError("Cloudflare KV did not answer; try again in a moment", { cause });
      }
    },
    put(key, text, ttlMs, metadata) {
      refuseTooLarge(text);
      if (ttlMs === null && metadata === undefined) return writing(() => kv.put(key, text));
      const options = {
        ...(ttlMs !== null && { expirationTtl: Math.max(SHORTEST_TTL_SECONDS, Math.ceil(ttlMs / 1000)) }),
        ...(metadata && { metadata }),
      };
      return writing(() => kv.put(key, text, options));
    },
    delete: (key) => writing(() => kv.delete(key)),
    lists: typeof kv.list === "function",
    async list(prefix, cursor, limit) {
      if (!kv.list) throw new NotSupportedError("This KV cannot list its keys; read conversations by their IDs");
      try {
        return await kv.list({ prefix, limit: Math.min(limit, MOST_LISTED), ...(cursor !== null && { cursor }) });
      } catch (cause) {
        throw new StoreUnavailableError("Cloudflare KV did not list its keys; try again in a moment", { cause });
      }
    },
  };
}

/** What Cloudflare and its local simulator answer to a write that comes too soon; they tell it by text alone. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (error as { status?: unknown }).status === 429 || /\b429\b|too many requests/i.test(error.message);
}

function refuseTooLarge(text: string): void {
  // A UTF-16 unit is at most three bytes.
  const bytes = text.length * 3 <= LARGEST_VALUE ? 0 : new TextEncoder().encode(text).length;
  if (bytes > LARGEST_VALUE) {
    throw new TooLargeError(`The conversation is too large for Cloudflare KV: ${bytes} bytes; at most ${LARGEST_VALUE} fit into a value`, {
      details: { bytes, limit: LARGEST_VALUE },
    });
  }
}
