/** `itera verify`: checks every byte of a backup, and restores it on trial. */
import { verifyBackup } from "../runtimes/node/backup-work.ts";
import { readConfig } from "../runtimes/node/config.ts";
import type { Command } from "./command.ts";
import { counted } from "./counted.ts";
import { createProgress } from "./progress.ts";
import { utcTime } from "./utc-time.ts";

/** The command. */
export const verifyCommand: Command = {
  name: "verify",
  summary: "Check a backup, and restore it on trial",
  words: "BACKUP",
  wordCount: [1, 1],
  options: {},
  examples: [
    ["itera verify latest", "the newest one in BACKUP_TARGET"],
    ["itera verify ./backups/20260131T020000Z-0a1b2c3d", "one in a folder"],
    ["itera verify s3://backups/chats/20260131T020000Z-0a1b2c3d", "one in a bucket"],
  ],
  async run(input, output) {
    const progress = createProgress(output);
    try {
      const { manifest, trial } = await verifyBackup(readConfig(), input.words[0]!, {
        onProgress: (part, text) => progress.show(part, text),
        onNote: (text) => output.note(`itera: ${text}`),
      });
      progress.clear();
      const { id, startedAt, consistency, tables, messages, keys } = manifest;
      const conversations = tables.conversations.rows;
      if (output.json) {
        const erasures = tables.erasures.rows;
        return await output.object({
          success: true,
          data: { id, startedAt, consistency, conversations, messages, erasures, keys, erased: trial.erased },
        });
      }
      await output.line(
        `${id} of ${utcTime(startedAt)} is good: ${counted(conversations, "conversation")} with ${counted(messages, "message")} were restored on trial.`,
      );
      if (keys.length > 0) await output.line(`To read it, the master key${keys.length === 1 ? "" : "s"} ${keys.join(", ")} must be kept.`);
    } finally {
      progress.clear();
    }
  },
};
