/** `itera archive`: archives a conversation, or wipes it. */
import type { Messages } from "../core/conversations.ts";
import type { ConversationManager } from "../core/manager.ts";
import { changeConversation, type Changed } from "./change-conversation.ts";
import type { Command } from "./command.ts";
import { confirm, YES } from "./confirm.ts";
import { lossOf } from "./loss.ts";
import { MESSAGES } from "./messages-option.ts";
import { overwrite } from "./overwrite.ts";
import { receiptLines } from "./receipt-lines.ts";
import { oneLine } from "./terminal-text.ts";

/** As in the API. */
const REASON = "manual";

/** The command. */
export const archiveCommand: Command = {
  name: "archive",
  summary: "Archive a conversation, or wipe it",
  words: "ID",
  wordCount: [1, 1],
  options: {
    reason: { value: "TEXT", about: `Why it is over, up to 50 characters (default ${REASON})` },
    wipe: { about: "Remove what was said and all metadata for good; asks first" },
    ...YES,
    ...MESSAGES,
  },
  examples: [
    ["itera archive ITERA_20250125_143052_A7B9X2M8P4Q1_P --reason resolved", "it is over; it can be read and reopened"],
    ["itera archive ITERA_20250125_143052_A7B9X2M8P4Q1_P --wipe", "asks, then leaves the ID, times and counts alone"],
    ["itera archive ITERA_20250125_143052_A7B9X2M8P4Q1_P --wipe --yes", "the same without asking, for scripts"],
  ],
  run: (input, output) =>
    changeConversation(input, output, async (manager, id, options) => {
      const reason = input.text("reason") ?? REASON;
      if (!input.has("wipe")) return archive(manager, id, reason, options);
      const loss = input.has("yes") ? null : await lossOf(manager, id, "wipe");
      if (loss) await confirm(input, output, loss);
      const { receipt } = await manager.archiveConversation(id, reason, { preserveData: false });
      await overwrite(manager, output);
      return { answer: { data: { id, status: "archived" }, receipt }, lines: receipt ? receiptLines(receipt) : [] };
    }),
};

async function archive(manager: ConversationManager, id: string, reason: string, options: { messages: Messages }): Promise<Changed> {
  const data = await manager.archiveConversation(id, reason, options);
  return { answer: { data }, lines: [`${id} is archived (${oneLine(data.archiveReason ?? reason)}).`] };
}
