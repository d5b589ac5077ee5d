/** The metrics of a Worker: gauges that the directory alone answers, since isolates come and go and count nothing together. */
import type { DayCount, Directory } from "../../core/directory.ts";

const DAY = 86_400_000;

/** The gauges by name; `day` is `today` or `yesterday`, by UTC. */
export const WORKER_METRICS = {
  itera_conversations_live: "Conversations that are active or completed, as the directory knows them.",
  itera_day_conversations: "Conversations created on that day.",
  itera_day_completed: "Of those, ever completed.",
  itera_day_archived: "Of those, over now.",
  itera_day_messages: "Messages in those.",
} as const;

type Name = keyof typeof WORKER_METRICS;

const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);

function gauge(name: Name, samples: readonly (readonly [labels: string, value: number])[]): string {
  const lines = samples.map(([labels, value]) => `${name}${labels} ${value}`);
  return [`# HELP ${name} ${WORKER_METRICS[name]}`, `# TYPE ${name} gauge`, ...lines].join("\n");
}

/** As Prometheus text. Two questions to the directory, so look every minute rather than every second. */
export async function workerMetrics(directory: Directory, now: number): Promise<string> {
  const days = { today: dayOf(now), yesterday: dayOf(now - DAY) };
  const [live, counts] = await Promise.all([directory.live(), directory.analytics(days.yesterday, days.today)]);
  const perDay = (name: Name, pick: (count: DayCount) => number): string =>
    gauge(
      name,
      Object.entries(days).map(([label, day]) => {
        const value = counts.filter((count) => count.day === day).reduce((sum, count) => sum + pick(count), 0);
        return [`{day="${label}"}`, value] as const;
      }),
    );
  return `${[
    gauge("itera_conversations_live", [["", live]]),
    perDay("itera_day_conversations", ({ total }) => total),
    perDay("itera_day_completed", ({ completed }) => completed),
    perDay("itera_day_archived", ({ archived }) => archived),
    perDay("itera_day_messages", ({ messages }) => messages),
  ].join("\n")}\n`;
}
