/** A connection to Redis that is bounded in time, and is made anew, without haste, when it hangs. */
import { setTimeout as sleep } from "node:timers/promises";
import { pauseAfter, withoutAddress } from "./connection-gate.ts";
import { clusterRedis, singleRedis, type RedisClientLike, type RedisClusterLike, type RedisLink } from "../../adapters/redis/redis-link.ts";
import { redisClients, type RedisClient } from "./redis-clients.ts";
import type { RedisUrl } from "./store-url.ts";

/** An answer is waited for so long; with what a request does besides it stays below three seconds. */
const ANSWER_MS = 1500;
/** Until a new connection can be used; one that takes longer is given up for the next. */
const READY_MS = 2500;
const LOOK_MS = 20;

/** A connection that mends itself. */
export interface RedisConnection {
  /** What adapters take. Its commands reject at once while Redis is away, else within 1.5 s. */
  readonly link: RedisLink;
  /** Waits until commands can be sent, or so many ms. */
  readonly connected: (withinMs: number) => Promise<boolean>;
  /** Why there is or was no connection; null: there always was one. */
  readonly lost: () => Error | null;
  /** Closes it. Harmless when repeated. */
  readonly close: () => void;
}

/** There was no answer, or nobody to ask. What became of a command that was sent is not known. */
class RedisAwayError extends Error {
  readonly code: string;
  constructor(message: string, code: string) {
    super(message);
    this.name = "RedisAwayError";
    this.code = code;
  }
}

/** One client after another of one kind, each until it hangs. */
interface Mended<C> {
  /** Does something with the present client, within the time that an answer may take. */
  readonly within: <T>(use: (client: C) => Promise<T>) => Promise<T>;
  /** The present client, connected. Throws if there is none. */
  readonly present: () => C;
  readonly connected: (withinMs: number) => Promise<boolean>;
  readonly close: () => void;
}

function mend<C>(make: () => RedisClient<C>, lastError: () => Error | null): Mended<C> {
  let closed = false;
  let current: RedisClient<C> | null = null;
  let answeredAt = 0;

  function end(old: RedisClient<C>): void {
    try {
      old.end();
    } catch {
      // It was ended already.
    }
  }

  async function becomesReady(fresh: RedisClient<C>): Promise<boolean> {
    const until = performance.now() + READY_MS;
    while (!closed && current === fresh && performance.now() < until) {
      if (fresh.ready()) return true;
      await sleep(LOOK_MS, undefined, { ref: false });
    }
    return fresh.ready();
  }

  /** Until there is a connection: one client after another, each given up when it takes too long. */
  async function open(): Promise<void> {
    for (let failures = 1; !closed; failures++) {
      const fresh = make();
      current = fresh;
      // What went wrong is told by its error event.
      fresh.connect().catch(() => {});
      if (await becomesReady(fresh)) return;
      if (current !== fresh) return;
      end(fresh);
      await sleep(pauseAfter(failures), undefined, { ref: false });
    }
  }

  function ready(): RedisClient<C> {
    if (!closed && current?.ready()) return current;
    const why = lastError();
    throw new RedisAwayError(`there is no connection to Redis${why === null ? "" : `: ${why.message}`}`, "ECONNREFUSED");
  }

  void open();
  return {
    present: () => ready().client,
    async connected(withinMs) {
      const until = performance.now() + withinMs;
      while (!closed && performance.now() < until) {
        if (current?.ready()) return true;
        await sleep(LOOK_MS);
      }
      return current?.ready() ?? false;
    },
    async within(use) {
      const used = ready();
      const sentAt = performance.now();
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => {
          // Nothing at all came back since: it hangs, and nothing is to be expected of it.
          if (answeredAt < sentAt && !closed && current === used) {
            end(used);
            void open();
          }
          reject(new RedisAwayError("Redis has not answered in time", "ETIMEDOUT"));
        }, ANSWER_MS);
      });
      try {
        const reply = await Promise.race([use(used.client), late]);
        answeredAt = performance.now();
        return reply;
      } finally {
        clearTimeout(timer);
      }
    },
    close() {
      closed = true;
      if (current) end(current);
      current = null;
    },
  };
}

function ofCluster({ within, present }: Mended<RedisClusterLike>): RedisClusterLike {
  const timed = (node: RedisClientLike): RedisClientLike => ({ sendCommand: (args) => within(() => node.sendCommand(args)) });
  return {
    sendCommand: (key, isReadonly, args) => within((cluster) => cluster.sendCommand(key, isReadonly, args)),
    get masters() {
      return present().masters;
    },
    nodeClient: async (node) => timed(await within((cluster) => cluster.nodeClient(node))),
    getNodeClientForKey: async (key) => timed(await within((cluster) => cluster.getNodeClientForKey(key))),
  };
}

/** Connects in the background and goes on trying. `wanted`: the variable with the address, for a sentence about a missing package. */
export async function connectRedis(redis: RedisUrl, wanted: string): Promise<RedisConnection> {
  let lost: Error | null = null;
  const clients = await redisClients(redis, wanted, (error) => (lost = withoutAddress(error)));
  if (clients.cluster) {
    const { connected, close, ...mended } = mend(clients.make, () => lost);
    return { link: clusterRedis(ofCluster({ ...mended, connected, close })), connected, close, lost: () => lost };
  }
  const { within, connected, close } = mend(clients.make, () => lost);
  const link = singleRedis({ sendCommand: (args) => within((client) => client.sendCommand(args)) });
  return { link, connected, close, lost: () => lost };
}
