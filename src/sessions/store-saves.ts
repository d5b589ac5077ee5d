/** How saves reach a conversation: each once, however often it is sent, and compared with what is stored where that is needed. */
import type { Conversation, Message } from "../core/conversation.ts";
import type { AppendOptions } from "../core/conversations.ts";
import { ConflictError, ConversationNotFoundError, InvalidInputError, TooLargeError, VersionMismatchError } from "../core/errors.ts";
import type { PendingSave } from "./pending-save.ts";
import type { SessionContext } from "./session-context.ts";
import type { SessionState } from "./session.ts";
import { textsOf } from "./transcript-texts.ts";
import { firstNew } from "./what-is-new.ts";

const ATTEMPTS = 100;

/** Whether the store will not take what was given to it, now or later; nothing of it was stored. */
export function isRefusal(error: unknown): boolean {
  return error instanceof InvalidInputError || error instanceof TooLargeError;
}

/** Appends what is new by itself, as it is. Throws as `appendMessages` does. */
export async function sendSave(context: SessionContext, id: string, save: PendingSave, state: SessionState | null): Promise<void> {
  if (state || save.messages.length > 0) await append(context, id, save, save.messages, state);
}

/**
 * Brings a save to a conversation that may have moved on: what is new of a whole one is told from what is stored, and so
 * is the state, if `stateFor` is given. Tried again when that has moved meanwhile. False: there is no such conversation.
 */
export async function bringSave(
  context: SessionContext,
  id: string,
  save: PendingSave,
  stateFor: ((stored: Conversation) => SessionState) | null,
): Promise<boolean> {
  const given = save.whole ? textsOf(save.messages) : null;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const stored = await context.manager.peekConversation(id, given ? {} : { messages: "none" });
    if (!stored) return false;
    const fresh = given ? save.messages.slice(firstNew(textsOf(stored.messages), given)) : save.messages;
    const state = stateFor?.(stored) ?? null;
    if (!state && fresh.length === 0) return true;
    try {
      await append(context, id, save, fresh, state, stored.version);
      return true;
    } catch (error) {
      if (error instanceof ConversationNotFoundError) return false;
      if (!(error instanceof VersionMismatchError)) throw error;
    }
  }
  throw new ConflictError("The conversation is changing too fast; try again in a moment");
}

async function append(
  context: SessionContext,
  id: string,
  save: PendingSave,
  messages: Message[],
  state: SessionState | null,
  expectedVersion?: number,
): Promise<void> {
  const options: AppendOptions = { asTranscript: true };
  if (state) options.state = state;
  if (expectedVersion !== undefined) options.expectedVersion = expectedVersion;
  if (context.idempotent) options.idempotencyKey = { key: `session save ${save.key}`, fingerprint: "session save" };
  await context.manager.appendMessages(id, messages, options);
}
