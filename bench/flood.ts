// More requests than a server can take, from a thread of its own, so that what else is measured is not slowed by sending them. Run as a worker.

import { parentPort, workerData } from "node:worker_threads";
import { jsonRequest, openClient, openLoop, type Client } from "./load.ts";
import { said, WINDOW } from "./what-is-said.ts";

/** What a flood is told. */
export interface FloodSettings {
  url: string;
  /** The paths of the conversations that it writes to. */
  paths: readonly string[];
  connections: number;
  ms: number;
  perSecond: number;
}

const { url, paths, connections, ms, perSecond } = workerData as FloodSettings;
const clients: Client[] = [];
for (let i = 0; i < connections; i++) {
  const client = await openClient(url);
  // Until a server that is busy takes a new connection, it may be long: that is not what is measured.
  await client.send(jsonRequest("GET", "/livez"));
  clients.push(client);
}
let made = 0;
const step = (client: number): string => jsonRequest("POST", `${paths[client % paths.length]!}?window=${WINDOW}`, said("user", ++made));
parentPort!.postMessage(await openLoop(clients, { ms, perSecond, since: "sent" }, step));
for (const client of clients) client.close();
