/** Metrics of the process, by the names that every Node program has them under: CPU, memory, descriptors, event-loop delay, garbage collection. */
import type { Registry } from "prom-client";

let registry: Promise<Registry> | null = null;

async function collect(): Promise<Registry> {
  const { default: client } = await import("prom-client");
  const made = new client.Registry();
  client.collectDefaultMetrics({ register: made });
  return made;
}

/** As Prometheus text. Kept once for the process, however many servers run in it, since what it measures with cannot be stopped again. */
export async function processMetrics(): Promise<string> {
  registry ??= collect();
  return (await registry).metrics();
}
