// All scripts of this adapter, by name.

import { COMMIT } from "./scripts/commit.ts";
import { CREATE } from "./scripts/create.ts";
import { LEASE_DUE, PEEK_DUE } from "./scripts/due.ts";
import { FORGET_ONCE } from "./scripts/forget-once.ts";
import { DELIVERED, OUTBOX } from "./scripts/outbox.ts";
import { READ, READ_MESSAGES } from "./scripts/reads.ts";
import { FORGET_RECORDS, GET_RECORD, LIST_RECORDS, PUT_RECORD, REMOVE_RECORD } from "./scripts/records.ts";
import { REMOVE } from "./scripts/remove.ts";
import { FORGET_WIPED, OPEN_STORE } from "./scripts/store.ts";
import { scriptOf, type Script } from "./script.ts";

const TEXTS = {
  create: CREATE,
  commit: COMMIT,
  read: READ,
  messages: READ_MESSAGES,
  remove: REMOVE,
  peekDue: PEEK_DUE,
  leaseDue: LEASE_DUE,
  outbox: OUTBOX,
  delivered: DELIVERED,
  forgetOnce: FORGET_ONCE,
  getRecord: GET_RECORD,
  putRecord: PUT_RECORD,
  listRecords: LIST_RECORDS,
  removeRecord: REMOVE_RECORD,
  forgetRecords: FORGET_RECORDS,
  openStore: OPEN_STORE,
  forgetWiped: FORGET_WIPED,
} as const;

/** The name of a script. */
export type ScriptName = keyof typeof TEXTS;

/** Scripts by name. */
export type Scripts = Readonly<Record<ScriptName, Script>>;

/** Makes all scripts ready. */
export async function allScripts(): Promise<Scripts> {
  const entries = await Promise.all(Object.entries(TEXTS).map(async ([name, text]) => [name, await scriptOf(text)] as const));
  // The cast: the names are those of TEXTS.
  return Object.fromEntries(entries) as Scripts;
}
