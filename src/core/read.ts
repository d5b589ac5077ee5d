/** Reading: with access, which coalesces touches and archives what has expired, or without any side effect. */
import { toConversation, type Conversation } from "./conversation.ts";
import type { Messages } from "./conversations.ts";
import { checkId, expire, readWhole, type Context } from "./commit.ts";
import { ConversationError, GoneError, InvalidInputError } from "./errors.ts";
import type { Head, Whole } from "./head.ts";
import { accessTouch, phaseOf } from "./lifecycle.ts";
import { copyBack } from "./non-atomic.ts";
import { verbInput } from "./settings.ts";

/** A read writes a touch at most so often. */
const TOUCH_EVERY_MS = 60_000;

/** How many messages an option asks for. */
export function windowOf(messages: Messages | undefined): number {
  if (messages === undefined || messages === "all") return Infinity;
  if (messages === "none") return 0;
  if (typeof messages !== "number" || !Number.isSafeInteger(messages) || messages < 0) {
    throw new InvalidInputError('messages must be "all", "none" or a whole number of 0 or more');
  }
  return messages;
}

/** How an expired conversation looks before anybody has archived it. */
export function seenAsArchived(head: Head): Head {
  return { ...head, status: "archived", archivedAt: head.expiresAt, archiveReason: "expired", expiresAt: null };
}

/** `peekConversation` of the interface. */
export async function peekConversation(context: Context, id: string, options: { messages?: Messages } = {}): Promise<Conversation | null> {
  checkId(context, id);
  const found = await readWhole(context, id, windowOf(options.messages));
  if (!found) return null;
  const { head, messages } = found.whole;
  if (head.status === "deleted") throw new GoneError();
  return toConversation(phaseOf(head, context.settings.clock()) === "expired" ? seenAsArchived(head) : head, messages);
}

/** `getConversation` of the interface. */
export async function getConversation(context: Context, id: string, options: { messages?: Messages } = {}): Promise<Conversation | null> {
  checkId(context, id);
  const window = windowOf(options.messages);
  const found = await readWhole(context, id, window);
  if (!found) return null;
  if (found.place === "archive") await copyBack(context, found.whole.head);
  const { head, messages } = await accessed(context, found.whole, found.place, window);
  if (head.status === "deleted") throw new GoneError();
  return toConversation(head, messages);
}

/** What access does. A store that cannot be written to does not keep anybody from reading. */
async function accessed(context: Context, whole: Whole, place: "hot" | "archive", window: number): Promise<Whole> {
  const { stores, settings } = context;
  const { head, messages } = whole;
  const input = verbInput(settings);
  const phase = phaseOf(head, input.now);
  if (place === "archive" || (phase !== "active" && phase !== "completed" && phase !== "expired")) return whole;
  try {
    if (phase === "expired") {
      const { done, head: after } = await expire(context, head.id, head.version);
      if (done) return { head: after!, messages };
      // Archived, extended or written to by somebody else meanwhile: what is there now is the answer.
      return (await readWhole(context, head.id, window))?.whole ?? { head: seenAsArchived(head), messages };
    }
    if (head.lastAccess !== null && head.expiresAt !== null && input.now - head.lastAccess <= TOUCH_EVERY_MS) return whole;
    const touch = accessTouch(input);
    const result = await stores.hot.commit(head.id, { now: input.now, require: { openAt: input.now }, touch });
    if (result.outcome !== "done" || result.head.version !== head.version) return whole;
    return { head: result.head, messages };
  } catch (error) {
    if (!(error instanceof ConversationError)) throw error;
    settings.onError(error, "touch");
    return phase === "expired" ? { head: seenAsArchived(head), messages } : whole;
  }
}
