/** What wiping or erasing a conversation would remove, for the question before it. */
import { onHold } from "../core/commit.ts";
import { originOf } from "../core/conversation.ts";
import { ConversationNotFoundError, GoneError } from "../core/errors.ts";
import type { ConversationManager } from "../core/manager.ts";
import type { Loss } from "./confirm.ts";
import { counted } from "./counted.ts";

/**
 * The loss, or null where there is nothing left to lose: it was done before. Throws what would stand in its way:
 * `ConversationNotFoundError`, or `ConflictError` under a legal hold.
 */
export async function lossOf(manager: ConversationManager, id: string, verb: "wipe" | "erase"): Promise<Loss | null> {
  let found;
  try {
    found = await manager.peekConversation(id, { messages: "none" });
  } catch (error) {
    if (error instanceof GoneError) return null;
    throw error;
  }
  if (found === null) throw new ConversationNotFoundError(id);
  const { hold, wiped, lastSeq } = originOf(found)!.head;
  if (hold) throw onHold();
  if (wiped && verb === "wipe") return null;
  return {
    deed: `${verb === "wipe" ? "Wiping" : "Erasing"} ${id}`,
    removes: wiped ? "what wiping has left of it" : `${counted(lastSeq, "message")} and all metadata`,
    details: { conversations: 1, messages: wiped ? 0 : lastSeq },
  };
}
