/** `itera erase-subject`: erases all conversations of a person. */
import type { SubjectErasure } from "../core/conversations.ts";
import type { Command } from "./command.ts";
import { confirm, YES } from "./confirm.ts";
import { counted } from "./counted.ts";
import type { Output } from "./output.ts";
import { overwrite } from "./overwrite.ts";
import { passOn } from "./pass-on.ts";
import { utcTime } from "./utc-time.ts";
import { withManager } from "./with-manager.ts";

const REFUSED = 4;

/** The command. */
export const eraseSubjectCommand: Command = {
  name: "erase-subject",
  summary: "Erase all conversations of a person; asks first",
  words: "KEY VALUE",
  wordCount: [2, 2],
  options: { "dry-run": { about: "Only say which would be erased; change nothing" }, ...YES },
  examples: [
    ["itera erase-subject email anna@example.com --dry-run", "which conversations are hers; the keys are those of SUBJECT_KEYS"],
    ["itera erase-subject email anna@example.com", "asks, and erases them"],
    ["itera erase-subject phone '+39 02 1234567' --yes --json > receipts.json", "for scripts, with the receipts"],
  ],
  run(input, output) {
    const [key = "", value = ""] = input.words;
    return withManager(output, false, async (manager) => {
      const dryRun = input.has("dry-run");
      if (dryRun || !input.has("yes")) {
        const found = await manager.eraseSubject({ key, value, dryRun: true });
        const [going, messages] = [found.filter(({ error }) => error === undefined).length, sum(found)];
        if (dryRun) return answer(found, `${going} would be erased. Nothing was changed.`, output);
        const removes = `${counted(going, "conversation")} with ${counted(messages, "message")}`;
        if (going > 0) await confirm(input, output, { deed: "Erasing this person", removes, details: { conversations: going, messages } });
      }
      const receipts = await manager.eraseSubject({ key, value });
      await passOn(manager, output);
      await overwrite(manager, output);
      const kept = receipts.filter(({ error }) => error !== undefined).length;
      await answer(receipts, `${receipts.length - kept} erased.`, output);
      if (kept === 0) return 0;
      output.failure(`${counted(kept, "conversation")} of this person could not be erased`, "conflict", { kept });
      return REFUSED;
    });
  },
};

function sum(found: readonly SubjectErasure[]): number {
  return found.reduce((total, { messages, error }) => total + (error === undefined ? messages : 0), 0);
}

/** One line for each conversation, and the sum. */
async function answer(receipts: readonly SubjectErasure[], said: string, output: Output): Promise<void> {
  if (output.json) return output.object({ success: true, receipts });
  for (const { id, messages, receipt, error } of receipts) {
    const overwritten = receipt?.overwrittenBy ? `, overwritten by ${utcTime(receipt.overwrittenBy)}` : "";
    await output.line(`${id}  ${counted(messages, "message").padStart(14)}${error === undefined ? overwritten : `  kept: ${error}`}`);
  }
  await output.line(receipts.length === 0 ? "No conversations of this person were found." : said);
}
