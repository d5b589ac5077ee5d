/** `createWorker`: the whole API as the handlers of a Worker. */
import type { Hono } from "hono";
import { StoreUnavailableError } from "../../core/errors.ts";
import { failureReply } from "../../http/failure.ts";
import { requestIdOf } from "../../http/request-id.ts";
import { json, toResponse } from "../../http/reply.ts";
import { ConfigurationError } from "../node/configuration-error.ts";
import { duringRequest } from "./behind.ts";
import type { Env, Scheduled, WorkerContext } from "./env.ts";
import { runJobs } from "./jobs.ts";
import { createLog } from "./log.ts";
import type { Service } from "./service.ts";
import { services } from "./services.ts";
import { VERSION } from "./version.ts";
import { workerApp } from "./worker-app.ts";

/** The handlers. */
export interface ConversationWorker {
  fetch(request: Request, env: Env, context: WorkerContext): Promise<Response>;
  scheduled(scheduled: Scheduled, env: Env, context: WorkerContext): Promise<void>;
}

const PASS_ON_AT_ONCE = 100;

/** The application of each service, made at its first request. */
const apps = new WeakMap<Service, Hono>();

function appOf(service: Service, env: Env): Hono {
  const app = apps.get(service) ?? workerApp(service, env);
  apps.set(service, app);
  return app;
}

const LIVE = "/livez";

/** The answer when nothing could be opened. The process answers all the same. */
function notOpened(request: Request, error: unknown): Response {
  const isLive = new URL(request.url).pathname === LIVE && (request.method === "GET" || request.method === "HEAD");
  const requestId = requestIdOf(request.headers.get("x-request-id") ?? undefined);
  const log = createLog("info");
  if (error instanceof ConfigurationError) log.error({ requestId }, error.message);
  else log.error({ requestId, err: error }, "the service cannot be opened");
  if (isLive) return toResponse(json({ status: "ok", version: VERSION, uptimeSeconds: 0, checks: {} }), requestId);
  const sentence =
    error instanceof StoreUnavailableError
      ? "The store cannot be opened at the moment. Try again."
      : "The service is not configured correctly; its log says what is wrong";
  return toResponse(failureReply(error, { requestId, sentence }), requestId);
}

/** What a request left in the outbox goes on without the visitor waiting for it; the cron finds what is left then. */
async function passOn({ manager, log }: Service): Promise<void> {
  try {
    await manager.deliver(PASS_ON_AT_ONCE);
  } catch (error) {
    log.error({ err: error, during: "outbox" }, "failed off the request path");
  }
}

/**
 * Makes the handlers. What they need comes with each call, as bindings, variables and secrets; nothing is read from anywhere else.
 *
 * @example
 * export { ConversationObject } from "itera-conversations/worker";
 * export default createWorker();
 */
export function createWorker(): ConversationWorker {
  return {
    fetch: (request, env, context) => duringRequest(env, context, () => answer(request, env, context)),
    scheduled: (scheduled, env, context) => duringRequest(env, context, async () => runJobs(await services.of(env), env, scheduled)),
  };
}

async function answer(request: Request, env: Env, context: WorkerContext): Promise<Response> {
  let service: Service;
  try {
    service = await services.of(env);
  } catch (error) {
    return notOpened(request, error);
  }
  const answering = Promise.resolve(appOf(service, env).fetch(request, env));
  // A visitor who leaves does not stop what was begun: others may wait for it.
  context.waitUntil(answering.then(() => (request.method === "GET" || request.method === "HEAD" ? undefined : passOn(service))));
  return answering;
}
