/** Whether a configuration may be served at all: without API keys only in development, only on a loopback address. */
import { isLoopback } from "./client-address.ts";
import type { Config } from "./config.ts";
import type { Fault } from "./configuration-error.ts";

/** What keeps this configuration from being served; empty: nothing. */
export function servingFaults(config: Pick<Config, "environment" | "host" | "given">): Fault[] {
  const faults: Fault[] = [];
  if (config.environment !== "development") {
    const from = config.given.has("ENVIRONMENT") ? "" : " (by NODE_ENV)";
    faults.push({
      variable: "ENVIRONMENT",
      wrong: `it is ${config.environment}${from}, which is served with API keys only, and this version has none yet`,
      right: "serve with ENVIRONMENT=development, on a loopback address",
    });
  }
  if (!isLoopback(config.host)) {
    faults.push({
      variable: "HOST",
      wrong: `${config.host} can be reached from other machines, and without API keys the server answers on a loopback address only`,
      right: "set HOST=127.0.0.1",
    });
  }
  return faults;
}
