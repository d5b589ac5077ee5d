/** The Node server: stores, application, HTTP and background jobs, wired from a configuration. */
import type { ConversationManager } from "../../core/manager.ts";
import type { Config } from "./config.ts";
import { ConfigurationError, type Fault } from "./configuration-error.ts";
import { listen, type HttpServer } from "./http-server.ts";
import { startJobs } from "./jobs.ts";
import { createLog, type Log } from "./log.ts";
import { servingFaults } from "./may-serve.ts";
import { nodeApp } from "./node-app.ts";
import { openManager } from "./open-manager.ts";

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

/**
 * Starts a server. Throws `ConfigurationError` (also if the port is taken) and `StoreUnavailableError`; nothing is left open then.
 *
 * @example
 * const server = await startServer(readConfig({ env: { PORT: "0" } }));
 * await fetch(`${server.url}/health`);
 * await server.close();
 */
export async function startServer(config: Config, options: { log?: Log } = {}): Promise<RunningServer> {
  const faults = servingFaults(config);
  if (faults.length > 0) throw new ConfigurationError(faults);
  const log = options.log ?? createLog(config.logLevel);
  const manager = await openManager(config, {
    onEvent: (id, { type, details }) =>
      log[type === "updated" ? "debug" : "info"]({ conversation: id, event: type, details }, `[CONVERSATION] ${type.toUpperCase()}`),
    onError: (error, during) => log.error({ err: error, during }, "failed off the request path"),
  });
  const jobs = startJobs(manager, config.cleanupIntervalHours, log);
  let http: HttpServer;
  try {
    const app = nodeApp(config, manager, jobs, log);
    http = await listen(app, {
      host: config.host,
      port: config.port,
      onError: (error) => log.error({ err: error }, "the HTTP server failed"),
    });
  } catch (error) {
    await jobs.stop();
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
        await jobs.stop();
        await manager.close();
      })();
      return closing;
    },
  };
}
