/** `itera events`: what happened to a conversation, oldest first. */
import type { Command } from "./command.ts";
import { eventText } from "./event-text.ts";
import { utcTime } from "./utc-time.ts";
import { withManager } from "./with-manager.ts";

const PAGE = 100;

/** The command. */
export const eventsCommand: Command = {
  name: "events",
  summary: "Show what happened to a conversation",
  words: "ID",
  wordCount: [1, 1],
  options: { limit: { value: "N", about: "Only the first N (default: all)" } },
  examples: [
    ["itera events ITERA_20250125_143052_A7B9X2M8P4Q1_P", "created, extended, archived …, oldest first, with their reasons"],
    ["itera events ITERA_20250125_143052_A7B9X2M8P4Q1_P --json | jq -r .event", "their names, one a line"],
  ],
  run(input, output) {
    const [id = ""] = input.words;
    let left = input.number("limit", 1) ?? Infinity;
    return withManager(output, false, async (manager) => {
      for (let cursor: string | null | undefined; cursor !== null && left > 0;) {
        const page = await manager.events(id, { limit: Math.min(PAGE, left), ...(cursor !== undefined && { cursor }) });
        for (const event of page.data) {
          if (output.json) await output.object(event);
          else await output.line(`${output.dim(utcTime(event.at))}  ${eventText(event.event, event.details)}`);
        }
        if (page.data.length === 0 && cursor === undefined && !output.json) output.note("No events are kept of it.");
        left -= page.data.length;
        cursor = page.nextCursor;
      }
    });
  },
};
