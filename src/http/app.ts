/** The HTTP API as a Hono application, the same on Node and on Workers. */
import { Hono } from "hono";
import { createContract, type Route } from "../contract/index.ts";
import { ConversationIDGenerator } from "../core/id.ts";
import { DEFAULT_LIMITS } from "../core/limits.ts";
import { createConversationTokens } from "../security/conversation-tokens.ts";
import { localRateLimiter } from "../security/rate-limit.ts";
import type { AppOptions } from "./app-options.ts";
import { createAuthentication } from "./authentication.ts";
import { crossOrigin } from "./cors.ts";
import { createCursors } from "./cursors.ts";
import { createDoor } from "./door.ts";
import { keylessAuthentication } from "./keyless.ts";
import { createRateChecks } from "./rate-limits.ts";
import { UNWATCHED } from "./request-watch.ts";
import { addAnalyticsRoutes } from "./routes/analytics.ts";
import { addConversationRoutes } from "./routes/conversations.ts";
import { addDocumentRoutes } from "./routes/documents.ts";
import { addErasureRoutes } from "./routes/erasures.ts";
import { addEventRoutes } from "./routes/events.ts";
import { addHealthRoutes } from "./routes/health.ts";
import { addKeyRoutes } from "./routes/keys.ts";
import { addLifecycleRoutes } from "./routes/lifecycle.ts";
import { addMessageRoutes } from "./routes/messages.ts";
import { addMetricsRoutes } from "./routes/metrics.ts";
import { addTokenRoutes } from "./routes/tokens.ts";
import { createTokenEpochs } from "./token-epochs.ts";
import { answerUnrouted } from "./unrouted.ts";

export type { AppOptions, ClientIpMode, HealthCheck, KeylessRule, Logger, PageFile } from "./app-options.ts";
export { PAGE_FILES } from "./api-page.ts";

/** Makes the application: every route of the contract over a manager. It keeps no state but counters, and starts nothing. */
export function createApp(options: AppOptions): Hono {
  const { manager, logger, secret } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const clock = options.clock ?? Date.now;
  const contract = createContract({ limits, maxExtensionHours: options.maxExtensionHours ?? 168 });
  const cursors = createCursors(secret);
  const keys = options.keys ?? null;
  const tokens = createConversationTokens(secret, clock);
  const epochs = createTokenEpochs(manager, clock);
  const allowedOrigins = options.allowedOrigins ?? [];
  const watch = options.watch ?? UNWATCHED;
  const app = new Hono();
  if (allowedOrigins.length > 0) app.use(crossOrigin(allowedOrigins));

  const door = createDoor(app, {
    manager,
    authenticate: createAuthentication({
      keys,
      tokens,
      epochs,
      rates: createRateChecks(options.rateLimits ?? { limiter: localRateLimiter(clock), addressPerMinute: 0, credentialPerMinute: 0 }),
      keyless: keylessAuthentication(options.keyless),
      clientAddress: options.clientAddress,
      allowedOrigins,
    }),
    logger,
    ids: options.ids ?? ConversationIDGenerator,
    acceptEnvironments: options.acceptEnvironments ?? ["P", "S", "D"],
    limits,
    secret,
    bodyTimeoutMs: options.bodyTimeoutMs ?? 10_000,
    maxInFlight: options.maxInFlight ?? 512,
    watch,
  });
  addConversationRoutes(door, contract, {
    manager,
    limits,
    cursors,
    tokens,
    clientAddress: options.clientAddress,
    clientIp: options.clientIp ?? "full",
  });
  addLifecycleRoutes(door, contract, manager);
  addMessageRoutes(door, contract, manager);
  addTokenRoutes(door, contract, { manager, tokens, epochs });
  addEventRoutes(door, contract, manager, cursors);
  addErasureRoutes(door, contract, manager);
  addKeyRoutes(door, contract, keys);
  addAnalyticsRoutes(door, contract, manager);
  addHealthRoutes(door, contract, {
    checks: options.health ?? [],
    version: options.version,
    startedAt: options.startedAt ?? clock(),
    clock,
  });
  addMetricsRoutes(door, contract, options);
  addDocumentRoutes(door, contract, options);
  answerUnrouted(app, Object.values(contract) as Route[], logger, watch);
  return app;
}
