// A store that fails once, at the call that a command names: before it did anything, or after it did all and the reply was lost.

import { StoreUnavailableError } from "../../src/core/errors.ts";
import type { Fault } from "./command.ts";
import type { Intercept } from "./intercept.ts";

/** Arms one fault at a time. */
export class Faults {
  #armed: Fault | null = null;
  #calls = 0;
  #fired: string | null = null;

  /** From now on the calls of the ports are counted. */
  arm(fault: Fault | undefined): void {
    this.#armed = fault ?? null;
    this.#calls = 0;
    this.#fired = null;
  }

  /** Ends it; answers which call failed, or null. */
  disarm(): string | null {
    this.#armed = null;
    return this.#fired;
  }

  readonly intercept: Intercept = async ({ port, method, proceed }) => {
    const armed = this.#armed;
    this.#calls += 1;
    if (armed === null || this.#fired !== null || this.#calls !== armed.call) return proceed();
    this.#fired = `${armed.when} ${port}.${method}`;
    if (armed.when === "after") await proceed();
    throw new StoreUnavailableError("The store does not answer (planted)");
  };
}
