/** What the server does by itself: the sweep every minute, the outbox every second, the cleanup every few hours. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ConversationManager } from "../../core/manager.ts";
import type { ClockWatch } from "../../operations/clock-watch.ts";
import { startJob, type Job } from "./job.ts";
import type { Log } from "./log.ts";

const SECOND = 1000;
const HOUR = 3_600_000;
/** After the start, so that the first requests do not wait for it. */
const FIRST_SWEEP_MS = 2 * SECOND;
const FIRST_CLEANUP_MS = 60 * SECOND;
const STOP_MS = 3 * SECOND;
/** Between two looks at the clock; the sweep and the cleanup look as well before they begin. */
const LOOK_MS = 20 * SECOND;

/** What else jobs are told. */
export interface JobHooks {
  /** Without it every time is believed. */
  readonly clock?: ClockWatch;
  readonly onFailed?: (job: string) => void;
}

/** The jobs of a server. */
export interface Jobs {
  readonly sweep: Job;
  readonly outbox: Job;
  readonly cleanup: Job;
  /** Lets what runs finish, then passes on what is left in the outbox; after three seconds it is left to the next server. */
  stop(): Promise<void>;
}

/**
 * Starts the jobs. A run that fails is logged, and the next one comes in its time. `prepare` makes ahead what the archive will
 * need, before the cleanup, which may take long. After a jump of the clock the sweep waits until it is steady, and the cleanup, all
 * of which removes by time, until an operator has confirmed it.
 */
export function startJobs(
  manager: ConversationManager,
  cleanupHours: number,
  log: Log,
  prepare: () => Promise<void>,
  { clock, onFailed = () => {} }: JobHooks = {},
): Jobs {
  const onError = (job: string) => (error: unknown) => {
    log.error({ err: error, job }, "a job failed");
    onFailed(job);
  };
  const look = startJob({ everyMs: LOOK_MS, firstMs: SECOND, onError: onError("clock"), run: async () => clock?.look() });
  const sweep = startJob({
    everyMs: 60 * SECOND,
    firstMs: FIRST_SWEEP_MS,
    onError: onError("sweep"),
    async run() {
      await clock?.look();
      if (clock?.sweepPaused()) return log.debug({}, "not swept: the clock has not been steady for long enough");
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
      await prepare();
      await clock?.look();
      if (await clock?.purgePaused())
        return log.warn({}, "not cleaned up: the clock has jumped. If it is right now: itera doctor --confirm-clock");
      log.info({ ...(await manager.cleanup()) }, "cleaned up");
    },
  });
  return {
    sweep,
    outbox,
    cleanup,
    async stop() {
      const rest = async (): Promise<void> => {
        await Promise.all([sweep.stop(), outbox.stop(), cleanup.stop(), look.stop()]);
        await manager.deliver();
      };
      // A store that hangs does not keep the server from stopping: what is not passed on now, the next one passes on.
      const late = new AbortController();
      await Promise.race([rest().catch(onError("outbox")), sleep(STOP_MS, undefined, { signal: late.signal }).catch(() => {})]);
      late.abort();
    },
  };
}
