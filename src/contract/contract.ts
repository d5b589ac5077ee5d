/** All routes of the API, for the limits of one service. */
import { analyticsRoutes } from "./analytics.ts";
import type { ContractSettings } from "./contract-settings.ts";
import { conversationRoutes } from "./conversations.ts";
import { documentRoutes } from "./documents.ts";
import { erasureRoutes } from "./erasures.ts";
import { eventRoutes } from "./events.ts";
import { healthRoutes } from "./health.ts";
import { lifecycleRoutes } from "./lifecycle.ts";
import { messageRoutes } from "./messages.ts";

/** The routes by name. */
export type Contract = ReturnType<typeof createContract>;

/** Makes the contract of a service. */
export function createContract(settings: ContractSettings) {
  return {
    ...conversationRoutes(settings),
    ...lifecycleRoutes(settings),
    ...messageRoutes(settings),
    ...eventRoutes(settings),
    ...erasureRoutes(settings),
    ...analyticsRoutes(),
    ...healthRoutes(),
    ...documentRoutes(),
  };
}
