// What hot store and records share: the link, the keys, the scripts, the time limit, and waiting for replicas.

import { StoreUnavailableError } from "../../core/errors.ts";
import type { BucketKeys, Keys } from "./keys.ts";
import type { ScriptName, Scripts } from "./operations.ts";
import { replyCode, translate } from "./redis-errors.ts";
import type { RedisLink } from "./redis-link.ts";

/** How many replicas must have a write before it counts, and for how many milliseconds to wait for them. */
export interface WaitOptions {
  replicas: number;
  timeoutMs: number;
}

/** What the ports are made from. Every method throws `StoreUnavailableError` when Redis fails or does not answer in time. */
export interface Engine {
  readonly keys: Keys;
  readonly link: RedisLink;
  /** Tells the events of this store from those of any other. */
  readonly storeId: string;
  /** The clock as scripts take it: epoch ms, or empty for the server's own. */
  clockText(): string;
  /** The engine's time, epoch ms; on a cluster that of the slowest clock. */
  now(): Promise<number>;
  /** Sends a plain command; `key` says where to. */
  send(key: string, args: string[]): Promise<unknown>;
  /** Sends a command to every primary. */
  sendToAll(args: string[]): Promise<unknown[]>;
  /** Runs a script. All its keys are of one bucket. */
  run(name: ScriptName, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  /** Runs a script that writes what callers rely on, and waits for replicas if that is asked for. */
  write(name: ScriptName, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  /** Sends a plain command for every bucket, all at once; the answers in the order of the buckets. */
  ofEach(command: (bucket: BucketKeys) => [string, ...string[]]): Promise<unknown[]>;
}

/** Makes an engine. `storeId` is known once the store is open. */
export function engineOver(options: {
  link: RedisLink;
  keys: Keys;
  scripts: Scripts;
  storeId: string;
  clock: (() => number) | undefined;
  timeoutMs: number;
  wait: WaitOptions | undefined;
}): Engine {
  const { link, keys, scripts, storeId, clock, timeoutMs, wait } = options;

  /** The client may wait for ever on a server that is frozen; callers must not. */
  function inTime<T>(started: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new StoreUnavailableError(`Redis has not answered within ${timeoutMs} ms; check the server and the network between`)),
        timeoutMs,
      );
      started.then(
        (answer) => {
          clearTimeout(timer);
          resolve(answer);
        },
        (error: unknown) => {
          clearTimeout(timer);
          reject(translate(error));
        },
      );
    });
  }

  async function evaluate(name: ScriptName, scriptKeys: readonly string[], args: readonly string[]): Promise<unknown> {
    const { sha, text } = scripts[name];
    const rest = [String(scriptKeys.length), ...scriptKeys, ...args];
    try {
      return await link.send(scriptKeys[0]!, ["EVALSHA", sha, ...rest]);
    } catch (error) {
      if (replyCode(error) !== "NOSCRIPT") throw error;
      return link.send(scriptKeys[0]!, ["EVAL", text, ...rest]);
    }
  }

  async function replicated(key: string, { replicas, timeoutMs: waitMs }: WaitOptions): Promise<void> {
    const reached = Number(await link.sendBehind(key, ["WAIT", String(replicas), String(waitMs)]));
    if (reached >= replicas) return;
    throw new StoreUnavailableError(
      `Only ${reached} of ${replicas} replicas have confirmed the change within ${waitMs} ms. The primary has it, a failover could lose it; ` +
        "repeat the request under its idempotency key, and check the replicas",
    );
  }

  return {
    keys,
    link,
    storeId,
    clockText: () => (clock ? String(clock()) : ""),
    async now() {
      // Asked in any case: the answer shows that all primaries are alive.
      const times = (await inTime(link.sendToAll(["TIME"]))) as [string, string][];
      return clock ? clock() : Math.min(...times.map(([seconds, micros]) => Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)));
    },
    send: (key, args) => inTime(link.send(key, args)),
    sendToAll: (args) => inTime(link.sendToAll(args)),
    run: (name, scriptKeys, args) => inTime(evaluate(name, scriptKeys, args)),
    async write(name, scriptKeys, args) {
      if (!wait) return inTime(evaluate(name, scriptKeys, args));
      const answer = await inTime(evaluate(name, scriptKeys, args));
      await inTime(replicated(scriptKeys[0]!, wait));
      return answer;
    },
    ofEach: (command) =>
      inTime(
        Promise.all(
          keys.ofBucket.map((bucket) => {
            const args = command(bucket);
            return link.send(args[1]!, args);
          }),
        ),
      ),
  };
}
