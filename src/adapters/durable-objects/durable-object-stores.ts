/** Stores whose live conversations are Durable Objects; what is over, lists and small things are kept by the stores beside them. */
import type { Archive } from "../../core/archive.ts";
import type { Directory } from "../../core/directory.ts";
import type { Records } from "../../core/records.ts";
import type { Stores } from "../../core/stores.ts";
import { durableObjectHotStore, type DurableObjectHotStoreOptions } from "./hot-store.ts";

export type { DurableObjectNamespaceLike } from "./durable-object-namespace.ts";
export { ConversationObjectCore, type ConversationObjectOptions } from "./conversation-object.ts";
export { durableObjectRateLimiter, type DurableObjectRateLimiterOptions } from "./rate-limiter.ts";
export { durableObjectRecords, type DurableObjectRecordsOptions } from "./records.ts";
export type { AnyObjectLike } from "./any-object.ts";
export type { RatesObjectLike } from "./rates-object.ts";
export type { RecordsObjectLike } from "./records-object.ts";
export type { ConversationObjectLike } from "./replies.ts";

/** Options of `durableObjectStores`. */
export interface DurableObjectOptions extends DurableObjectHotStoreOptions {
  /** Without one, what is over stays in its object. The objects themselves must be given the same. */
  archive?: Archive | null;
  directory?: Directory | null;
  /** Those of the archive's database, or `durableObjectRecords`. */
  records?: Records | null;
}

/**
 * Stores over a namespace of conversation objects. The objects' class passes on to archive and directory by its alarm, so it must know the
 * same ones, and the directory knows of a change about a second later. Without records there is no idempotent creation. The objects' clock is
 * their own (`ConversationObjectOptions.clock`). To keep them in one jurisdiction, give `namespace.jurisdiction("eu")`.
 *
 * @example
 * const manager = new ConversationManager(durableObjectStores({ namespace: env.CONVERSATIONS, archive, directory, records }));
 */
export function durableObjectStores({ archive = null, directory = null, records = null, ...hot }: DurableObjectOptions): Stores {
  return { hot: durableObjectHotStore(hot), archive, directory, records };
}
