/** `itera backup`: writes all that is stored into a folder or a bucket, while it is served. */
import { backUpConfigured, listBackups } from "../runtimes/node/backup-work.ts";
import { readConfig } from "../runtimes/node/config.ts";
import { BadValue } from "../runtimes/node/setting.ts";
import { backupTarget } from "../runtimes/node/setting-formats.ts";
import { sizeText } from "./size-text.ts";
import { UsageError, type Command, type Input } from "./command.ts";
import { counted } from "./counted.ts";
import type { Output } from "./output.ts";
import { createProgress } from "./progress.ts";
import { oneLine } from "./terminal-text.ts";
import { utcTime } from "./utc-time.ts";

/** The command. */
export const backupCommand: Command = {
  name: "backup",
  summary: "Back up everything, while it is served",
  words: "",
  wordCount: [0, 0],
  options: {
    to: { value: "TARGET", about: "A folder or s3://bucket/prefix (default: BACKUP_TARGET)" },
    list: { about: "Only show the backups that are there" },
    prune: { about: "Afterwards remove those that are older than BACKUP_RETENTION_DAYS, also where the clock seems to have jumped" },
  },
  examples: [
    ["itera backup", "into the folder or bucket of BACKUP_TARGET"],
    ["itera backup --to s3://backups/chats", "into a bucket, with the usual AWS_ variables"],
    ["itera backup --list", "shows which backups there are"],
  ],
  run: (input, output) => (input.has("list") ? list(input, output) : backUp(input, output)),
};

function targetOf(input: Input): string | undefined {
  const text = input.text("to");
  try {
    return text === undefined ? undefined : backupTarget(text);
  } catch (error) {
    if (error instanceof BadValue) throw new UsageError(`--to: ${error.message}`, error.right);
    throw error;
  }
}

async function backUp(input: Input, output: Output): Promise<void> {
  const progress = createProgress(output);
  try {
    const { good, place, pruned } = await backUpConfigured(readConfig(), {
      target: targetOf(input),
      prune: input.has("prune"),
      onProgress: (part, text) => progress.show(part, text),
      onNote: (text) => output.note(`itera: ${text}`),
    });
    progress.clear();
    if (output.json) return await output.object({ success: true, data: { ...good, place, removed: pruned?.removed ?? [] } });
    const what = `${counted(good.conversations, "conversation")} with ${counted(good.messages, "message")}`;
    await output.line(`Backed up ${what} as ${good.id} in ${place} (${sizeText(good.bytes)}).`);
    if (pruned && pruned.removed.length > 0) await output.line(`Removed ${counted(pruned.removed.length, "old backup")}.`);
  } finally {
    progress.clear();
  }
}

async function list(input: Input, output: Output): Promise<void> {
  const { place, backups } = await listBackups(readConfig(), targetOf(input));
  if (output.json) {
    for (const { id, manifest, wrong } of backups) {
      const facts = manifest && {
        startedAt: manifest.startedAt,
        conversations: manifest.tables.conversations.rows,
        messages: manifest.messages,
      };
      await output.object({ id, place, ...facts, ...(wrong !== null && { wrong }) });
    }
    return;
  }
  for (const { id, manifest, wrong } of backups) {
    const said = manifest
      ? `${utcTime(manifest.startedAt)}  ${counted(manifest.tables.conversations.rows, "conversation")}, ${counted(manifest.messages, "message")}`
      : oneLine(wrong ?? "");
    await output.line(`${id}  ${said}`);
  }
  if (backups.length === 0) output.note(`There is no backup in ${place}.`);
}
