// Stores whose every call passes through one function: to make a call fail, or to break a rule on purpose.

import type { Stores } from "../../src/core/stores.ts";

export type PortName = keyof Stores;

/** A call of a port on its way; `proceed` makes it, with these arguments or with those that it is given. */
export interface PortCall {
  port: PortName;
  method: string;
  args: readonly unknown[];
  proceed: (...args: unknown[]) => Promise<unknown>;
}

/** What becomes of a call. */
export type Intercept = (call: PortCall) => Promise<unknown>;

function interceptPort<T extends object>(port: PortName, target: T, intercept: Intercept): T {
  return new Proxy(target, {
    get(_, method) {
      const found: unknown = Reflect.get(target, method);
      if (typeof found !== "function" || typeof method !== "string" || method === "close") return found;
      return (...args: unknown[]) =>
        intercept({
          port,
          method,
          args,
          proceed: (...others) => found.apply(target, others.length > 0 ? others : args) as Promise<unknown>,
        });
    },
  });
}

/** The stores with every call but `close` passing through `intercept`. */
export function interceptStores(stores: Stores, intercept: Intercept): Stores {
  return {
    hot: interceptPort("hot", stores.hot, intercept),
    archive: stores.archive && interceptPort("archive", stores.archive, intercept),
    directory: stores.directory && interceptPort("directory", stores.directory, intercept),
    records: stores.records && interceptPort("records", stores.records, intercept),
  };
}
