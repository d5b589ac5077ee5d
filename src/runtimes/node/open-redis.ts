/** A Redis opened as a hot store: connected, and looked at for what a crash of it could lose. */
import type { RedisCheck, RedisFinding } from "../../adapters/redis/check-redis.ts";
import { redisRateLimiter } from "../../adapters/redis/rate-limiter.ts";
import { redisStores, type RedisStores } from "../../adapters/redis/redis-stores.ts";
import { InvalidInputError, StoreUnavailableError } from "../../core/errors.ts";
import type { HotStore } from "../../core/hot-store.ts";
import type { RateLimiter } from "../../core/rate-limiter.ts";
import type { Records } from "../../core/records.ts";
import { ConfigurationError } from "./configuration-error.ts";
import { connectRedis } from "./redis-connection.ts";
import type { RedisUrl } from "./store-url.ts";

const CONNECT_MS = 3000;
/** For replicas to confirm a write. */
const REPLICAS_MS = 1000;

/** What a crash could lose; an operator may accept that. All other refusals are mistakes. */
const LOSSES: ReadonlySet<RedisFinding["code"]> = new Set(["eviction", "no-persistence", "snapshots-only", "sync-never"]);

/** How it is opened. */
export interface RedisPlace {
  readonly idPrefix: string;
  /** The variable or option with the address. */
  readonly wanted: string;
  /** Refuse a Redis that can lose what was acknowledged, unless its address allows that; else only warn. */
  readonly strict: boolean;
  readonly onWarning: (sentence: string) => void;
}

/** Says what was found, and refuses what may not be. */
function judge({ findings }: RedisCheck, redis: RedisUrl, { wanted, strict, onWarning }: RedisPlace): void {
  const faults: RedisFinding[] = [];
  for (const finding of findings) {
    const loss = LOSSES.has(finding.code);
    const refused = finding.level === "refuse" && !(loss && (redis.allowLoss || !strict));
    if (refused) faults.push(finding);
    else if (finding.level !== "info") onWarning(`${wanted}: ${finding.message}`);
  }
  if (faults.length === 0) return;
  throw new ConfigurationError(
    faults.map(({ code, message }) => ({
      variable: wanted,
      wrong: message,
      right: LOSSES.has(code) ? "or, to accept the loss, add allow_loss=true to the address" : "then start again",
    })),
  );
}

/** As a database does, a Redis keeps the prefix that it was made with. */
async function keepPrefix(records: Records, idPrefix: string, wanted: string): Promise<void> {
  const { value } = await records.put("service", "id-prefix", idPrefix, { ifVersion: 0 });
  if (typeof value === "string" && value !== idPrefix) {
    throw new InvalidInputError(
      `The Redis of ${wanted} was made for IDs with the prefix ${value}, not ${idPrefix}. ` +
        `Set CONVERSATION_ID_PREFIX=${value}, or add another prefix= to the address.`,
    );
  }
}

async function openStores(redis: RedisUrl, connection: Awaited<ReturnType<typeof connectRedis>>): Promise<RedisStores> {
  return redisStores({
    client: connection.link,
    ...(redis.prefix === undefined ? {} : { prefix: redis.prefix }),
    ...(redis.waitReplicas > 0 ? { wait: { replicas: redis.waitReplicas, timeoutMs: REPLICAS_MS } } : {}),
  });
}

/** Opens it. Throws what `openStoresAt` throws; nothing is left open then. */
export async function openRedis(
  redis: RedisUrl,
  place: RedisPlace,
): Promise<{ hot: HotStore; limiter: RateLimiter; close: () => Promise<void> }> {
  const connection = await connectRedis(redis, place.wanted);
  try {
    if (!(await connection.connected(CONNECT_MS))) {
      throw new StoreUnavailableError(
        `The Redis of ${place.wanted} does not answer. Check that it runs and can be reached, and its password.`,
        { cause: connection.lost() },
      );
    }
    const { hot, records, check } = await openStores(redis, connection);
    judge(check, redis, place);
    await keepPrefix(records, place.idPrefix, place.wanted);
    const limiter = redisRateLimiter({ client: connection.link, ...(redis.prefix === undefined ? {} : { prefix: redis.prefix }) });
    return { hot, limiter, close: async () => connection.close() };
  } catch (error) {
    connection.close();
    throw error;
  }
}
