/** How many requests are being worked on; what is more is refused at once, so that what is taken is answered in time. */
import { StoreUnavailableError } from "../core/errors.ts";

/** The refusal: one for all, since under overload making an error for each, with its stack, would be a load of its own. */
export const TOO_MANY_AT_ONCE = new StoreUnavailableError("Too many requests at once");

/** Runs work while there is room for it. */
export interface InFlight {
  /** Throws `TOO_MANY_AT_ONCE` if there is no room. Called before anything else is done for a request. */
  check(): void;
  run<T>(work: () => Promise<T>): Promise<T>;
}

/** Room for so many at once. Those whose bodies are still arriving do not count, so that slow callers do not keep others out. */
export function createInFlight(max: number): InFlight {
  let count = 0;
  const check = (): void => {
    if (count >= max) throw TOO_MANY_AT_ONCE;
  };
  return {
    check,
    async run(work) {
      check();
      count++;
      try {
        return await work();
      } finally {
        count--;
      }
    },
  };
}
