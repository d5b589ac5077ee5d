/** Restores one conversation, unless the target has it, or something newer, already. */
import { createHash } from "node:crypto";
import { copyConversation, type Copied } from "../../core/copy-conversation.ts";
import type { Head, Whole } from "../../core/head.ts";
import type { Stores } from "../../core/stores.ts";
import type { ConversationRow } from "./backup-rows.ts";

/** An incarnation that is new, and the same in every run of one restore. */
function incarnationOf(salt: string, { id, incarnation }: Head): string {
  return createHash("sha256").update(`${salt}\n${id}\n${incarnation}`).digest("base64url").replaceAll(/[-_]/g, "0").slice(0, 16);
}

function reborn(whole: Whole | null, salt: string): Whole | null {
  return whole && { head: { ...whole.head, incarnation: incarnationOf(salt, whole.head) }, messages: whole.messages };
}

/** Restores a row. `newer`: the target's own is as new, or another life of it, and stays. */
export async function restoreConversation(row: ConversationRow, to: Stores, salt: string): Promise<Copied> {
  const live = reborn(row.live, salt);
  const over = reborn(row.over, salt);
  const head = (live ?? over)!.head;
  const there = (await to.hot.read(row.id, 0))?.head ?? (await to.archive?.read(row.id, 0))?.head ?? null;
  if (there !== null && there.incarnation !== head.incarnation) {
    if (there.status === "deleted") return "unchanged";
    const before = (row.live ?? row.over)!.head;
    if (there.incarnation !== before.incarnation || there.version >= before.version) return "newer";
  }
  const from = {
    hot: { read: async () => live },
    archive: { read: async () => over },
    directory: { events: async () => ({ events: [...row.events], next: null }) },
  };
  return copyConversation(from, to, row.id, false);
}
