/** Statistics. */
import { query } from "./check.ts";
import { day } from "./fields.ts";
import { route } from "./route.ts";
import { analytics, success } from "./shapes.ts";

/** The route of analytics. */
export function analyticsRoutes() {
  return {
    analytics: route({
      name: "analytics",
      method: "GET",
      path: "/api/v1/analytics",
      tag: "analytics",
      summary: "Count conversations by day",
      description: "UTC days, both inclusive, at most 366; the last 30 by default. What was wiped, erased or purged still counts.",
      scopes: ["operator"],
      failure: "Failed to analyse conversation",
      query: query({ from: day().optional(), to: day().optional() }),
      answer: success({ data: analytics }),
      errors: ["not_supported"],
    }),
  };
}
