/** Whether the service is alive and ready. */
import type { Contract } from "../../contract/index.ts";
import type { HealthCheck } from "../app-options.ts";
import type { Door } from "../door.ts";
import { json, type Reply } from "../reply.ts";
import { createServiceHealth, type Health } from "../service-health.ts";

/** What these routes need. */
export interface HealthRouteOptions {
  readonly checks: readonly HealthCheck[];
  readonly version: string;
  readonly startedAt: number;
  readonly clock: () => number;
}

/** Puts the routes in. */
export function addHealthRoutes(door: Door, contract: Contract, { checks, version, startedAt, clock }: HealthRouteOptions): void {
  const service = createServiceHealth(checks);
  const reply = ({ status, checks: results }: Health): Reply => {
    const body = { status, version, uptimeSeconds: Math.max(0, Math.floor((clock() - startedAt) / 1000)), checks: results };
    return status === "down" ? json(body, 503, { "retry-after": "1" }) : json(body);
  };
  door.on(contract.health, async () => reply(await service.health()));
  door.on(contract.live, async () => reply({ status: "ok", checks: {} }));
  door.on(contract.ready, async () => reply(await service.ready()));
}
