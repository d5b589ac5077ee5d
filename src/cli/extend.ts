/** `itera extend`: keeps a conversation alive for longer. */
import { changeConversation } from "./change-conversation.ts";
import { UsageError, type Command } from "./command.ts";
import { MESSAGES } from "./messages-option.ts";
import { utcTime } from "./utc-time.ts";

const HOUR = 3_600_000;
const USUAL = 24;

/** The command. */
export const extendCommand: Command = {
  name: "extend",
  summary: "Keep a conversation alive for longer",
  words: "ID",
  wordCount: [1, 1],
  options: {
    hours: { value: "N", about: `At least so many hours from now (default ${USUAL})` },
    reason: { value: "TEXT", about: "Why, for its events" },
    ...MESSAGES,
  },
  examples: [
    ["itera extend ITERA_20250125_143052_A7B9X2M8P4Q1_P", "for a day; one that is archived becomes active again"],
    ['itera extend ITERA_20250125_143052_A7B9X2M8P4Q1_P --hours 72 --reason "waits for a part"', "for three days"],
  ],
  run(input, output) {
    const given = input.number("hours", 1);
    return changeConversation(input, output, async (manager, id, options) => {
      const most = Math.max(1, Math.floor(manager.settings.maxExtensionMs / HOUR));
      const hours = given ?? Math.min(USUAL, most);
      if (hours > most) throw new UsageError(`--hours must be a whole number from 1 to ${most} (CONVERSATION_MAX_EXTENSION_HOURS)`);
      const data = await manager.extendConversation(id, hours, input.text("reason"), options);
      const until = data.expiresAt === null ? "" : ` until ${utcTime(data.expiresAt)}`;
      return { answer: { data, extended: hours }, lines: [`${id} stays ${data.status}${until}.`] };
    });
  },
};
