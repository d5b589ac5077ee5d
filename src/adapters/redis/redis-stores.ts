// Hot store and records over Redis or Valkey, one server or a cluster. Archive and directory are another engine's.

import { InvalidInputError } from "../../core/errors.ts";
import type { HotStore } from "../../core/hot-store.ts";
import type { Records } from "../../core/records.ts";
import { checkRedis, type RedisCheck } from "./check-redis.ts";
import { engineOver, type WaitOptions } from "./engine.ts";
import { redisHotStore } from "./hot-store.ts";
import { keysUnder } from "./keys.ts";
import { allScripts } from "./operations.ts";
import { redisRecords } from "./records.ts";
import type { RedisLink } from "./redis-link.ts";
import { scrubberOver } from "./scrub.ts";

/** Options of `redisStores`. */
export interface RedisOptions {
  /** `singleRedis(client)` or `clusterRedis(client)`, over a client that is connected. It stays its owner's, who closes it. */
  client: RedisLink;
  /** What all keys begin with; `itera:` by default. No braces. Stores with different prefixes know nothing of each other. */
  prefix?: string;
  /** The engine's own time in epoch milliseconds; without it the server's clock counts. */
  clock?: () => number;
  /**
   * Over how many slots of a cluster the store is spread; 256 by default, 1 to 16384. A new store is made with it and keeps it: another
   * number is refused. It bounds how many servers can share the work.
   */
  buckets?: number;
  /**
   * Waits after each write until so many replicas have it. If they do not confirm in time, the write answers `StoreUnavailableError`,
   * though the primary has it; it is safe to repeat under an idempotency key. Narrows what a failover can lose, and does not close it:
   * Redis may promote a replica that has not confirmed.
   */
  wait?: WaitOptions;
  /** After so many milliseconds without an answer a call fails with `StoreUnavailableError`; what it did is then unknown. 2500 by default. */
  timeoutMs?: number;
}

/** The two ports over Redis, and what was found about the servers. */
export interface RedisStores {
  hot: HotStore;
  records: Records;
  /** What `checkRedis` found when the store was opened. */
  check: RedisCheck;
}

/** Of the keys and what they hold. Code that stores things otherwise must count up, and refuse what it does not know. */
const LAYOUT = "1";

/**
 * Opens a store in Redis 6.2 or later, or Valkey, and makes it if there is none under this prefix. Any number of processes may have it open.
 * Throws `InvalidInputError` if the store was made with another number of buckets or by other code, `StoreUnavailableError` if Redis
 * cannot be reached.
 *
 * @example
 * const client = await createClient({ url: "redis://127.0.0.1:6379" }).connect();
 * const { hot, records } = await redisStores({ client: singleRedis(client) });
 */
export async function redisStores(options: RedisOptions): Promise<RedisStores> {
  const { client: link, prefix = "itera:", clock, buckets = 256, wait, timeoutMs = 2500 } = options;
  if (/[{}]/.test(prefix))
    throw new InvalidInputError("prefix must not have braces, in which Redis clusters look for what keeps keys together");
  if (!Number.isInteger(buckets) || buckets < 1 || buckets > 16_384)
    throw new InvalidInputError("buckets must be a whole number from 1 to 16384");
  if (wait && !(Number.isInteger(wait.replicas) && wait.replicas > 0 && Number.isInteger(wait.timeoutMs) && wait.timeoutMs > 0)) {
    throw new InvalidInputError("wait must have a number of replicas and of milliseconds, both whole and above 0");
  }
  const keys = keysUnder(prefix, buckets);
  const shared = { link, keys, scripts: await allScripts(), clock, timeoutMs, wait };
  const opening = engineOver({ ...shared, storeId: "" });
  const proposed = crypto.randomUUID().replaceAll("-", "").slice(0, 12);
  // The cast: what the script answers.
  const [layout, stored, storeId] = (await opening.run("openStore", [keys.store], [LAYOUT, String(buckets), proposed])) as string[];
  if (layout !== LAYOUT || storeId === undefined) {
    throw new InvalidInputError(
      `The store under ${prefix} has layout ${layout}, this code knows ${LAYOUT}; use the version that made it, or another prefix`,
    );
  }
  if (Number(stored) !== buckets) {
    throw new InvalidInputError(`The store under ${prefix} was made with ${stored} buckets, not ${buckets}; set buckets to ${stored}`);
  }
  const engine = engineOver({ ...shared, storeId });
  const check = await checkRedis(link);
  const scrubber = scrubberOver(engine, check.files);
  return { hot: redisHotStore(engine, scrubber), records: redisRecords(engine), check };
}
