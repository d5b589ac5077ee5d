/** All routes of the API, for the limits of one service. */
import { analyticsRoutes } from "./analytics.ts";
import type { ContractSettings } from "./contract-settings.ts";
import { conversationRoutes } from "./conversations.ts";
import { documentRoutes } from "./documents.ts";
import { erasureRoutes } from "./erasures.ts";
import { eventRoutes } from "./events.ts";
import { healthRoutes } from "./health.ts";
import { keyRoutes } from "./keys.ts";
import { lifecycleRoutes } from "./lifecycle.ts";
import { messageRoutes } from "./messages.ts";
import { metricsRoutes } from "./metrics.ts";
import { tokenRoutes } from "./tokens.ts";

/** The routes by name. */
export type Contract = ReturnType<typeof createContract>;

/** Makes the contract of a service. */
export function createContract(settings: ContractSettings) {
  return {
    ...conversationRoutes(settings),
    ...lifecycleRoutes(settings),
    ...messageRoutes(settings),
    ...tokenRoutes(settings),
    ...eventRoutes(settings),
    ...erasureRoutes(settings),
    ...keyRoutes(settings),
    ...analyticsRoutes(),
    ...healthRoutes(),
    ...metricsRoutes(),
    ...documentRoutes(),
  };
}
