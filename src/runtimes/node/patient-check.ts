/** A check of something that may be slow, which itself is always fast. */
import type { HealthStatus } from "../../contract/health.ts";

const ANSWER_MS = 60;
const STUCK_MS = 3000;

/**
 * Makes a check: each call starts `run`, unless it is under way, waits briefly, and else answers what was last known.
 * `run` answers whether all is well; if it throws, or has not answered for three seconds, the answer is `bad`.
 */
export function patientCheck(run: () => Promise<boolean>, bad: HealthStatus): () => Promise<HealthStatus> {
  let known: HealthStatus = "ok";
  let since = 0;
  let running: Promise<void> | null = null;

  async function start(): Promise<void> {
    since = performance.now();
    try {
      known = (await run()) ? "ok" : bad;
    } catch {
      known = bad;
    }
    running = null;
  }

  return async () => {
    running ??= start();
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([running, new Promise((resolve) => (timer = setTimeout(resolve, ANSWER_MS)))]);
    clearTimeout(timer);
    return running !== null && performance.now() - since > STUCK_MS ? bad : known;
  };
}
