/** The log of requests that were refused because of too many at once: together, since under overload a line for each would be a load of its own. */
import type { Logger } from "./app-options.ts";

const EVERY_MS = 1000;

/** Makes the function that is told of each refusal. It logs at most once a second: the facts of that request, and how many were `refused` since the line before. */
export function createShedLog(logger: Logger): (facts: object) => void {
  let logged = -Infinity;
  let refused = 0;
  return (facts) => {
    refused++;
    const now = performance.now();
    if (now - logged < EVERY_MS) return;
    logger.warn({ ...facts, refused }, "requests refused");
    logged = now;
    refused = 0;
  };
}
