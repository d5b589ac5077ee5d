/**
 * The whole API as one request listener of Node, for hosts and tests that bring a server of their own. It opens the
 * configured store on the first request: in memory if `NODE_ENV` is `test` and no `DATABASE_URL` is set.
 */
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { resolve } from "node:path";
import { getRequestListener } from "@hono/node-server";
import { memoryStores } from "../../adapters/memory/memory-stores.ts";
import { StoreUnavailableError } from "../../core/errors.ts";
import type { ConversationManager } from "../../core/manager.ts";
import { readConfig, type Config, type ConfigSource } from "./config.ts";
import { refuse, type Refusal } from "./envelope.ts";
import type { Fetch, NodeEnv } from "./http-server.ts";
import { createLog } from "./log.ts";
import { observe, reporting } from "./observe.ts";
import { openService } from "./open-manager.ts";
import { checkRequest } from "./request-check.ts";
import { runService, type RunningService } from "./run-service.ts";

/** A listener for `http.createServer`. */
export interface App {
  (request: IncomingMessage, response: ServerResponse): void;
  /** Lets the requests finish that are under way, then closes the store. A later request opens it again. */
  close(): Promise<void>;
}

interface Opened {
  readonly fetch: Fetch;
  readonly manager: ConversationManager;
  readonly running: RunningService;
}

/** In memory nothing is written beside a database: neither the secret nor the folder. */
function inMemory(config: Config, folder: string): Config {
  return {
    ...config,
    secret: config.secret ?? new Uint8Array(randomBytes(32)),
    database: { engine: "sqlite", path: resolve(folder, "in-memory") },
    logLevel: config.given.has("LOG_LEVEL") ? config.logLevel : "warn",
  };
}

async function open({ env = process.env, folder = process.cwd() }: ConfigSource): Promise<Opened> {
  const configured = readConfig({ env, folder });
  const forgetting = env["NODE_ENV"] === "test" && !configured.given.has("DATABASE_URL");
  const config = forgetting ? inMemory(configured, folder) : configured;
  const log = createLog(config.logLevel);
  const observed = observe(config);
  const service = await openService(config, {
    patience: "request",
    ...(forgetting ? { stores: memoryStores() } : {}),
    ...reporting(observed, log),
  });
  const running = runService(config, service, observed, log);
  return { fetch: running.fetch, manager: service.manager, running };
}

function notOpened(error: unknown): Refusal {
  if (error instanceof StoreUnavailableError) {
    const headers = { "retry-after": "1" };
    return { status: 503, code: error.code, error: "The store cannot be opened at the moment. Try again.", headers };
  }
  return { status: 500, code: "internal", error: "The service is not configured correctly; its log says what is wrong" };
}

/**
 * Makes a listener. Nothing is read or opened before the first request, and nothing it opens keeps the process alive.
 *
 * @example
 * http.createServer(createNodeListener({ folder: "/srv/chats" })).listen(8787, "127.0.0.1");
 */
export function createNodeListener(source: ConfigSource = {}): App {
  let opening: Promise<Opened> | null = null;
  const underWay = new Set<Promise<unknown>>();

  const answer = getRequestListener(async (request, env) => (await opening!).fetch(request, env as NodeEnv), { hostname: "localhost" });

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refusal = checkRequest(request);
    if (refusal) return refuse(response, refusal);
    try {
      await (opening ??= open(source));
    } catch (error) {
      opening = null;
      console.error(error instanceof Error ? error.message : error);
      return refuse(response, notOpened(error));
    }
    await answer(request, response);
  }

  const app = (request: IncomingMessage, response: ServerResponse): void => {
    const work = take(request, response).finally(() => underWay.delete(work));
    underWay.add(work);
  };
  return Object.assign(app, {
    async close() {
      await Promise.allSettled(underWay);
      const opened = await opening?.catch(() => null);
      opening = null;
      await opened?.running.stop();
      await opened?.manager.close();
    },
  });
}

/** The listener of this process's own configuration. */
const app = createNodeListener();

export default app;
