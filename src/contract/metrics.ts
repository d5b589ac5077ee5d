/** Metrics for Prometheus. */
import { route } from "./route.ts";

/** The route of metrics. */
export function metricsRoutes() {
  return {
    metrics: route({
      name: "metrics",
      method: "GET",
      path: "/metrics",
      tag: "health",
      summary: "How the service is doing, in numbers",
      description: "Prometheus text, version 0.0.4. No label holds an ID, a key, an address or anything that was said.",
      scopes: ["operator"],
      failure: "Failed to show the metrics",
      answer: "text/plain",
      errors: ["not_supported"],
    }),
  };
}
