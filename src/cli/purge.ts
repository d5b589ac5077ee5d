/** `itera purge`: removes what is past retention. */
import type { PurgeReport } from "../core/conversations.ts";
import { requireConfirmedClock } from "../runtimes/node/clock-confirmed.ts";
import type { Command } from "./command.ts";
import { confirm, YES } from "./confirm.ts";
import { counted } from "./counted.ts";
import type { Output } from "./output.ts";
import { overwrite } from "./overwrite.ts";
import { passOn } from "./pass-on.ts";
import { utcTime } from "./utc-time.ts";
import { withManager } from "./with-manager.ts";

/** The command. */
export const purgeCommand: Command = {
  name: "purge",
  summary: "Remove what is past retention; asks first",
  words: "",
  wordCount: [0, 0],
  options: { "dry-run": { about: "Only count; change nothing" }, ...YES },
  examples: [
    ["itera purge --dry-run", "says how many conversations are older than CONVERSATION_RETENTION_YEARS"],
    ["itera purge", "asks, and removes them; a legal hold keeps its own, and daily counts stay"],
  ],
  run: (input, output) =>
    withManager(output, false, async (manager) => {
      if (!input.has("dry-run")) await requireConfirmedClock(manager.stores.records);
      if (input.has("dry-run") || !input.has("yes")) {
        const report = await manager.purge({ dryRun: true });
        if (input.has("dry-run")) return answer(report, output);
        const removes = `${counted(report.rows, "conversation")}, last active before ${utcTime(report.before)},`;
        if (report.rows > 0) await confirm(input, output, { deed: "Purging", removes, details: { conversations: report.rows } });
      }
      const report = await manager.purge();
      await passOn(manager, output);
      await overwrite(manager, output);
      await answer(report, output);
    }),
};

async function answer(report: PurgeReport, output: Output): Promise<void> {
  if (output.json) return output.object({ success: true, data: report });
  const { dryRun, before, rows, held, months } = report;
  const what = `${counted(rows, "conversation")}, last active before ${utcTime(before)}`;
  await output.line(dryRun ? `Nothing was changed. A purge would remove ${what}.` : `Purged ${what}.`);
  for (const [month, count] of Object.entries(months).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    await output.line(`${month}  ${String(count).padStart(8)}`);
  if (held > 0) await output.line(`${counted(held, "conversation")} of that age ${held === 1 ? "is" : "are"} kept by a legal hold.`);
}
