/** `itera hold`: puts a conversation under a legal hold. */
import { changeConversation } from "./change-conversation.ts";
import type { Command } from "./command.ts";
import { MESSAGES } from "./messages-option.ts";
import { neededReason, REASON } from "./reason-option.ts";

/** The command. */
export const holdCommand: Command = {
  name: "hold",
  summary: "Put a conversation under a legal hold: no wiping, erasing, purging",
  words: "ID",
  wordCount: [1, 1],
  options: { ...REASON, ...MESSAGES },
  examples: [['itera hold ITERA_20250125_143052_A7B9X2M8P4Q1_P --reason "case 2025/117"', "until it is released"]],
  run(input, output) {
    const reason = neededReason(input, "hold");
    return changeConversation(input, output, async (manager, id, options) => {
      const data = await manager.hold(id, reason, options);
      return { answer: { data }, lines: [`${id} is under a legal hold.`] };
    });
  },
};
