/** The application as the Node server runs it: what it is told of connections, proxies, health and files. */
import type { Context } from "hono";
import { createIdGenerator } from "../../core/id.ts";
import { createApp, type HealthCheck } from "../../http/app.ts";
import { guard } from "../guard.ts";
import { createApiPage } from "./api-page.ts";
import { createClientAddress } from "./client-address.ts";
import type { Config } from "./config.ts";
import { healthChecks } from "./health.ts";
import type { Observation } from "./observe.ts";
import type { Fetch, NodeEnv } from "./http-server.ts";
import type { Jobs } from "./jobs.ts";
import type { Log } from "./log.ts";
import { keylessAllowed } from "./may-serve.ts";
import type { OpenService } from "./open-manager.ts";
import { packageVersion } from "./version.ts";

/** What goes with it, where there is more than the application. */
interface AppExtras {
  readonly observed?: Observation | null;
  /** Those of the stores, jobs and files by default. */
  readonly health?: readonly HealthCheck[];
}

/** Wires the application. */
export function nodeApp(
  config: Config,
  service: Pick<OpenService, "manager" | "secret" | "keys" | "limiter" | "files">,
  jobs: Jobs,
  log: Log,
  { observed = null, health = healthChecks(service.manager.stores, service.files, jobs) }: AppExtras = {},
): Fetch {
  const { manager, secret, keys, limiter } = service;
  const keyless = keylessAllowed(config);
  const visitor = createClientAddress(config.trustedProxies);
  const socketAddress = (c: Context): string | undefined => (c.env as NodeEnv).incoming.socket.remoteAddress;
  const app = createApp({
    manager,
    logger: log,
    version: packageVersion(),
    secret,
    keyless: {
      allowed: keyless,
      remoteAddress: (c) => socketAddress(c) ?? null,
    },
    ...guard({
      settings: config,
      keys,
      keyless,
      limiter,
      onDegraded: (error) => {
        log.warn({ err: error }, "the shared rate limiter fails; this server limits by itself");
        observed?.degraded();
      },
    }),
    clientAddress: (c) => visitor(socketAddress(c), c.req.header("x-forwarded-for") ?? null) ?? null,
    clientIp: config.clientIp,
    limits: manager.settings.limits,
    maxExtensionHours: config.maxExtensionHours,
    ids: createIdGenerator({ prefix: config.idPrefix }),
    acceptEnvironments: config.acceptEnvironments,
    health,
    ...(observed && { watch: observed.requests }),
    ...(observed?.metrics && { metrics: () => observed.metrics!.text() }),
    apiPage: createApiPage(),
  });
  return (request, env) => app.fetch(request, env);
}
