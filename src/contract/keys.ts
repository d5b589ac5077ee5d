/** API keys: made, listed, rotated, revoked. */
import * as z from "zod";
import { body, closedObject } from "./check.ts";
import type { ContractSettings } from "./contract-settings.ts";
import { dateOrTime, text } from "./fields.ts";
import { route } from "./route.ts";
import { apiKey, success } from "./shapes.ts";

const KEYS = "/api/v1/keys";
const MOST_ORIGINS = 20;
/** A key may work beside its successor for so long: 30 days. */
const MOST_OVERLAP_HOURS = 720;

/** An origin as browsers send it. */
function origin() {
  const rule = { error: "must be an origin such as https://www.example.com, without a path" };
  return z.string(rule).refine((value) => URL.canParse(value) && /^https?:/.test(value) && new URL(value).origin === value, rule);
}

/** The routes of keys. */
export function keyRoutes({ limits }: ContractSettings) {
  const overlap = { error: `must be a number of hours from 0 to ${MOST_OVERLAP_HOURS}` };
  const common = { tag: "keys", scopes: ["admin"], errors: ["not_supported"] } as const;
  const once = "The key itself is answered here, and never again.";
  const keyText = z.string().meta({ description: once });

  return {
    createKey: route({
      ...common,
      name: "createKey",
      method: "POST",
      path: KEYS,
      summary: "Make an API key",
      description: once,
      failure: "Failed to make the API key",
      body: body(
        closedObject({
          scope: z.enum(["site", "service", "operator", "admin"], { error: "must be site, service, operator or admin" }),
          name: text(0, 100).meta({ description: "What people call it." }).optional(),
          origins: z
            .array(origin(), { error: "must be a list of origins" })
            .max(MOST_ORIGINS, { error: `must hold at most ${MOST_ORIGINS} origins` })
            .meta({ description: "Of a site key: where it works." })
            .optional(),
          expiresAt: dateOrTime().meta({ description: "When it ends; without it it does not." }).optional(),
        }),
        limits.bodyBytes,
        "required",
      ),
      answer: success({ key: keyText, data: apiKey }),
    }),

    listKeys: route({
      ...common,
      name: "listKeys",
      method: "GET",
      path: KEYS,
      summary: "List the API keys",
      description: "All of them, oldest first, revoked and ended ones too.",
      failure: "Failed to list the API keys",
      answer: success({ data: z.array(apiKey) }),
    }),

    rotateKey: route({
      ...common,
      name: "rotateKey",
      method: "POST",
      path: `${KEYS}/{key}/rotate`,
      summary: "Make a key in place of another",
      description: `The old one works for the overlap. ${once}`,
      failure: "Failed to rotate the API key",
      body: body(
        closedObject({ overlapHours: z.number(overlap).min(0, overlap).max(MOST_OVERLAP_HOURS, overlap).default(24) }),
        limits.bodyBytes,
        "optional",
      ),
      answer: success({ key: keyText, data: apiKey, replaced: apiKey }),
      errors: ["not_supported", "conflict"],
    }),

    revokeKey: route({
      ...common,
      name: "revokeKey",
      method: "DELETE",
      path: `${KEYS}/{key}`,
      summary: "Revoke an API key",
      description: "Within five seconds it is refused everywhere.",
      failure: "Failed to revoke the API key",
      answer: success({ data: apiKey }),
    }),
  };
}
