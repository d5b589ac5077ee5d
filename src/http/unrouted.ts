/** What no route takes: 404, or 405 and the answer to OPTIONS where the path exists with other methods. */
import type { Context, Hono } from "hono";
import type { Method } from "../contract/index.ts";
import { logRequest } from "./door.ts";
import { MethodNotAllowedError, RouteNotFoundError } from "./door-errors.ts";
import { failureReply } from "./failure.ts";
import type { Logger } from "./app-options.ts";
import { toResponse, type Reply } from "./reply.ts";
import type { RequestWatch } from "./request-watch.ts";
import { requestIdOf } from "./request-id.ts";

const SENTENCE = "The request failed";

/** A path of the contract with the methods that it takes. */
interface Known {
  readonly pattern: RegExp;
  readonly methods: Set<string>;
}

function knownPaths(routes: readonly { method: Method; path: string }[]): Known[] {
  const known = new Map<string, Known>();
  for (const { method, path } of routes) {
    const entry = known.get(path) ?? {
      pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+").replaceAll(".", "\\.")}$`),
      methods: new Set(),
    };
    entry.methods.add(method);
    if (method === "GET") entry.methods.add("HEAD");
    known.set(path, entry);
  }
  return [...known.values()];
}

/** Answers what the routes leave over, and faults of the router itself. */
export function answerUnrouted(app: Hono, routes: readonly { method: Method; path: string }[], logger: Logger, watch: RequestWatch): void {
  const known = knownPaths(routes);

  /** Told to the log and to the metrics, together. */
  function note(requestId: string, method: string, status: number, error?: unknown): void {
    watch.begun();
    watch.answered({ method, route: "", status, ms: 0, shed: false });
    logRequest(logger, { requestId, method, route: "", status, ms: 0 }, error);
  }

  function reply(c: Context, requestId: string): Reply {
    const path = c.req.path;
    const methods = new Set(known.filter(({ pattern }) => pattern.test(path)).flatMap((entry) => [...entry.methods]));
    if (methods.size === 0) return failureReply(new RouteNotFoundError(), { requestId, sentence: SENTENCE });
    const allow = [...methods, "OPTIONS"].join(", ");
    if (c.req.method === "OPTIONS") return { status: 204, body: null, headers: { allow } };
    return failureReply(new MethodNotAllowedError(allow), { requestId, sentence: SENTENCE });
  }

  app.notFound((c) => {
    const requestId = requestIdOf(c.req.header("x-request-id"));
    const answer = reply(c, requestId);
    note(requestId, c.req.method, answer.status);
    return toResponse(answer, requestId);
  });
  app.onError((error, c) => {
    const requestId = requestIdOf(c.req.header("x-request-id"));
    note(requestId, c.req.method, 500, error);
    return toResponse(failureReply(error, { requestId, sentence: SENTENCE }), requestId);
  });
}
