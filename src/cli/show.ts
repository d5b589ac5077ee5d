/** `itera show`: one conversation with its transcript, without counting as access. */
import type { Conversation } from "../core/conversation.ts";
import { ConversationNotFoundError } from "../core/errors.ts";
import type { ConversationManager } from "../core/manager.ts";
import type { Command } from "./command.ts";
import { messagesOf } from "./messages-option.ts";
import type { Output } from "./output.ts";
import { oneLine, wrap } from "./terminal-text.ts";
import { transcriptPrinter } from "./transcript-printer.ts";
import { utcTime } from "./utc-time.ts";
import { withManager } from "./with-manager.ts";

const PAGE = 1000;

/** The command. */
export const showCommand: Command = {
  name: "show",
  summary: "Show a conversation and what was said",
  words: "ID",
  wordCount: [1, 1],
  options: { messages: { value: "N", about: "all (default), none, or the newest N messages" } },
  examples: [
    ["itera show ITERA_20250125_143052_A7B9X2M8P4Q1_P", "all of it"],
    ["itera show ITERA_20250125_143052_A7B9X2M8P4Q1_P --messages 10", "with the newest ten messages"],
    ["itera show ITERA_20250125_143052_A7B9X2M8P4Q1_P --json | jq .data.metadata", "its metadata"],
  ],
  run(input, output) {
    const [id = ""] = input.words;
    const messages = messagesOf(input);
    return withManager(output, false, async (manager) => {
      const conversation = await manager.peekConversation(id, { messages: output.json ? messages : "none" });
      if (conversation === null) throw new ConversationNotFoundError(id);
      if (output.json) return output.object({ success: true, data: conversation });
      await showHead(conversation, output);
      const count = conversation.messageCount;
      const wanted = messages === "all" ? count : messages === "none" ? 0 : Math.min(messages, count);
      if (wanted > 0) await showTranscript(manager, id, count - wanted, output);
    });
  },
};

async function showHead(conversation: Conversation, output: Output): Promise<void> {
  const { id, status, messageCount, version, metadata, archiveReason } = conversation;
  const at = (time: string | null | undefined): string | undefined => (time ? utcTime(time) : undefined);
  const rows: [string, string | undefined][] = [
    ["status", archiveReason === undefined ? status : `${status} (${oneLine(archiveReason)})`],
    ["created", at(conversation.created)],
    ["last activity", at(conversation.lastActivity)],
    ["last access", at(conversation.lastAccess)],
    ["completed", at(conversation.completedAt)],
    ["archived", at(conversation.archivedAt)],
    ["expires", at(conversation.expiresAt)],
    ["messages", String(messageCount)],
    ["version", String(version)],
    ...Object.entries(metadata).map(([key, value]): [string, string] => [
      oneLine(key),
      oneLine(typeof value === "string" ? value : JSON.stringify(value)),
    ]),
  ];
  await output.line(output.bold(id));
  const width = Math.min(20, Math.max(...rows.map(([name]) => name.length)));
  for (const [name, value] of rows) {
    if (value === undefined) continue;
    const [first = "", ...rest] = wrap(value, output.width - width - 4);
    await output.line(`  ${output.dim(name.padEnd(width))}  ${first}`);
    for (const line of rest) await output.line(`${" ".repeat(width + 4)}${line}`);
  }
}

async function showTranscript(manager: ConversationManager, id: string, after: number, output: Output): Promise<void> {
  const printer = transcriptPrinter(output);
  for (let from: number | null = after; from !== null;) {
    const page = await manager.listMessages(id, { after: from, limit: PAGE });
    for (const { storedAt, message } of page.data) await printer.message(storedAt, message);
    from = page.nextCursor;
  }
}
