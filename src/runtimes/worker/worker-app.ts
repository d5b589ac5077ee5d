/** The application as a Worker runs it: what it is told of visitors, health and files. */
import type { Context, Hono } from "hono";
import { durableObjectRateLimiter } from "../../adapters/durable-objects/rate-limiter.ts";
import { createIdGenerator } from "../../core/id.ts";
import type { PageFile } from "../../http/app-options.ts";
import { createApp } from "../../http/app.ts";
import { guard } from "../guard.ts";
import type { AssetsLike, Env } from "./env.ts";
import { healthChecks } from "./health.ts";
import { workerMetrics } from "./metrics.ts";
import type { Service } from "./service.ts";
import { VERSION } from "./version.ts";

/** Cloudflare's edge sets it on every request; what a visitor sends under this name never arrives. */
const VISITOR = "cf-connecting-ip";

const TYPES: Readonly<Record<string, string>> = { js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8" };

/** The files of the API page, where static files are bound. */
function apiPage(assets: AssetsLike): (file: string) => Promise<PageFile | null> {
  return async (file) => {
    const { ok, body } = await assets.fetch(`https://api-page/${file}`);
    const contentType = TYPES[file.split(".").at(-1)!];
    return ok && body && contentType ? { body, contentType } : null;
  };
}

/** Wires the application over a service. */
export function workerApp({ settings, manager, secret, keys, log, startedAt }: Service, { API_PAGE, CONVERSATIONS }: Env): Hono {
  const { directory } = manager.stores;
  const keyless = settings.environment === "development" && (settings.apiKeys ?? []).length === 0;
  const visitor = (c: Context): string | null => c.req.header(VISITOR)?.trim() ?? null;
  return createApp({
    manager,
    logger: log,
    version: VERSION,
    secret,
    keyless: {
      allowed: keyless,
      // A Worker sees no connections. What did not come over Cloudflare's edge has no such header, and is answered under a loopback name alone.
      remoteAddress: (c) => visitor(c) ?? "127.0.0.1",
      platformHeaders: [VISITOR],
    },
    ...guard({
      settings,
      keys,
      keyless,
      limiter: CONVERSATIONS ? durableObjectRateLimiter({ namespace: CONVERSATIONS }) : null,
      onDegraded: (error) => log.warn({ err: error }, "the shared rate limiter fails; this isolate limits by itself"),
    }),
    clientAddress: visitor,
    clientIp: settings.clientIp,
    limits: manager.settings.limits,
    maxExtensionHours: settings.maxExtensionHours,
    ids: createIdGenerator({ prefix: settings.idPrefix }),
    acceptEnvironments: settings.acceptEnvironments,
    health: healthChecks(manager.stores, startedAt),
    startedAt,
    ...(settings.metrics && directory ? { metrics: () => workerMetrics(directory, Date.now()) } : {}),
    ...(API_PAGE ? { apiPage: apiPage(API_PAGE) } : {}),
  });
}
