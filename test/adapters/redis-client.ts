// A client for one test, with a prefix of its own whose keys are gone after it.

import { randomUUID } from "node:crypto";
import { createClient } from "redis";
import { singleRedis, type RedisLink } from "../../src/adapters/redis/redis-link.ts";

/** A connection and a part of the keys. */
export interface TestRedis {
  readonly prefix: string;
  readonly link: RedisLink;
  /** Sends a command as it is. */
  readonly send: (...args: string[]) => Promise<unknown>;
  /** The keys under the prefix. */
  readonly keys: () => Promise<string[]>;
  /** Removes what is under the prefix and closes the connection; answers the keys that were there. Does nothing the second time. */
  readonly close: () => Promise<string[]>;
  /** Drops the connection as it is; for servers that go with the test. */
  readonly destroy: () => void;
}

/** Connects to a server. `prefix`: that of another test client, to share its store. */
export async function openTestRedis(url: string, prefix = `itera-test-${randomUUID().slice(0, 8)}:`): Promise<TestRedis> {
  const client = createClient({ url, disableOfflineQueue: true, socket: { reconnectStrategy: 20 } });
  // What fails is told to the caller of a command; without a listener it would end the process.
  client.on("error", () => {});
  await client.connect();
  const keys = async () => {
    const found = new Set<string>();
    for await (const some of client.scanIterator({ MATCH: `${prefix}*`, COUNT: 1000 })) for (const key of some) found.add(key);
    return [...found];
  };
  return {
    prefix,
    link: singleRedis(client),
    send: (...args) => client.sendCommand(args),
    keys,
    async close() {
      if (!client.isOpen) return [];
      const left = await keys();
      if (left.length > 0) await client.unlink(left);
      await client.close();
      return left;
    },
    destroy() {
      if (client.isOpen) client.destroy();
    },
  };
}
