/** `itera export`: writes conversations whole, as lines of JSON. */
import type { ListQuery } from "../core/conversations.ts";
import type { ConversationManager } from "../core/manager.ts";
import type { ExportLine } from "../core/transfer.ts";
import type { Command } from "./command.ts";
import { FILTERS, filtersOf } from "./list-query.ts";
import { createProgress } from "./progress.ts";
import { withManager } from "./with-manager.ts";
import { writeWhole } from "./write-whole.ts";

/** The command. */
export const exportCommand: Command = {
  name: "export",
  summary: "Write conversations as JSON lines",
  words: "",
  wordCount: [0, 0],
  options: {
    ...FILTERS,
    after: { value: "ID", about: "Only those after this ID, to go on after a break" },
    out: { value: "FILE", about: "Write to this file, which appears when all is in it (default: standard output)" },
  },
  examples: [
    ["itera export --out chats.ndjson", "everything, oldest first, one conversation a line"],
    ["itera export --status archived --to 2025-01-01 | gzip > 2024.ndjson.gz", "what is over and was begun before 2025"],
    ["itera export | ssh other itera import -", "from one machine to another"],
  ],
  run: (input, output) =>
    withManager(output, false, async (manager) => {
      const query = filtersOf(input);
      // The list checks filters, with a sentence for each.
      await manager.listConversations({ ...query, limit: 1 });
      const after = input.text("after");
      if (after !== undefined) manager.settings.ids.parse(after);
      const out = input.text("out");
      const progress = createProgress(output);
      let count = 0;
      async function* lines(): AsyncGenerator<string> {
        for await (const line of wanted(manager, query, after)) {
          yield JSON.stringify(line);
          count++;
          if (out !== undefined) progress.show(null, `${count} exported`);
        }
      }
      try {
        if (out === undefined) for await (const line of lines()) await output.line(line);
        else await writeWhole(out, lines());
      } finally {
        progress.clear();
      }
      if (out === undefined) return;
      await (output.json ? output.object({ success: true, data: { exported: count } }) : output.line(`${count} exported to ${out}.`));
    }),
};

/** The conversations that are asked for. Of what was wiped there is nothing to export. */
async function* wanted(manager: ConversationManager, query: ListQuery, after: string | undefined): AsyncGenerator<ExportLine> {
  const { ids } = manager.settings;
  // To the second, as IDs are and as lists take it.
  const second = (time: string): number => Math.ceil(Date.parse(time) / 1000) * 1000;
  const from = query.from === undefined ? -Infinity : second(query.from);
  const to = query.to === undefined ? Infinity : second(query.to);
  const letter = query.environment === undefined ? undefined : ids.getEnvironment(query.environment);
  // IDs sort by time: before the first second of the span there is nothing to look at, and after its last one neither.
  const first = query.from === undefined ? undefined : ids.range(from, from).from;
  const start = [after, first]
    .filter((id) => id !== undefined)
    .toSorted()
    .at(-1);
  for await (const line of manager.exportConversations(start === undefined ? {} : { after: start })) {
    const begun = ids.parse(line.id).timestamp.getTime();
    if (begun >= to) return;
    if (begun < from || line.messages.length < line.messageCount) continue;
    if (query.status && !query.status.includes(line.status)) continue;
    if (query.source !== undefined && query.source !== line.source) continue;
    if (letter !== undefined && letter !== line.environment) continue;
    yield line;
  }
}
