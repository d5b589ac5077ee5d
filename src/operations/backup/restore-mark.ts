/** How far a restore into a database has come, kept there: what is unfinished is not served, and goes on where it was. */
import { isJsonObject, type Json } from "../../core/json.ts";
import type { Records } from "../../core/records.ts";

const KIND = "job";
const KEY = "restore";

/** The mark of a restore. */
export interface RestoreMark {
  readonly backup: string;
  /** Drawn at the first run; incarnations are made from it, so that every run of one restore makes the same ones. */
  readonly salt: string;
  /** Conversations up to this ID are restored. */
  readonly after: string;
  readonly done: boolean;
}

/** The mark that is there; null: nothing was ever restored here. */
export async function restoreMark(records: Records): Promise<RestoreMark | null> {
  const value = (await records.get(KIND, KEY))?.value;
  return value !== undefined && isJsonObject(value) ? (value as unknown as RestoreMark) : null;
}

/** Sets the mark. */
export async function setRestoreMark(records: Records, mark: RestoreMark): Promise<void> {
  await records.put(KIND, KEY, { ...mark } as unknown as Json);
}
