/** `itera complete`: marks a conversation as completed. */
import { changeConversation } from "./change-conversation.ts";
import type { Command } from "./command.ts";
import { MESSAGES } from "./messages-option.ts";

/** The command. */
export const completeCommand: Command = {
  name: "complete",
  summary: "Mark a conversation as completed",
  words: "ID",
  wordCount: [1, 1],
  options: MESSAGES,
  examples: [["itera complete ITERA_20250125_143052_A7B9X2M8P4Q1_P", "what it was about is settled; it is archived when it expires"]],
  run: (input, output) =>
    changeConversation(input, output, async (manager, id, options) => {
      const data = await manager.completeConversation(id, options);
      return { answer: { data }, lines: [`${id} is completed.`] };
    }),
};
