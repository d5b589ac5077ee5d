/** From an ID to its conversation, or to what lies bare under it; and beginning a new one. */
import { originOf, type Conversation } from "../core/conversation.ts";
import { ConflictError, GoneError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import { mayLieBare, readBare, type Bare } from "./bare-sessions.ts";
import type { SessionContext } from "./session-context.ts";
import { sessionFrom, type Session } from "./session.ts";
import { textsOf } from "./transcript-texts.ts";

const MAX_ORIGINAL = 128;

/** What was given as an ID, as it can be kept: at most 128 characters of well-formed text. */
export function originalId(given: unknown): string {
  let text: string;
  try {
    text = String(given);
  } catch {
    text = typeof given;
  }
  return text.slice(0, MAX_ORIGINAL).replaceAll("\0", "").toWellFormed();
}

/** A conversation as a session object whose messages are known to be stored. */
export function remember(context: SessionContext, conversation: Conversation): Session {
  const session = sessionFrom(conversation);
  context.known.set(session, textsOf(session.messages));
  context.known.see(session);
  return session;
}

/** The conversation of an ID. `closed`: it was erased or wiped; null: there is none. Counts as access. */
export async function look(context: SessionContext, id: string): Promise<Conversation | "closed" | null> {
  if (!context.ids.validate(id)) return null;
  try {
    const conversation = await context.manager.getConversation(id);
    return conversation && isWiped(conversation) ? "closed" : conversation;
  } catch (error) {
    if (error instanceof GoneError) return "closed";
    throw error;
  }
}

/** A skeleton, of which nothing is left but what it counted. */
function isWiped(conversation: Conversation): boolean {
  const { status, messageCount, messages } = conversation;
  return originOf(conversation)?.head.wiped ?? (status === "archived" && messageCount > messages.length);
}

/** Whether an error means that the conversation was erased or wiped. */
export async function isClosed(context: SessionContext, error: unknown, id: string): Promise<boolean> {
  return error instanceof GoneError || (error instanceof ConflictError && (await look(context, id)) === "closed");
}

/** Begins a conversation. With `once`, all who begin under it get the same one; `closed`: that was erased or wiped since. */
export async function begin(context: SessionContext, metadata: JsonObject, once: string): Promise<Conversation | "closed">;
export async function begin(context: SessionContext, metadata: JsonObject): Promise<Conversation>;
export async function begin(context: SessionContext, metadata: JsonObject, once?: string): Promise<Conversation | "closed"> {
  if (once === undefined || !context.idempotent) return context.manager.createConversation({ metadata });
  try {
    const begun = await context.manager.createConversation({ metadata }, { idempotencyKey: { key: `session ${once}`, fingerprint: once } });
    // What is answered to a repeat is how it began; it has gone on since.
    return originOf(begun)?.replayed === false ? begun : ((await look(context, begun.id)) ?? begun);
  } catch (error) {
    if (error instanceof GoneError || error instanceof ConflictError) return "closed";
    throw error;
  }
}

/** Whether a session may lie bare under this ID. Only such IDs are nobody else's. */
export function mayLie(context: SessionContext, id: string): boolean {
  return mayLieBare(id, context.ids.validate, context.legacy);
}

/** What lies under the ID itself, and its text. */
export async function bareUnder(context: SessionContext, id: string): Promise<{ bare: Bare; text: string } | null> {
  if (!context.bare || !mayLie(context, id)) return null;
  const text = await context.bare.get(id);
  const bare = readBare(id, text);
  return bare && typeof text === "string" ? { bare, text } : null;
}

/** The same where it is not worth failing for: a place that cannot be read does not keep anybody from the store. */
export async function bareIfReadable(context: SessionContext, id: string): ReturnType<typeof bareUnder> {
  try {
    return await bareUnder(context, id);
  } catch (error) {
    context.onError(error, "look for a bare session");
    return null;
  }
}
