/** The last messages of several conversations together. */
import { isoTime } from "../core/conversation.ts";
import type { Head } from "../core/head.ts";
import type { ConversationManager } from "../core/manager.ts";
import { newestMessages } from "./newest-messages.ts";
import { inTime, type News } from "./news.ts";

/** What must be known of a conversation. */
export type Spoken = Pick<Head, "id" | "lastSeq" | "lastActivity" | "wiped" | "status">;

/** The newest `count` messages of them all, oldest first, but none that came after these heads were read. */
export async function lastSaid(manager: ConversationManager, heads: readonly Spoken[], count: number): Promise<News[]> {
  let found: News[] = [];
  if (count === 0) return found;
  for (const { id, lastSeq, lastActivity, wiped, status } of heads.toSorted((a, b) => b.lastActivity - a.lastActivity)) {
    // No message is later than the last activity: those that follow have nothing newer to say.
    const oldest = found.length === count ? found[0] : undefined;
    if (oldest && "storedAt" in oldest && oldest.storedAt >= isoTime(lastActivity)) break;
    if (wiped || status === "deleted" || lastSeq === 0) continue;
    const messages = await newestMessages(manager, id, { before: lastSeq + 1, about: count, wanted: (_, already) => already < count });
    found = inTime([...found, ...messages.map((message) => ({ id, ...message }))]).slice(-count);
  }
  return found;
}
