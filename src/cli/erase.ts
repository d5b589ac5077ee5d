/** `itera erase`: erases a conversation; only a tombstone stays. */
import { changeConversation } from "./change-conversation.ts";
import type { Command, Input } from "./command.ts";
import { confirm, YES } from "./confirm.ts";
import { lossOf } from "./loss.ts";
import type { Output } from "./output.ts";
import { overwrite } from "./overwrite.ts";
import { receiptLines } from "./receipt-lines.ts";
import { withManager } from "./with-manager.ts";

/** The command. */
export const eraseCommand: Command = {
  name: "erase",
  summary: "Erase a conversation for good; asks first",
  words: "ID",
  wordCount: [1, 1],
  options: {
    reason: { value: "TEXT", about: "Why" },
    "dry-run": { about: "Only say what would be removed; change nothing" },
    ...YES,
  },
  examples: [
    ["itera erase ITERA_20250125_143052_A7B9X2M8P4Q1_P --dry-run", "says how many messages would be removed"],
    ["itera erase ITERA_20250125_143052_A7B9X2M8P4Q1_P", "asks, erases, and prints the receipt"],
    ["itera erase ITERA_20250125_143052_A7B9X2M8P4Q1_P --yes --json > receipt.json", "for scripts"],
  ],
  run(input, output) {
    if (input.has("dry-run")) return dryRun(input, output);
    return changeConversation(input, output, async (manager, id) => {
      const loss = input.has("yes") ? null : await lossOf(manager, id, "erase");
      if (loss) await confirm(input, output, loss);
      const reason = input.text("reason");
      const receipt = await manager.eraseConversation(id, reason === undefined ? {} : { reason });
      await overwrite(manager, output);
      return { answer: { receipt }, lines: receiptLines(receipt) };
    });
  },
};

function dryRun(input: Input, output: Output): Promise<void> {
  const [id = ""] = input.words;
  return withManager(output, false, async (manager) => {
    const loss = await lossOf(manager, id, "erase");
    if (output.json) return output.object({ success: true, data: { dryRun: true, id, messages: loss?.details["messages"] ?? 0 } });
    await output.line(loss ? `${loss.deed} would remove ${loss.removes}. Nothing was changed.` : `${id} is erased already.`);
  });
}
