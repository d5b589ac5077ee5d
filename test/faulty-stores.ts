// Stores that watch every call to a port, and can be told to fail or to die at any of them: a process that crashes, an engine that is away.

import { StoreUnavailableError } from "../src/core/errors.ts";
import type { Stores } from "../src/core/stores.ts";

/** All four ports, none of them null. */
export type FullStores = { [Port in keyof Stores]: NonNullable<Stores[Port]> };

/** A call to a port; `index` counts all calls from 0. */
export interface Call {
  readonly port: keyof Stores;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly index: number;
}

/**
 * What happens at a call. `fails`: it throws and nothing was done; `loses the answer`: it was done and throws all the
 * same; `dies`: it never returns, nor does any later call, as if the process had ended before it; `dies after`: the same,
 * but it was done.
 */
export type Fault = "fails" | "loses the answer" | "dies" | "dies after";

/** Every fault there is. */
export const FAULTS: readonly Fault[] = ["fails", "loses the answer", "dies", "dies after"];

/** The stores, and what was seen of them. */
export interface WatchedStores {
  readonly stores: FullStores;
  readonly calls: readonly Call[];
  /** The calls that write, as `port.method`. */
  writes(): string[];
  /** Resolves when they die. */
  readonly dead: Promise<void>;
}

const WRITES: Readonly<Record<keyof Stores, readonly string[]>> = {
  hot: ["create", "commit", "remove", "take", "outbox", "delivered", "forgetOnce", "scrub"],
  archive: ["put", "erase", "purge", "scrub"],
  directory: ["index", "record", "forgetEvents", "purge"],
  records: ["put", "remove", "forget"],
};

/** Whether a call writes, or leases, or overwrites. */
export function isWrite({ port, method }: Call): boolean {
  return WRITES[port].includes(method);
}

/** Wraps every method of every port. */
function wrapStores(stores: FullStores, run: (call: Omit<Call, "index">, go: () => Promise<unknown>) => Promise<unknown>): FullStores {
  function wrap<Port extends object>(port: keyof Stores, real: Port): Port {
    return new Proxy(real, {
      get(target, name, receiver) {
        const member: unknown = Reflect.get(target, name, receiver);
        if (typeof member !== "function") return member;
        return (...args: unknown[]) =>
          run({ port, method: String(name), args }, () => Promise.resolve(Reflect.apply(member, target, args)));
      },
    });
  }
  return {
    hot: wrap("hot", stores.hot),
    archive: wrap("archive", stores.archive),
    directory: wrap("directory", stores.directory),
    records: wrap("records", stores.records),
  };
}

/** Stores whose every call takes a few turns of the event loop, before and after, so that callers meet in every order. */
export function unhurriedStores(stores: FullStores, seed: number): FullStores {
  let state = seed;
  const wait = async () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    for (let turns = state >>> 30; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
  };
  return wrapStores(stores, async (_, go) => {
    await wait();
    const answer = await go();
    await wait();
    return answer;
  });
}

/** Stores where something else comes first: `before` is awaited before each call. */
export function interruptedStores(stores: FullStores, before: (call: Call) => Promise<unknown>): FullStores {
  let index = 0;
  return wrapStores(stores, async (seen, go) => {
    await before({ ...seen, index: index++ });
    return go();
  });
}

/** Watches stores; `fault` is asked before each call. */
export function faultyStores(stores: FullStores, fault: (call: Call) => Fault | null = () => null): WatchedStores {
  const calls: Call[] = [];
  const never = new Promise<never>(() => {});
  const { promise: dead, resolve: die } = Promise.withResolvers<void>();
  let isDead = false;

  async function run(call: Call, go: () => Promise<unknown>): Promise<unknown> {
    if (isDead) return never;
    const chosen = fault(call);
    if (chosen === "fails") throw new StoreUnavailableError(`${call.port}.${call.method} fails in this test`);
    if (chosen === null) return go();
    if (chosen !== "dies") await go();
    if (chosen === "loses the answer") throw new StoreUnavailableError(`the answer of ${call.port}.${call.method} is lost in this test`);
    isDead = true;
    die();
    return never;
  }

  return {
    stores: wrapStores(stores, (seen, go) => {
      const call: Call = { ...seen, index: calls.length };
      calls.push(call);
      return run(call, go);
    }),
    calls,
    writes: () => calls.filter(isWrite).map(({ port, method }) => `${port}.${method}`),
    dead,
  };
}
