/** `itera sweep`: does now what the server does every minute. */
import type { Command } from "./command.ts";
import { overwrite } from "./overwrite.ts";
import { withManager } from "./with-manager.ts";

/** The command. */
export const sweepCommand: Command = {
  name: "sweep",
  summary: "Archive what has expired, now",
  words: "",
  wordCount: [0, 0],
  options: { "dry-run": { about: "Only count; change nothing" } },
  examples: [
    ["itera sweep --dry-run", "says how many conversations would be archived"],
    ["itera sweep", "archives them"],
  ],
  run: (input, output) =>
    withManager(output, false, async (manager) => {
      const dryRun = input.has("dry-run");
      const result = await manager.sweep({ dryRun });
      if (!dryRun) await overwrite(manager, output);
      if (output.json) return output.object({ success: true, data: { dryRun, ...result } });
      const rows: [number, string][] = [
        [result.archived, "archived, as they had expired"],
        [result.warned, "told to expire within the hour"],
        [result.moved, "moved out of the hot store"],
        [result.delivered, "events passed on"],
      ];
      await output.line(dryRun ? "Nothing was changed. A sweep would handle:" : "Swept:");
      for (const [count, what] of dryRun ? rows.slice(0, 3) : rows) await output.line(`${String(count).padStart(8)}  ${what}`);
    }),
};
