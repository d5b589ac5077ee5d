/** The conversations that somebody follows: one, or all that are in the hot store. */
import { originOf } from "../core/conversation.ts";
import { ConversationNotFoundError, NotSupportedError } from "../core/errors.ts";
import type { Head } from "../core/head.ts";
import type { ConversationManager } from "../core/manager.ts";

const PAGE = 1000;

/** One conversation, wherever it is. Throws `ConversationNotFoundError`, `GoneError`, `InvalidConversationIdError`. */
export async function* headOf(manager: ConversationManager, id: string): AsyncGenerator<Head> {
  const conversation = await manager.peekConversation(id, { messages: "none" });
  if (conversation === null) throw new ConversationNotFoundError(id);
  yield originOf(conversation)!.head;
}

/** Which of all. */
export interface Wanted {
  source?: string;
  /** A letter. */
  environment?: string;
}

/** All that live, and those that have not left the hot store yet. What changes comes back to it, so that nothing new is missed. */
export async function* headsInHot({ stores: { hot } }: ConversationManager, { source, environment }: Wanted): AsyncGenerator<Head> {
  if (!hot.capabilities.scan) throw new NotSupportedError("This store cannot tell which conversations it holds; follow one by its ID");
  for (let after: string | null = null; ;) {
    const heads: Head[] = await hot.scan(after, PAGE);
    for (const head of heads) {
      if ((source === undefined || head.source === source) && (environment === undefined || head.environment === environment)) yield head;
    }
    if (heads.length < PAGE) return;
    after = heads.at(-1)!.id;
  }
}
