/** What the cron does: the sweep every minute; cleanup, daily counts and what moves between stores every hour. */
import { keepDailyCounts, lastDays } from "../../adapters/cloudflare-kv/daily-counts.ts";
import { NotSupportedError } from "../../core/errors.ts";
import type { Env, Scheduled } from "./env.ts";
import { SWEEP_MARK } from "./health.ts";
import { moveSome } from "./move-some.ts";
import type { Service } from "./service.ts";

/** The crons, as `wrangler.jsonc` has them. Cloudflare lets the second kind compute for longer. */
export const CRONS = { minute: "* * * * *", hour: "7 * * * *" } as const;

const HOUR = 3_600_000;
/** What was said some weeks ago may still be completed, or be reopened. */
const COUNTED_DAYS = 35;

/** One thing that the cron does. */
interface Job {
  readonly name: string;
  readonly run: () => Promise<object>;
}

/** Whether work that is done every so many hours falls due in the hour that ends now. Needs no memory, so it is the same in every isolate. */
export function dueThisHour(scheduledTime: number, everyHours: number): boolean {
  const period = Math.max(1, everyHours) * HOUR;
  return Math.floor(scheduledTime / period) !== Math.floor((scheduledTime - HOUR) / period);
}

function jobsOf(service: Service, env: Env, { cron, scheduledTime }: Scheduled): Job[] {
  const { manager, moving, settings, log } = service;
  const { directory, records } = manager.stores;
  // A cron that is neither of ours, or a call by hand, does everything.
  const minute = cron !== CRONS.hour;
  const hour = cron !== CRONS.minute;
  const byHand = minute && hour;
  const jobs: Job[] = [];
  if (minute) {
    jobs.push({
      name: "sweep",
      async run() {
        // Objects archive by themselves; what is left is to overwrite what was wiped.
        const result = await manager.sweep();
        await records?.put(SWEEP_MARK.kind, SWEEP_MARK.key, { at: scheduledTime });
        return result;
      },
    });
    // The sweep passes on as well, if it gets so far.
    jobs.push({ name: "outbox", run: async () => ({ delivered: await manager.deliver() }) });
  }
  if (hour && (byHand || dueThisHour(scheduledTime, settings.cleanupIntervalHours))) {
    jobs.push({ name: "cleanup", run: () => manager.cleanup() });
  }
  const { CONVERSATION_ANALYTICS } = env;
  if (hour && CONVERSATION_ANALYTICS && directory) {
    jobs.push({
      name: "daily-counts",
      run: () => keepDailyCounts(CONVERSATION_ANALYTICS, directory, lastDays(scheduledTime, COUNTED_DAYS)),
    });
  }
  if (hour && moving) jobs.push({ name: "move", run: () => moveSome(moving, records, log) });
  return jobs;
}

/** Runs what is due, one after the other; one that fails keeps no other from running. Throws at the end, so that Cloudflare counts the run as failed. */
export async function runJobs(service: Service, env: Env, scheduled: Scheduled): Promise<void> {
  const { log } = service;
  const failed: string[] = [];
  for (const { name, run } of jobsOf(service, env, scheduled)) {
    try {
      const result = await run();
      const idle = Object.values(result).every((value) => value === 0);
      log[idle ? "debug" : "info"]({ job: name, ...result }, "job done");
    } catch (error) {
      if (error instanceof NotSupportedError) {
        log.debug({ job: name }, error.message);
        continue;
      }
      failed.push(name);
      log.error({ err: error, job: name }, "a job failed");
    }
  }
  if (failed.length > 0) throw new Error(`Jobs failed: ${failed.join(", ")}. The log says why.`);
}
