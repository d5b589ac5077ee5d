/** What the health routes ask: stores, jobs and disk. */
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { HealthStatus } from "../../contract/health.ts";
import type { Store } from "../../core/store.ts";
import type { Stores } from "../../core/stores.ts";
import type { HealthCheck } from "../../http/app-options.ts";
import type { Jobs } from "./jobs.ts";
import { patientCheck } from "./patient-check.ts";

const SWEEP_OLD_MS = 5 * 60_000;
const OUTBOX_OLD_MS = 60_000;
const DISK_LEFT = 64 * 1024 * 1024;

function probe(store: Store): () => Promise<HealthStatus> {
  return patientCheck(async () => {
    await store.probe();
    return true;
  }, "down");
}

/**
 * The checks of a server: `hot` and `archive` are down when they do not answer; `sweep` is degraded when none ended well
 * within five minutes, `outbox` within one, `disk` when less than 64 MiB are left where one of the stores' files is. Where there
 * is no file, there is no such check.
 */
export function healthChecks(stores: Stores, files: readonly string[], jobs: Pick<Jobs, "sweep" | "outbox">): HealthCheck[] {
  const startedAt = Date.now();
  const recent = (last: number | null, ms: number): HealthStatus => (Date.now() - (last ?? startedAt) > ms ? "degraded" : "ok");
  const enoughDisk = async (): Promise<boolean> => {
    const disks = await Promise.all(files.map((path) => statfs(dirname(path))));
    return disks.every(({ bavail, bsize }) => bavail * bsize >= DISK_LEFT);
  };
  return [
    { name: "hot", run: probe(stores.hot) },
    ...(stores.archive ? [{ name: "archive", run: probe(stores.archive) }] : []),
    { name: "sweep", run: async () => recent(jobs.sweep.lastDone(), SWEEP_OLD_MS) },
    { name: "outbox", run: async () => recent(jobs.outbox.lastDone(), OUTBOX_OLD_MS) },
    ...(files.length > 0 ? [{ name: "disk", run: patientCheck(enoughDisk, "degraded") }] : []),
  ];
}
