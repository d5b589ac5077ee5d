/** Erasing all that is kept of a person. */
import * as z from "zod";
import { body, closedObject } from "./check.ts";
import type { ContractSettings } from "./contract-settings.ts";
import { text } from "./fields.ts";
import { route } from "./route.ts";
import { subjectErasure, success } from "./shapes.ts";

/** The route of erasures. */
export function erasureRoutes({ limits }: ContractSettings) {
  return {
    eraseSubject: route({
      name: "eraseSubject",
      method: "POST",
      path: "/api/v1/erasures",
      tag: "erasures",
      summary: "Erase all conversations of a person",
      description: "They are found by a value of their metadata, also inside `leadData`.",
      scopes: ["admin"],
      failure: "Failed to erase conversation",
      body: body(
        closedObject({
          key: text(1, 64).meta({ description: "One of the configured subject keys, such as `email`." }),
          value: text(1, 512),
          dryRun: z
            .boolean({ error: "must be true or false" })
            .default(false)
            .meta({ description: "true: only say what would be erased." }),
        }),
        limits.bodyBytes,
        "required",
      ),
      answer: success({ receipts: z.array(subjectErasure) }),
      errors: ["not_supported"],
    }),
  };
}
