/** Where the gauges of a server come from: health, jobs, stores, disks and the clock. */
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { Directory } from "../../core/directory.ts";
import type { HealthCheck } from "../../http/app-options.ts";
import { backupStatus } from "../../operations/backup/backup-status.ts";
import type { ClockWatch } from "../../operations/clock-watch.ts";
import type { Metrics, Reading, Source } from "../../operations/metrics.ts";
import type { Jobs } from "./jobs.ts";
import type { OpenService } from "./open-manager.ts";
import type { EngineFigures } from "./open-stores.ts";
import { packageVersion } from "./version.ts";

/** What is looked at. */
export interface Looked {
  readonly service: Pick<OpenService, "manager" | "files" | "figures">;
  readonly jobs: Jobs;
  readonly clock: ClockWatch;
  readonly health: readonly HealthCheck[];
  readonly startedAt: number;
}

const STATUS = { ok: 0, degraded: 1, down: 2 } as const;
/** Counting live conversations may be work for a database, and several collectors may look. */
const LIVE_KEPT_MS = 15_000;

function live(directory: Directory): Source {
  let kept: { at: number; value: number } | null = null;
  return async () => {
    if (!kept || performance.now() - kept.at > LIVE_KEPT_MS) kept = { value: await directory.live(), at: performance.now() };
    return [{ name: "itera_conversations_live", value: kept.value }];
  };
}

function* ofEngine(place: string, { file, pools }: EngineFigures): Generator<Reading> {
  if (file) {
    yield { name: "itera_sqlite_file_bytes", labels: { place, file: "database" }, value: file.bytes };
    yield { name: "itera_sqlite_file_bytes", labels: { place, file: "log" }, value: file.logBytes };
    yield { name: "itera_sqlite_waiting", labels: { place, queue: "writes" }, value: file.pendingWrites };
    yield { name: "itera_sqlite_waiting", labels: { place, queue: "reads" }, value: file.pendingReads };
    yield { name: "itera_sqlite_oldest_write_seconds", labels: { place }, value: file.oldestWriteMs / 1000 };
  }
  for (const [name, { total, idle, waiting }] of Object.entries(pools ?? {})) {
    const pool = place === "database" ? name : `hot-${name}`;
    yield { name: "itera_database_connections", labels: { pool, state: "busy" }, value: total - idle };
    yield { name: "itera_database_connections", labels: { pool, state: "idle" }, value: idle };
    yield { name: "itera_database_waiting", labels: { pool }, value: waiting };
  }
}

/** Lets metrics read all of it. Each source by itself, so that one that fails takes no other with it. */
export function addSources(metrics: Metrics, { service, jobs, clock, health, startedAt }: Looked): void {
  const { directory, records } = service.manager.stores;
  const age = (job: string, at: number | null): Reading => {
    return { name: "itera_job_age_seconds", labels: { task: job }, value: Math.max(0, Date.now() - (at ?? startedAt)) / 1000 };
  };
  metrics.addSource(() => [
    age("sweep", jobs.sweep.lastDone()),
    age("outbox", jobs.outbox.lastDone()),
    age("cleanup", jobs.cleanup.lastDone()),
    { name: "itera_build_info", labels: { version: packageVersion() }, value: 1 },
  ]);
  metrics.addSource(() => Object.entries(service.figures()).flatMap(([place, figures]) => [...ofEngine(place, figures)]));
  for (const { name, run } of health) {
    metrics.addSource(async () => {
      const status = await run().catch(() => "down" as const);
      return [{ name: "itera_health_status", labels: { check: name }, value: STATUS[status] }];
    });
  }
  service.files.forEach((path, index) =>
    metrics.addSource(async () => {
      const { bavail, bsize } = await statfs(dirname(path));
      return [{ name: "itera_disk_free_bytes", labels: { place: index === 0 ? "database" : "hot" }, value: bavail * bsize }];
    }),
  );
  metrics.addSource(() => [{ name: "itera_clock_paused", labels: { work: "sweep" }, value: Number(clock.sweepPaused()) }]);
  metrics.addSource(async () => [{ name: "itera_clock_paused", labels: { work: "purge" }, value: Number(await clock.purgePaused()) }]);
  if (directory) metrics.addSource(live(directory));
  if (records) {
    metrics.addSource(async () => {
      const { good } = await backupStatus(records);
      return good === null ? [] : [age("backup", Date.parse(good.startedAt))];
    });
  }
}
