/** Clients of the package `redis`, for a single server or a cluster, told never to wait for what is away. */
import { readFileSync } from "node:fs";
import type { RedisClientLike, RedisClusterLike } from "../../adapters/redis/redis-link.ts";
import { pauseAfter } from "./connection-gate.ts";
import { ConfigurationError } from "./configuration-error.ts";
import { enginePackage } from "./engine-package.ts";
import type { RedisUrl } from "./store-url.ts";

/** From the first packet to the connection. */
const CONNECT_MS = 1000;

/** A client before and while it is connected. It connects again by itself until it is ended. */
export interface RedisClient<C> {
  readonly client: C;
  ready(): boolean;
  connect(): Promise<unknown>;
  /** Cuts the connection; what waits for an answer is rejected. */
  end(): void;
}

/** Makes clients of one kind. */
export type RedisClients =
  | { readonly cluster: false; readonly make: () => RedisClient<RedisClientLike> }
  | { readonly cluster: true; readonly make: () => RedisClient<RedisClusterLike> };

function authority(redis: RedisUrl, wanted: string): string | undefined {
  if (redis.caFile === undefined) return undefined;
  try {
    return readFileSync(redis.caFile, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
    throw new ConfigurationError([
      { variable: wanted, wrong: `the file of its sslrootcert cannot be read (${code})`, right: "name one that this user may read" },
    ]);
  }
}

/** Loads the package and answers a maker of clients. `wanted`: the variable with the address. `onError` is told of every lost connection. */
export async function redisClients(redis: RedisUrl, wanted: string, onError: (error: unknown) => void): Promise<RedisClients> {
  const { createClient, createCluster } = await enginePackage("redis", wanted, () => import("redis"));
  const ca = authority(redis, wanted);
  const socket = {
    connectTimeout: CONNECT_MS,
    reconnectStrategy: (retries: number) => pauseAfter(retries + 1),
    ...(redis.url.startsWith("rediss:") ? { tls: true as const, ...(ca === undefined ? {} : { ca }) } : {}),
  };
  const shared = { name: "itera-conversations", disableOfflineQueue: true, maintNotifications: "disabled", socket } as const;
  if (!redis.cluster) {
    const make = (): RedisClient<RedisClientLike> => {
      const client = createClient({ ...shared, url: redis.url });
      client.on("error", onError);
      return { client, ready: () => client.isReady, connect: () => client.connect(), end: () => client.destroy() };
    };
    return { cluster: false, make };
  }
  const { username, password } = new URL(redis.url);
  const credentials = {
    ...(username === "" ? {} : { username: decodeURIComponent(username) }),
    ...(password === "" ? {} : { password: decodeURIComponent(password) }),
  };
  const make = (): RedisClient<RedisClusterLike> => {
    const client = createCluster({ rootNodes: [{ url: redis.url, socket }], defaults: { ...shared, ...credentials } });
    client.on("error", onError);
    return { client, ready: () => client.isReady, connect: () => client.connect(), end: () => client.destroy() };
  };
  return { cluster: true, make };
}
