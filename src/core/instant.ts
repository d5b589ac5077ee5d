/** Times as callers write them. */
import { InvalidInputError } from "./errors.ts";

const FORM = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/** An ISO 8601 date (its first instant, UTC) or a time with its zone, in epoch ms. Throws `InvalidInputError` naming the field. */
export function instant(text: unknown, field: string): number {
  const ms = typeof text === "string" && FORM.test(text) ? Date.parse(text) : Number.NaN;
  // Date.parse takes 30 February for 2 March.
  if (Number.isNaN(ms) || !dayExists((text as string).slice(0, 10))) {
    throw new InvalidInputError(`${field} must be an ISO 8601 date (2025-01-25) or a time with its zone (2025-01-25T14:30:52Z)`);
  }
  return ms;
}

function dayExists(day: string): boolean {
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
}
