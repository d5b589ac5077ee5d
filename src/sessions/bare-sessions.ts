/** Sessions that lie under their own ID beside the store: where they may lie, what counts as one, and pointers to where they went. */
import { getOwn, isJsonObject } from "../core/json.ts";
import { joinSaves, readMessages, readSaves, type PendingSave } from "./pending-save.ts";
import type { Session } from "./session.ts";
import { textsOf } from "./transcript-texts.ts";
import { firstNew } from "./what-is-new.ts";

/** A place for bare sessions: texts by key, with a time to live in seconds. A Cloudflare KV namespace is one. */
export interface BareSessions {
  get(key: string): Promise<string | null | undefined>;
  put(key: string, value: string, options?: { expirationTtl?: number }): Promise<unknown>;
  delete(key: string): Promise<unknown>;
}

/** A session that lies bare. */
export interface BareSession extends Session {
  /** The saves that may not have arrived, oldest first. Older code leaves only the session. */
  unsaved?: PendingSave[];
  /** The conversation to which it was brought before. */
  movedTo?: string;
}

/** What lies under a key: a session, or where it went. */
export type Bare = { session: BareSession } | { movedTo: string };

/** `fallback_<milliseconds>_<9 of a-z0-9>` */
const FALLBACK_ID = /^fallback_\d{1,16}_[a-z0-9]{9}$/;
const LONGEST_KEY = 512;

/** Whether this is the ID of a session that was begun while the store could not be reached. */
export function isFallbackId(id: string): boolean {
  return FALLBACK_ID.test(id);
}

/** Which keys a caller may name: a browser must not reach anything else that lies in the same namespace. */
export function mayLieBare(id: string, isConversationId: (id: string) => boolean, legacy: RegExp | null): boolean {
  if (id === "" || id.includes(":") || id.length > LONGEST_KEY) return false;
  return isFallbackId(id) || isConversationId(id) || legacy?.test(id) === true;
}

/** What a stored text says, if it is a session or a pointer under this key; null: something else, which is left alone. */
export function readBare(key: string, text: string | null | undefined): Bare | null {
  if (typeof text !== "string") return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isJsonObject(value) || getOwn(value, "id") !== key) return null;
  const { movedTo, unsaved, ...rest } = value;
  const moved = typeof movedTo === "string" ? { movedTo } : null;
  if (moved && !Object.hasOwn(value, "messages")) return moved;
  const session = { ...(rest as unknown as Session), ...moved, messages: readMessages(getOwn(value, "messages")) };
  const saves = Array.isArray(unsaved) ? readSaves(unsaved) : [];
  // If one of them cannot be read, the session as a whole still says what was said.
  return { session: Array.isArray(unsaved) && saves.length === unsaved.length ? { ...session, unsaved: saves } : session };
}

/** The text of a pointer. */
export function pointer(key: string, movedTo: string): string {
  return JSON.stringify({ id: key, movedTo });
}

/** The saves of a session that lies bare; of one without a list, all that it holds. `key` and `at` are for that. */
export function savesOf(session: BareSession, key: string, at: number): PendingSave[] {
  return session.unsaved && session.unsaved.length > 0 ? session.unsaved : [{ key, at, messages: session.messages, whole: true }];
}

/** A session on top of what lies under its ID, if anything does: what another saver left there stays. */
export function joinBare(lying: Bare | null, session: BareSession & { unsaved: PendingSave[] }, key: string, at: number): BareSession {
  if (!lying) return session;
  if (!("session" in lying)) return { ...session, movedTo: lying.movedTo };
  const before = lying.session;
  const fresh = session.messages.slice(firstNew(textsOf(before.messages), textsOf(session.messages)));
  const unsaved = joinSaves(savesOf(before, key, at), session.unsaved);
  return { ...before, ...session, messages: [...before.messages, ...fresh], unsaved };
}
