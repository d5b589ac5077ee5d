/** What happened to a conversation. */
import * as z from "zod";
import { query } from "./check.ts";
import { BASE, type ContractSettings } from "./contract-settings.ts";
import { text, wholeNumber } from "./fields.ts";
import { route } from "./route.ts";
import { lifecycleEvent, success } from "./shapes.ts";

/** The route of events. */
export function eventRoutes({ limits }: ContractSettings) {
  return {
    listEvents: route({
      name: "listEvents",
      method: "GET",
      path: `${BASE}/{id}/events`,
      tag: "conversations",
      summary: "Read what happened to a conversation",
      description: "Oldest first.",
      scopes: ["operator"],
      failure: "Failed to retrieve conversation",
      query: query({
        limit: wholeNumber(1, limits.list).default(limits.listDefault),
        cursor: text(1, 512).meta({ description: "`nextCursor` of the page before." }).optional(),
      }),
      answer: success({ data: z.array(lifecycleEvent), nextCursor: z.string().nullable() }),
      errors: ["not_supported"],
    }),
  };
}
