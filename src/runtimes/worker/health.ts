/** What the health routes of a Worker ask: the stores, and when the cron last swept. */
import type { HealthStatus } from "../../contract/health.ts";
import type { Records } from "../../core/records.ts";
import type { Store } from "../../core/store.ts";
import type { Stores } from "../../core/stores.ts";
import type { HealthCheck } from "../../http/app-options.ts";

const SWEEP_OLD_MS = 5 * 60_000;

/** Under which the cron notes that a sweep ended well: `{at}` in epoch milliseconds. */
export const SWEEP_MARK = { kind: "job", key: "sweep" } as const;

async function probe(store: Store): Promise<HealthStatus> {
  await store.probe();
  return "ok";
}

/** When a sweep last ended well, as any isolate noted it; null: never. */
async function lastSweep(records: Records): Promise<number | null> {
  const value = (await records.get(SWEEP_MARK.kind, SWEEP_MARK.key))?.value as { at?: unknown } | undefined;
  return typeof value?.at === "number" ? value.at : null;
}

/** `hot` and `archive` are down when they do not answer; `sweep` is degraded when none ended well within five minutes; before the first one, `startedAt` counts. */
export function healthChecks({ hot, archive, records }: Stores, startedAt: number, clock: () => number = Date.now): HealthCheck[] {
  const checks: HealthCheck[] = [{ name: "hot", run: () => probe(hot) }];
  if (archive) checks.push({ name: "archive", run: () => probe(archive) });
  if (records) {
    const run = async (): Promise<HealthStatus> => (clock() - ((await lastSweep(records)) ?? startedAt) > SWEEP_OLD_MS ? "degraded" : "ok");
    checks.push({ name: "sweep", run });
  }
  return checks;
}
