/** Whether a configuration may be served at all: without API keys only in development, only on a loopback address. */
import { isLoopback } from "./client-address.ts";
import type { Config } from "./config.ts";
import type { Fault } from "./configuration-error.ts";

/** Whether requests without a key are answered: in development, on a loopback address, unless keys are configured. */
export function keylessAllowed(config: Pick<Config, "environment" | "host" | "apiKeys">): boolean {
  return config.environment === "development" && isLoopback(config.host) && (config.apiKeys ?? []).length === 0;
}

/** What keeps this configuration from being served; empty: nothing. `hasKey`: there is a key with which somebody could get in. */
export function servingFaults(config: Pick<Config, "environment" | "host" | "given" | "apiKeys">, hasKey: boolean): Fault[] {
  if (hasKey || (config.apiKeys ?? []).length > 0) return [];
  const faults: Fault[] = [];
  if (config.environment !== "development") {
    const from = config.given.has("ENVIRONMENT") ? "" : " (by NODE_ENV)";
    faults.push({
      variable: "API_KEYS",
      wrong: `there is no API key, and ENVIRONMENT is ${config.environment}${from}, which is served with keys only`,
      right: "make one with: itera keys create --scope admin",
    });
  }
  if (!isLoopback(config.host)) {
    faults.push({
      variable: "HOST",
      wrong: `${config.host} can be reached from other machines, and without API keys the server answers on a loopback address only`,
      right: "set HOST=127.0.0.1, or make a key with: itera keys create --scope admin",
    });
  }
  return faults;
}
