/** How much of a transcript to answer: the option, and what it asks for. */
import type { Messages } from "../core/conversations.ts";
import { UsageError, type Input, type Option } from "./command.ts";

/** The option where the transcript is in the answer only with `--json`. */
export const MESSAGES: Readonly<Record<"messages", Option>> = {
  messages: { value: "N", about: "With --json: answer all messages (default), none, or the newest N" },
};

/** What `--messages` asks for. Throws `UsageError`. */
export function messagesOf(input: Input): Messages {
  const text = input.text("messages") ?? "all";
  if (text === "all" || text === "none") return text;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError("--messages must be all, none or a whole number");
  return Number(text);
}
