// What this adapter needs of a Redis client, for one server and for a cluster alike. The official `redis` package fits; nothing is imported.

/** A client of one server, or of the primary that a sentinel names. Its type mapping must leave texts as strings, as it does by default. */
export interface RedisClientLike {
  sendCommand(args: string[]): Promise<unknown>;
}

/** A client of a cluster. */
export interface RedisClusterLike {
  sendCommand(firstKey: string | undefined, isReadonly: boolean | undefined, args: string[]): Promise<unknown>;
  readonly masters: readonly unknown[];
  nodeClient(node: never): Promise<RedisClientLike>;
  getNodeClientForKey(key: string): Promise<RedisClientLike>;
}

/** The way to the server or servers. What is sent in one go travels in one go: clients pipeline by themselves. */
export interface RedisLink {
  readonly cluster: boolean;
  /** Sends a command to the primary that holds this key. */
  send(key: string, args: string[]): Promise<unknown>;
  /** Sends a command to every primary. */
  sendToAll(args: string[]): Promise<unknown[]>;
  /** Sends a command over the very connection on which writes to this key travel: what WAIT needs. */
  sendBehind(key: string, args: string[]): Promise<unknown>;
}

/** The link over a client of one server; it must be connected already. */
export function singleRedis(client: RedisClientLike): RedisLink {
  const send = (_key: string, args: string[]) => client.sendCommand(args);
  return { cluster: false, send, sendToAll: async (args) => [await client.sendCommand(args)], sendBehind: send };
}

/** The link over a client of a cluster; it must be connected already. */
export function clusterRedis(cluster: RedisClusterLike): RedisLink {
  return {
    cluster: true,
    send: (key, args) => cluster.sendCommand(key, false, args),
    // The cast: nodes go back to the client that gave them.
    sendToAll: (args) => Promise.all(cluster.masters.map(async (node) => (await cluster.nodeClient(node as never)).sendCommand(args))),
    sendBehind: async (key, args) => (await cluster.getNodeClientForKey(key)).sendCommand(args),
  };
}
