/** Whether the encryption keys are the right ones, asked of a store that may be away: a wrong key is refused, a store that is away stops nobody. */
import { StoreUnavailableError } from "../../core/errors.ts";

/** What one isolate knows about its keys. */
export interface KeyCheck {
  /** Returns if they are right, or if that is not known at the moment. Throws `ConfigurationError` if they are missing or wrong. */
  ask(): Promise<void>;
}

const AGAIN_AFTER_MS = 10_000;
/** A request does not wait longer for a store that may be away. */
const PATIENCE_MS = 1500;

async function inTime(asked: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StoreUnavailableError(`The store did not answer within ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  try {
    await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks at once, and then at most every ten seconds until there is an answer. `unknown`: told when there is none. */
export function createKeyCheck(check: () => Promise<void>, unknown: (error: unknown) => void, clock: () => number): KeyCheck {
  let next = -Infinity;
  return {
    async ask() {
      if (clock() < next) return;
      const before = next;
      // Whoever comes meanwhile goes on, unless nobody has asked before.
      if (before !== -Infinity) next = clock() + AGAIN_AFTER_MS;
      try {
        await inTime(check());
        next = Infinity;
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) {
          next = -Infinity;
          throw error;
        }
        next = clock() + AGAIN_AFTER_MS;
        unknown(error);
      }
    },
  };
}
