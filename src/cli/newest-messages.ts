/** The newest messages of a conversation, as far back as they are wanted. */
import type { MessagePageResult } from "../core/conversations.ts";
import { ConversationNotFoundError, GoneError } from "../core/errors.ts";
import type { ConversationManager } from "../core/manager.ts";

/** A message with its place. */
export type Placed = MessagePageResult["data"][number];

/** Where to begin, and how far to go. */
export interface Backwards {
  /** Only messages of smaller `seq`; absent: from the newest on. */
  readonly before?: number;
  /** How many there may be: the size of the first page. */
  readonly about: number;
  /** Asked from message to message backwards, with how many there are already; false ends it. */
  readonly wanted: (message: Placed, count: number) => boolean;
}

const PAGE = 1000;

/** Reads backwards while messages are wanted; answers them oldest first. Of what was erased or purged meanwhile there are none. */
export async function newestMessages(
  manager: ConversationManager,
  id: string,
  { before: start, about, wanted }: Backwards,
): Promise<Placed[]> {
  const found: Placed[] = [];
  try {
    let limit = Math.min(PAGE, Math.max(1, about));
    for (let before: number | null | undefined = start; before !== null; limit = PAGE) {
      const page = await manager.listMessages(id, { order: "desc", limit, ...(before !== undefined && { before }) });
      for (const message of page.data) {
        if (!wanted(message, found.length)) return found.toReversed();
        found.push(message);
      }
      before = page.nextCursor;
    }
  } catch (error) {
    if (error instanceof GoneError || error instanceof ConversationNotFoundError) return [];
    throw error;
  }
  return found.toReversed();
}
