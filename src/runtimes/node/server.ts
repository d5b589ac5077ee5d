/** The Node server: stores, application, HTTP and background jobs, wired from a configuration. */
import type { ConversationManager } from "../../core/manager.ts";
import { hasWorkingKey } from "../guard.ts";
import type { Config } from "./config.ts";
import { ConfigurationError, type Fault } from "./configuration-error.ts";
import { listen, type HttpServer } from "./http-server.ts";
import { createLog, type Log } from "./log.ts";
import { servingFaults } from "./may-serve.ts";
import { observe, reporting } from "./observe.ts";
import { openService, type OpenService } from "./open-manager.ts";
import { runService } from "./run-service.ts";
import { untilThere } from "./until-there.ts";

export { readConfig, type Config, type ConfigSource } from "./config.ts";
export { ConfigurationError, type Fault } from "./configuration-error.ts";

/** A server that runs. */
export interface RunningServer {
  /** Where it answers, without a slash at the end. */
  readonly url: string;
  readonly manager: ConversationManager;
  /** Stops gracefully: requests in flight finish (within 10 s), events are passed on, stores are closed. */
  close(): Promise<void>;
}

const FINISH_MS = 10_000;
/** Stores on servers of their own may start together with this one. */
const WAIT_MS = 30_000;

/** What is wrong if listening failed in this way. */
function listenFault(error: NodeJS.ErrnoException, { host, port }: Config): Fault | null {
  switch (error.code) {
    case "EADDRINUSE":
      return {
        variable: "PORT",
        wrong: `port ${port} on ${host} is in use`,
        right: "stop what uses it, or set another one; 0 is any that is free",
      };
    case "EACCES":
      return { variable: "PORT", wrong: `this user may not listen on port ${port}`, right: "set one from 1024 on" };
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return { variable: "HOST", wrong: `${host} is no address of this machine (${error.code})`, right: "set HOST=127.0.0.1" };
    default:
      return null;
  }
}

/** What a server is told beside its configuration. `giveUp` ends the waiting for stores that do not answer. */
export interface StartOptions {
  log?: Log;
  giveUp?: AbortSignal;
}

/**
 * Starts a server. Stores on servers of their own are waited for half a minute. Throws `ConfigurationError` (also if the port is taken) and `StoreUnavailableError`; nothing is left open then.
 *
 * @example
 * const server = await startServer(readConfig({ env: { PORT: "0" } }));
 * await fetch(`${server.url}/health`);
 * await server.close();
 */
export async function startServer(config: Config, options: StartOptions = {}): Promise<RunningServer> {
  const log = options.log ?? createLog(config.logLevel);
  const observed = observe(config);
  const open = (): Promise<OpenService> => openService(config, { patience: "request", ...reporting(observed, log) });
  let waits = 0;
  const onWait = (error: unknown): void =>
    log[waits++ === 0 ? "warn" : "debug"]({ reason: error instanceof Error ? error.message : error }, "waiting for a store");
  const elsewhere = [config.database, config.hotStore].some((place) => place !== null && place.engine !== "sqlite");
  const service = elsewhere ? await untilThere(open, { withinMs: WAIT_MS, onWait, signal: options.giveUp }) : await open();
  const { manager } = service;
  const faults = servingFaults(config, await hasWorkingKey(service.keys));
  if (faults.length > 0) {
    await manager.close();
    throw new ConfigurationError(faults);
  }
  const running = runService(config, service, observed, log);
  let http: HttpServer;
  try {
    http = await listen(running.fetch, {
      host: config.host,
      port: config.port,
      onError: (error) => log.error({ err: error }, "the HTTP server failed"),
    });
  } catch (error) {
    await running.stop();
    await manager.close();
    const fault = listenFault(error as NodeJS.ErrnoException, config);
    throw fault ? new ConfigurationError([fault]) : error;
  }
  const host = config.host.includes(":") ? `[${config.host}]` : config.host;
  let closing: Promise<void> | undefined;
  return {
    url: `http://${host}:${http.address.port}`,
    manager,
    close() {
      closing ??= (async () => {
        await http.stop(FINISH_MS);
        await running.stop();
        await manager.close();
      })();
      return closing;
    },
  };
}
