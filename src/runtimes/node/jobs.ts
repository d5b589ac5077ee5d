/** What the server does by itself: the sweep every minute, the outbox every second, the cleanup every few hours. */
import type { ConversationManager } from "../../core/manager.ts";
import { startJob, type Job } from "./job.ts";
import type { Log } from "./log.ts";

const SECOND = 1000;
const HOUR = 3_600_000;
/** After the start, so that the first requests do not wait for it. */
const FIRST_SWEEP_MS = 2 * SECOND;
const FIRST_CLEANUP_MS = 60 * SECOND;

/** The jobs of a server. */
export interface Jobs {
  readonly sweep: Job;
  readonly outbox: Job;
  readonly cleanup: Job;
  /** Lets what runs finish, then passes on what is left in the outbox. */
  stop(): Promise<void>;
}

/** Starts the jobs. A run that fails is logged, and the next one comes in its time. */
export function startJobs(manager: ConversationManager, cleanupHours: number, log: Log): Jobs {
  const onError = (job: string) => (error: unknown) => log.error({ err: error, job }, "a job failed");
  const sweep = startJob({
    everyMs: 60 * SECOND,
    firstMs: FIRST_SWEEP_MS,
    onError: onError("sweep"),
    async run() {
      const result = await manager.sweep();
      const level = result.archived + result.warned + result.moved > 0 ? "info" : "debug";
      log[level]({ ...result }, "swept");
    },
  });
  const outbox = startJob({ everyMs: SECOND, onError: onError("outbox"), run: () => manager.deliver() });
  const cleanup = startJob({
    everyMs: cleanupHours * HOUR,
    firstMs: FIRST_CLEANUP_MS,
    onError: onError("cleanup"),
    async run() {
      log.info({ ...(await manager.cleanup()) }, "cleaned up");
    },
  });
  return {
    sweep,
    outbox,
    cleanup,
    async stop() {
      await Promise.all([sweep.stop(), outbox.stop(), cleanup.stop()]);
      try {
        await manager.deliver();
      } catch (error) {
        onError("outbox")(error);
      }
    },
  };
}
