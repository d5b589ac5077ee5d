/** `itera list`: conversations, newest first. */
import type { DirectoryEntry } from "../core/conversation.ts";
import type { Command } from "./command.ts";
import { FILTERS, filtersOf } from "./list-query.ts";
import type { Output } from "./output.ts";
import { oneLine } from "./terminal-text.ts";
import { withManager } from "./with-manager.ts";

const PAGE = 100;
const USUAL = 25;

/** The command. */
export const listCommand: Command = {
  name: "list",
  summary: "List conversations, newest first",
  words: "",
  wordCount: [0, 0],
  options: {
    ...FILTERS,
    search: { value: "WORDS", about: "Only those in which all these words were said" },
    limit: { value: "N", about: `How many (default ${USUAL})` },
    all: { about: "All of them" },
    cursor: { value: "ID", about: "Go on after this conversation" },
  },
  examples: [
    ["itera list", `the newest ${USUAL}`],
    ["itera list --status active,completed --from 2025-01-25", "what is alive, begun on that day or later"],
    ['itera list --search "assistenza urgente"', "where both words were said"],
    ["itera list --all --json | jq -r .id", "every ID, one a line"],
  ],
  run(input, output) {
    const query = filtersOf(input);
    const q = input.text("search");
    if (q !== undefined) query.q = q;
    let left = input.number("limit", 1) ?? USUAL;
    if (input.has("all")) left = Infinity;
    let cursor = input.text("cursor") ?? null;
    return withManager(output, false, async (manager) => {
      let shown = 0;
      do {
        const page = await manager.listConversations({ ...query, limit: Math.min(PAGE, left), ...(cursor !== null && { cursor }) });
        for (const entry of page.data) await show(entry, shown++ === 0, output);
        left -= page.data.length;
        cursor = page.nextCursor;
      } while (cursor !== null && left > 0);
      if (output.json) return;
      if (shown === 0) output.note("No conversations.");
      if (cursor !== null) output.note(`There are more. Go on with: --cursor ${cursor}`);
    });
  },
};

async function show(entry: DirectoryEntry, first: boolean, output: Output): Promise<void> {
  if (output.json) return output.object(entry);
  const row = (cells: readonly string[]): string =>
    [cells[0]!.padEnd(36), cells[1]!.padEnd(9), cells[2]!.padStart(8), cells[3]!.padEnd(16), cells[4]!].join("  ").trimEnd();
  if (first) await output.line(output.bold(row(["ID", "STATUS", "MESSAGES", "LAST ACTIVITY", "SOURCE"])));
  const lastActivity = entry.lastActivity.slice(0, 16).replace("T", " ");
  await output.line(row([entry.id, entry.status, String(entry.messageCount), lastActivity, oneLine(entry.source)]));
  if (entry.snippet !== undefined) await output.line(output.dim(`    ${oneLine(entry.snippet)}`));
}
