/** What runs over open stores: the application, the jobs, the watch over the clock, metrics and alerts. */
import { createClockWatch } from "../../operations/clock-watch.ts";
import { startAlerting } from "./alerting.ts";
import { startBackups } from "./backup-job.ts";
import type { Config } from "./config.ts";
import { healthChecks } from "./health.ts";
import type { Fetch } from "./http-server.ts";
import { startJobs, type Jobs } from "./jobs.ts";
import type { Log } from "./log.ts";
import { addSources } from "./metric-sources.ts";
import { nodeApp } from "./node-app.ts";
import type { Observation } from "./observe.ts";
import type { OpenService } from "./open-manager.ts";

/** What runs. */
export interface RunningService {
  readonly fetch: Fetch;
  readonly jobs: Jobs;
  /** Lets what is under way finish. The stores stay open. */
  stop(): Promise<void>;
}

/** Starts it. Nothing of it keeps the process alive. */
export function runService(config: Config, service: OpenService, observed: Observation, log: Log): RunningService {
  const startedAt = Date.now();
  const clock = createClockWatch({
    records: service.jobs.stores.records,
    onMark: ({ reason, byMs }) =>
      log.error(
        { reason, bySeconds: Math.round(byMs / 1000) },
        "the clock cannot be trusted: the sweep waits until it is steady, purging until somebody runs itera doctor --confirm-clock",
      ),
  });
  const jobs = startJobs(service.jobs, config.cleanupIntervalHours, log, service.prepare, { clock, onFailed: observed.jobFailed });
  const backups = startBackups(config, service, { log, onFailed: observed.jobFailed, purgePaused: clock.purgePaused });
  const health = healthChecks(service.manager.stores, service.files, jobs);
  const looked = { service, jobs, clock, health, startedAt };
  if (observed.metrics) addSources(observed.metrics, looked);
  const alerting = startAlerting({ ...looked, config, observed, log });
  return {
    fetch: nodeApp(config, service, jobs, log, { observed, health }),
    jobs,
    async stop() {
      observed.close();
      await Promise.all([jobs.stop(), backups?.stop(), alerting.stop()]);
    },
  };
}
