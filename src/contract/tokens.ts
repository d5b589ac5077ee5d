/** Tokens for browsers: each for one conversation. */
import * as z from "zod";
import { TOKEN_OPERATIONS, TOKEN_SECONDS } from "../core/token-operation.ts";
import { body, closedObject } from "./check.ts";
import { BASE, type ContractSettings } from "./contract-settings.ts";
import { route } from "./route.ts";
import { success } from "./shapes.ts";

/** The routes of tokens. */
export function tokenRoutes({ limits }: ContractSettings) {
  const seconds = { error: `must be a whole number of seconds from ${TOKEN_SECONDS.min} to ${TOKEN_SECONDS.max}` };
  const operations = { error: `must be a list of some of ${TOKEN_OPERATIONS.join(", ")}, each at most once` };
  const common = { path: `${BASE}/{id}/token`, tag: "tokens" } as const;

  return {
    mintToken: route({
      ...common,
      name: "mintToken",
      method: "POST",
      summary: "Get a token for one conversation",
      description: "With a token: a new one that allows no more, as long as the conversation lives.",
      scopes: ["service", "token"],
      tokenOperation: "renew",
      failure: "Failed to make a token for the conversation",
      body: body(
        closedObject({
          operations: z
            .array(z.enum(TOKEN_OPERATIONS as ["read"], operations), operations)
            .min(1, operations)
            .refine((given) => new Set(given).size === given.length, operations)
            .meta({ description: "Without it all, or those of the token that is renewed." })
            .optional(),
          expiresIn: z
            .int(seconds)
            .min(TOKEN_SECONDS.min, seconds)
            .max(TOKEN_SECONDS.max, seconds)
            .default(TOKEN_SECONDS.default)
            .meta({ description: "Seconds." }),
        }),
        limits.bodyBytes,
        "optional",
      ),
      answer: success({ token: z.string(), expiresAt: z.string().meta({ format: "date-time" }) }),
    }),

    revokeTokens: route({
      ...common,
      name: "revokeTokens",
      method: "DELETE",
      summary: "Revoke all tokens of a conversation",
      description: "Within five seconds no token made before is accepted anywhere.",
      scopes: ["service"],
      failure: "Failed to revoke the tokens of the conversation",
      answer: success({}),
      errors: ["not_supported"],
    }),
  };
}
