// What the two workers can be asked to do, by name. Their callers use only the types.

import { erase, purge, put } from "./archive-writes.ts";
import { countPast, erasures, longArchived, scanArchived } from "./archive-reads.ts";
import { analytics, bySubject, countLive, events, indexed, list } from "./directory-reads.ts";
import { forgetEvents, index, purgeEntries, record } from "./directory-writes.ts";
import { liveHeads, longLive, scanLive } from "./live-reads.ts";
import { commit, create, remove } from "./live-writes.ts";
import { forgetOnce } from "./once.ts";
import { delivered, outbox } from "./outbox.ts";
import { listRecords } from "./record-reads.ts";
import { forgetRecords, putRecord, removeRecord } from "./record-writes.ts";
import { search } from "./search.ts";
import { take } from "./take.ts";

/** Each runs inside a transaction of the write worker; its first argument is a `Work`. */
export const WRITES = {
  create,
  commit,
  remove,
  take,
  outbox,
  delivered,
  forgetOnce,
  put,
  erase,
  purge,
  index,
  record,
  forgetEvents,
  purgeEntries,
  putRecord,
  removeRecord,
  forgetRecords,
};

/** What the write worker can be asked: its writes, and to scrub, which happens outside a transaction. */
export type Writes = typeof WRITES & { readonly scrub: (context: never) => boolean };

/** Each runs on the read worker; its first argument is a `Connection`. */
export const READS = {
  longLive,
  liveHeads,
  scanLive,
  longArchived,
  scanArchived,
  erasures,
  countPast,
  list,
  search,
  analytics,
  countLive,
  bySubject,
  indexed,
  events,
  listRecords,
};

/** What the read worker can be asked. */
export type Reads = typeof READS;
