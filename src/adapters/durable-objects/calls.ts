/** Calls to objects, and what becomes of those that fail. */
import { ConversationError, StoreUnavailableError } from "../../core/errors.ts";
import type { DurableObjectNamespaceLike } from "./durable-object-namespace.ts";
import { valueOf, type Reply } from "./replies.ts";
import { isServiceName } from "./service-names.ts";

/** What the platform writes on the errors of its calls. */
interface CallError {
  retryable?: unknown;
  overloaded?: unknown;
}

const ATTEMPTS = 3;
const FIRST_WAIT_MS = 20;

/** Whether the platform says that it was a passing fault. An object with too much to do is not asked again. */
function mayPass(error: unknown): boolean {
  const { retryable, overloaded } = (typeof error === "object" && error !== null ? error : {}) as CallError;
  return retryable === true && overloaded !== true;
}

function unavailable(name: string, error: unknown): Error {
  if (error instanceof ConversationError) return error;
  const { overloaded } = (typeof error === "object" && error !== null ? error : {}) as CallError;
  const which = isServiceName(name) ? "An object of the service" : "The object of this conversation";
  return new StoreUnavailableError(
    overloaded === true ? `${which} has more to do than it can; try again in a moment` : `${which} did not answer; try again in a moment`,
    { cause: error },
  );
}

/** Waits so many milliseconds. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Asks the object of this name. `repeatable`: asking twice does no more than once, so that it may be asked again when the platform says
 * that this can help. Throws `StoreUnavailableError`, and what the object replies as an error.
 */
export async function call<O, T>(
  namespace: DurableObjectNamespaceLike<O>,
  name: string,
  ask: (object: O, again: boolean) => Promise<Reply<T>>,
  { repeatable, sleep }: { repeatable: boolean; sleep: (ms: number) => Promise<void> },
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      // A new stub for each attempt: one that has failed stays broken.
      return valueOf(await ask(namespace.getByName(name), attempt > 1));
    } catch (error) {
      if (!repeatable || attempt === ATTEMPTS || !mayPass(error)) throw unavailable(name, error);
    }
    await sleep(FIRST_WAIT_MS * 4 ** (attempt - 1));
  }
}
