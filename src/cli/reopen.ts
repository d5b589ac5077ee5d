/** `itera reopen`: makes a conversation active again. */
import { changeConversation } from "./change-conversation.ts";
import type { Command } from "./command.ts";
import { MESSAGES } from "./messages-option.ts";

/** The command. */
export const reopenCommand: Command = {
  name: "reopen",
  summary: "Make a completed or archived conversation active again",
  words: "ID",
  wordCount: [1, 1],
  options: MESSAGES,
  examples: [["itera reopen ITERA_20250125_143052_A7B9X2M8P4Q1_P", "whatever its age; what was wiped or erased stays so"]],
  run: (input, output) =>
    changeConversation(input, output, async (manager, id, options) => {
      const data = await manager.reopenConversation(id, options);
      return { answer: { data }, lines: [`${id} is active.`] };
    }),
};
