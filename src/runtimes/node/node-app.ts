/** The application as the Node server runs it: what it is told of connections, proxies, health and files. */
import type { Context } from "hono";
import { createIdGenerator } from "../../core/id.ts";
import type { ConversationManager } from "../../core/manager.ts";
import { createApp } from "../../http/app.ts";
import { createApiPage } from "./api-page.ts";
import { createClientAddress, isLoopback } from "./client-address.ts";
import type { Config } from "./config.ts";
import { healthChecks } from "./health.ts";
import type { Fetch, NodeEnv } from "./http-server.ts";
import type { Jobs } from "./jobs.ts";
import { keptSecret } from "./kept-secret.ts";
import type { Log } from "./log.ts";
import { packageVersion } from "./version.ts";

/** Wires the application. */
export function nodeApp(config: Config, manager: ConversationManager, jobs: Jobs, log: Log): Fetch {
  const visitor = createClientAddress(config.trustedProxies);
  const socketAddress = (c: Context): string | undefined => (c.env as NodeEnv).incoming.socket.remoteAddress;
  const app = createApp({
    manager,
    logger: log,
    version: packageVersion(),
    secret: keptSecret(config),
    keyless: {
      allowed: config.environment === "development" && isLoopback(config.host),
      remoteAddress: (c) => socketAddress(c) ?? null,
    },
    clientAddress: (c) => visitor(socketAddress(c), c.req.header("x-forwarded-for") ?? null) ?? null,
    clientIp: config.clientIp,
    limits: manager.settings.limits,
    maxExtensionHours: config.maxExtensionHours,
    ids: createIdGenerator({ prefix: config.idPrefix }),
    acceptEnvironments: config.acceptEnvironments,
    health: healthChecks(manager.stores, config.database.path, jobs),
    apiPage: createApiPage(),
  });
  return (request, env) => app.fetch(request, env);
}
