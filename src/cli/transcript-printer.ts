/** Prints what was said and what happened, in the order of time: a heading for each day, then a line for each with its time. */
import type { Message } from "../core/conversation.ts";
import type { Json } from "../core/json.ts";
import { textOf } from "../core/outbox.ts";
import { eventText } from "./event-text.ts";
import type { Output } from "./output.ts";
import { harmless, oneLine, wrap } from "./terminal-text.ts";

/** The printer of one transcript, or of several by turns. Times are ISO 8601, and shown in UTC. */
export interface TranscriptPrinter {
  /** What follows is of this conversation: a heading says so, if the one before was another. */
  heading(id: string): Promise<void>;
  message(storedAt: string, message: Message): Promise<void>;
  event(at: string, name: string, details: Readonly<Record<string, Json>>): Promise<void>;
}

/** What stands before the text of a message. */
const MARGIN = 21;

/** Makes a printer. */
export function transcriptPrinter(output: Output): TranscriptPrinter {
  let day = "";
  let conversation = "";

  async function line(at: string, who: string, text: string): Promise<void> {
    if (at.slice(0, 10) !== day) {
      day = at.slice(0, 10);
      await output.line(`\n${output.dim(`${day} (UTC)`)}`);
    }
    const [first = "", ...rest] = wrap(text, output.width - MARGIN - 1);
    await output.line(`${output.dim(at.slice(11, 19))}  ${output.bold(who.padEnd(9))}  ${first}`);
    for (const each of rest) await output.line(`${" ".repeat(MARGIN)}${each}`);
  }

  return {
    async heading(id) {
      if (id === conversation) return;
      conversation = id;
      day = "";
      await output.line(`\n${output.bold(`==> ${id} <==`)}`);
    },
    message(storedAt, message) {
      const role = typeof message["role"] === "string" ? oneLine(message["role"]) : "?";
      return line(storedAt, role, harmless(textOf(message) || JSON.stringify(message)));
    },
    event: (at, name, details) => line(at, "*", eventText(name, details)),
  };
}
