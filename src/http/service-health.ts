/** How the service is: asks its checks, each within a second, and all of them once however many ask at the same time. */
import type { HealthStatus } from "../contract/index.ts";
import type { HealthCheck } from "./app-options.ts";

const ANSWER_MS = 1000;

/** Checks without which nothing can be served. */
const STORES = ["hot", "archive"];

/** What the health routes answer. */
export interface Health {
  readonly status: HealthStatus;
  readonly checks: Readonly<Record<string, HealthStatus>>;
}

/** Health as the three routes see it. */
export interface ServiceHealth {
  /** Down when live conversations cannot be read, degraded when anything else is not well. */
  health(): Promise<Health>;
  /** Down when any store is. */
  ready(): Promise<Health>;
}

async function asked(check: HealthCheck): Promise<HealthStatus> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<HealthStatus>((resolve) => {
    timer = setTimeout(() => resolve("down"), ANSWER_MS);
  });
  try {
    return await Promise.race([check.run(), late]);
  } catch {
    return "down";
  } finally {
    clearTimeout(timer);
  }
}

/** Health made of checks. */
export function createServiceHealth(checks: readonly HealthCheck[]): ServiceHealth {
  let running: Promise<Record<string, HealthStatus>> | undefined;

  function all(): Promise<Record<string, HealthStatus>> {
    running ??= Promise.all(checks.map(async (check) => [check.name, await asked(check)] as const))
      .then((entries) => Object.fromEntries(entries))
      .finally(() => (running = undefined));
    return running;
  }

  const seen = async (fatal: readonly string[]): Promise<Health> => {
    const results = await all();
    const names = Object.keys(results);
    const status = names.some((name) => fatal.includes(name) && results[name] === "down")
      ? "down"
      : names.some((name) => results[name] !== "ok")
        ? "degraded"
        : "ok";
    return { status, checks: results };
  };

  return { health: () => seen(["hot"]), ready: () => seen(STORES) };
}
