/** Metrics for Prometheus, where they are kept. */
import type { Contract } from "../../contract/index.ts";
import { NotSupportedError } from "../../core/errors.ts";
import type { AppOptions } from "../app-options.ts";
import type { Door } from "../door.ts";

const TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Puts the route in. */
export function addMetricsRoutes(door: Door, contract: Contract, { metrics }: Pick<AppOptions, "metrics">): void {
  door.on(contract.metrics, async () => {
    if (!metrics) throw new NotSupportedError("No metrics are kept here; METRICS_ENABLED says whether they are");
    return { status: 200, body: await metrics(), headers: { "content-type": TYPE } };
  });
}
