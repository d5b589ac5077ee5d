/** `itera stats`: counts by day and by source. */
import type { DayStatistics } from "../core/conversations.ts";
import type { Command } from "./command.ts";
import type { Output } from "./output.ts";
import { oneLine } from "./terminal-text.ts";
import { withManager } from "./with-manager.ts";

/** The command. */
export const statsCommand: Command = {
  name: "stats",
  summary: "Count conversations by day and by source",
  words: "",
  wordCount: [0, 0],
  options: {
    from: { value: "DATE", about: "The first UTC day: 2025-01-25 (default: 30 days in all)" },
    to: { value: "DATE", about: "The last UTC day (default: today); at most 366 days" },
  },
  examples: [
    ["itera stats", "the last 30 days"],
    ["itera stats --from 2025-01-01 --to 2025-01-31", "January"],
    ["itera stats --json | jq .data.totals.bySource", "how many came from where"],
  ],
  run(input, output) {
    const [from, to] = [input.text("from"), input.text("to")];
    return withManager(output, false, async (manager) => {
      const data = await manager.analytics({ ...(from !== undefined && { from }), ...(to !== undefined && { to }) });
      if (output.json) return output.object({ success: true, data });
      const { days, totals, live } = data;
      await output.line(output.bold(row("DATE", ["CREATED", "COMPLETED", "ARCHIVED", "MESSAGES", "DURATION"])));
      for (const { date, ...day } of days) await output.line(row(date, cells(day)));
      await output.line(output.bold(row("all", cells(totals))));
      await sources(totals, output);
      await output.line(`\n${live} live now. Messages and durations are averages; days are UTC.`);
    });
  },
};

function row(name: string, [created = "", ...others]: readonly string[]): string {
  return [name.padEnd(10), created.padStart(9), ...others.map((cell) => cell.padStart(11))].join("");
}

function cells({ total, completed, archived, averageMessages, averageDurationSeconds }: DayStatistics): string[] {
  const messages = averageMessages === null ? "-" : averageMessages.toFixed(1);
  const duration = averageDurationSeconds === null ? "-" : durationText(averageDurationSeconds);
  return [String(total), String(completed), String(archived), messages, duration];
}

/** `45s`, `3m 20s`, `2h 05m`, `4d 03h`. */
function durationText(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (value: number): string => String(value).padStart(2, "0");
  const [minutes, hours, days] = [Math.floor(whole / 60), Math.floor(whole / 3600), Math.floor(whole / 86_400)];
  if (days > 0) return `${days}d ${two(hours % 24)}h`;
  if (hours > 0) return `${hours}h ${two(minutes % 60)}m`;
  return minutes > 0 ? `${minutes}m ${two(whole % 60)}s` : `${whole}s`;
}

async function sources({ total, bySource }: DayStatistics, output: Output): Promise<void> {
  const found = Object.entries(bySource).toSorted(([, a], [, b]) => b - a);
  if (found.length === 0) return;
  const names = found.map(([name]) => oneLine(name));
  const width = Math.max("SOURCE".length, ...names.map((name) => name.length));
  const line = (name: string, count: string, share: string): string => `${name.padEnd(width)}${count.padStart(9)}${share.padStart(7)}`;
  await output.line(`\n${output.bold(line("SOURCE", "CREATED", "SHARE"))}`);
  for (const [i, [, count]] of found.entries()) {
    await output.line(line(names[i]!, String(count), `${Math.round((count / total) * 100)} %`));
  }
}
