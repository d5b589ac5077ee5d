// The state of an object as a test looks into it.

import type { DurableObjectStateLike } from "../../src/adapters/durable-objects/durable-object-state.ts";

export interface TestedState {
  readonly storage: DurableObjectStateLike["storage"] & {
    /** What the older kind of storage holds. */
    list(): Promise<Map<string, unknown>>;
  };
}
