/** Whether the service is alive and ready. */
import * as z from "zod";
import { route } from "./route.ts";

/** How a part of the service, or all of it, is. */
export const HEALTH_STATUSES = ["ok", "degraded", "down"] as const;

/** One of `HEALTH_STATUSES`. */
export type HealthStatus = (typeof HEALTH_STATUSES)[number];

const status = z.enum(HEALTH_STATUSES);

/** The answer of every health route. */
export const health = z.strictObject({
  status,
  version: z.string(),
  uptimeSeconds: z.int().min(0),
  checks: z.record(z.string(), status),
});

/** The routes of health. They are open, and show no addresses. */
export function healthRoutes() {
  const common = { method: "GET", tag: "health", scopes: ["open"], failure: "Failed to check health", answer: health } as const;
  const down = { 503: { description: "Down.", schema: health } };
  return {
    health: route({
      ...common,
      name: "health",
      path: "/health",
      summary: "How the service is",
      description: "`down` when live conversations cannot be read.",
      alsoAnswers: down,
    }),
    live: route({ ...common, name: "live", path: "/livez", summary: "Whether the process answers" }),
    ready: route({ ...common, name: "ready", path: "/readyz", summary: "Whether every store answers", alsoAnswers: down }),
  };
}
