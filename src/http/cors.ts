/** Which web pages may call: those of the list, each by its own name, never with a wildcard and never with cookies. */
import type { MiddlewareHandler } from "hono";

const METHODS = "GET, HEAD, POST, PUT, DELETE";
const REQUEST_HEADERS = "authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, x-request-id";
const ANSWER_HEADERS = "etag, idempotency-replayed, ratelimit, ratelimit-policy, retry-after, x-request-id";
/** A browser may remember the answer to its question for so many seconds. */
const MAX_AGE = "600";

/** Answers the questions of browsers, and tells them which answers a page may read. */
export function crossOrigin(allowedOrigins: readonly string[]): MiddlewareHandler {
  const allowed = new Set(allowedOrigins);
  return async (c, next) => {
    const origin = c.req.header("origin");
    const known = origin !== undefined && allowed.has(origin);
    const asks = c.req.method === "OPTIONS" && c.req.header("access-control-request-method") !== undefined;
    await next();
    const { headers } = c.res;
    headers.append("vary", "Origin");
    if (!known) return;
    headers.set("access-control-allow-origin", origin);
    headers.set("access-control-expose-headers", ANSWER_HEADERS);
    headers.set("cross-origin-resource-policy", "cross-origin");
    if (!asks) return;
    headers.set("access-control-allow-methods", METHODS);
    headers.set("access-control-allow-headers", REQUEST_HEADERS);
    headers.set("access-control-max-age", MAX_AGE);
  };
}
