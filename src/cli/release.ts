/** `itera release`: ends a legal hold. */
import { changeConversation } from "./change-conversation.ts";
import type { Command } from "./command.ts";
import { MESSAGES } from "./messages-option.ts";
import { neededReason, REASON } from "./reason-option.ts";

/** The command. */
export const releaseCommand: Command = {
  name: "release",
  summary: "Release a conversation from its legal hold",
  words: "ID",
  wordCount: [1, 1],
  options: { ...REASON, ...MESSAGES },
  examples: [
    ['itera release ITERA_20250125_143052_A7B9X2M8P4Q1_P --reason "case 2025/117 is closed"', "it may be erased and purged again"],
  ],
  run(input, output) {
    const reason = neededReason(input, "release");
    return changeConversation(input, output, async (manager, id, options) => {
      const data = await manager.release(id, reason, options);
      return { answer: { data }, lines: [`${id} is under no legal hold.`] };
    });
  },
};
