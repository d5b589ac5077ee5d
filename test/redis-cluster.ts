// A Redis cluster of three nodes without replicas, of a test's own.

import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "redis";
import { startRedisServer, type RedisServer, type RedisServerOptions } from "./redis-server.ts";
import { freePort } from "./server-process.ts";

/** A cluster that this process owns. Call `stop` at the end, whatever happened to it. */
export interface RedisCluster {
  /** The nodes, in the order of their slots; each can be frozen, killed and started by itself. */
  readonly nodes: readonly RedisServer[];
  /** The addresses of the nodes. */
  readonly urls: readonly string[];
  /** Ends all nodes and removes their data. */
  stop(): Promise<void>;
}

const SLOTS = 16_384;
const NODES = 3;
/** A cluster is complete within a second or two; a minute is a hang. */
const LONGEST_START_MS = 60_000;

type Command = (...words: (string | number)[]) => Promise<unknown>;

/** Runs something on a connection to one node, which is closed whatever happens. */
async function withNode<T>(node: RedisServer, run: (command: Command) => Promise<T>): Promise<T> {
  const client = createClient({ url: node.url });
  client.on("error", () => {});
  await client.connect();
  try {
    return await run((...words) => client.sendCommand(words.map(String)));
  } finally {
    client.destroy();
  }
}

/** Waits until every node knows all others and all slots are served. */
async function complete(nodes: readonly RedisServer[]): Promise<void> {
  const hung = Date.now() + LONGEST_START_MS;
  for (const node of nodes) {
    for (;;) {
      const info = (await withNode(node, (command) => command("CLUSTER", "INFO"))) as string;
      if (info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${nodes.length}`)) break;
      if (Date.now() > hung) throw new Error(`the cluster did not come together: ${info}`);
      await sleep(50);
    }
  }
}

/** Starts three nodes and joins them; `flags` go to each. One to two seconds. */
export async function startRedisCluster({ flags = {} }: Pick<RedisServerOptions, "flags"> = {}): Promise<RedisCluster> {
  const nodes: RedisServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    const busPorts: number[] = [];
    for (let i = 0; i < NODES; i++) {
      busPorts.push(await freePort());
      const own = { "cluster-enabled": "yes", "cluster-port": busPorts[i]!, "cluster-node-timeout": 2000 };
      nodes.push(await startRedisServer({ flags: { ...own, ...flags } }));
    }
    for (const [i, node] of nodes.entries()) {
      const [first, next] = [i, i + 1].map((edge) => Math.floor((edge * SLOTS) / NODES)) as [number, number];
      await withNode(node, async (command) => {
        await command("CLUSTER", "ADDSLOTSRANGE", first, next - 1);
        // Different from the start, so that the nodes need not settle it between them.
        await command("CLUSTER", "SET-CONFIG-EPOCH", i + 1);
        if (i > 0) await command("CLUSTER", "MEET", "127.0.0.1", nodes[0]!.port, busPorts[0]!);
      });
    }
    await complete(nodes);
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes, urls: nodes.map(({ url }) => url), stop };
}
