/** What follows a change: lists, searches and events learn of it at once, also where no server runs. */
import type { ConversationManager } from "../core/manager.ts";
import type { Output } from "./output.ts";

/** What somebody else has left in the outbox beyond this is left to the server. */
const AT_MOST = 5000;

/** Passes the outbox on. The change itself is stored by then: that this fails is a note, and no failure of the command. */
export async function passOn(manager: ConversationManager, output: Output): Promise<void> {
  try {
    await manager.deliver(AT_MOST);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    output.note(`itera: it is done, but lists and searches will know it only later: ${why}`);
  }
}
