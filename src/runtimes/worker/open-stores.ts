/** The stores that a Worker's bindings name. */
import { kvHotStore } from "../../adapters/cloudflare-kv/hot-store.ts";
import { kvStores } from "../../adapters/cloudflare-kv/kv-stores.ts";
import { durableObjectStores } from "../../adapters/durable-objects/durable-object-stores.ts";
import { durableObjectRecords } from "../../adapters/durable-objects/records.ts";
import type { HotStore } from "../../core/hot-store.ts";
import { movingHotStore, type MovingHotStore } from "../../core/moving-store.ts";
import type { Records } from "../../core/records.ts";
import type { Stores } from "../../core/stores.ts";
import type { CheckedSettings } from "../check-settings.ts";
import { ConfigurationError } from "../node/configuration-error.ts";
import { openBehind } from "./behind.ts";
import type { Env } from "./env.ts";

/** What moves, and where to. */
export interface Moving {
  /** The old store; told of each record in it that is not readable when all are listed. */
  readonly from: (onUnreadable: (id: string, error: Error) => void) => HotStore;
  readonly to: MovingHotStore;
}

/** Stores that are open. */
export interface OpenStores {
  readonly stores: Stores;
  /** Where API keys are: in objects, else in the database; null: nowhere, since KV would let a revoked key in for a minute. */
  readonly keyRecords: Records | null;
  /** The KV that conversations move out of, and the store that takes them; null: nothing moves. */
  readonly moving: Moving | null;
}

/** All stores: live conversations are in objects, else in KV. Throws `ConfigurationError` if neither is bound. */
export async function openStores(env: Env, settings: CheckedSettings): Promise<OpenStores> {
  const behind = await openBehind(env, settings);
  const { kvPrefix: prefix } = settings;
  if (env.CONVERSATIONS) {
    const stores = durableObjectStores({ namespace: env.CONVERSATIONS, ...behind });
    const keyRecords = durableObjectRecords({ namespace: env.CONVERSATIONS });
    if (!env.CONVERSATIONS_FROM) return { stores, keyRecords, moving: null };
    const old = env.CONVERSATIONS_FROM;
    const from = (onUnreadable?: (id: string, error: Error) => void) => kvHotStore(old, { prefix, ...(onUnreadable && { onUnreadable }) });
    const to = movingHotStore({ from: from(), to: stores.hot, archive: stores.archive });
    return { stores: { ...stores, hot: to }, keyRecords, moving: { from, to } };
  }
  // KV passes nothing on, so a directory would know nothing; and it keeps no idempotency entries, so there is nothing to claim.
  if (env.CHAT_SESSIONS) {
    const stores = kvStores({ kv: env.CHAT_SESSIONS, prefix, archive: behind.archive });
    return { stores, keyRecords: behind.records, moving: null };
  }
  throw new ConfigurationError([
    {
      variable: "CONVERSATIONS",
      wrong: "no place for conversations is bound",
      right: "bind CONVERSATIONS (objects) or CHAT_SESSIONS (KV)",
    },
  ]);
}
