// The read worker: long reads, one after the other, beside the calling thread.

import { parentPort, workerData } from "node:worker_threads";
import { openConnection, type Connection } from "./connection.ts";
import { READS } from "./operations.ts";
import { inSnapshot } from "./short-read.ts";
import { isBroken, toFailure } from "./sqlite-errors.ts";
import { CLOSE, type Reply, type Request, type WorkerSettings } from "./worker-messages.ts";

// The casts: the link starts this file as a worker, with these settings and messages.
const port = parentPort!;
const { path } = workerData as WorkerSettings;
const operations = READS as Record<string, (connection: Connection, ...args: unknown[]) => unknown>;

let connection: Connection | null = null;

function close(): void {
  try {
    connection?.close();
  } finally {
    connection = null;
  }
}

function run([number, , name, ...args]: Request): Reply {
  try {
    if (name === CLOSE) {
      close();
      return [number, null, null];
    }
    const operation = operations[name];
    if (operation === undefined) throw new Error(`No read is called ${name}`);
    const db = (connection ??= openConnection(path, "reader"));
    return [number, null, inSnapshot(db, () => operation(db, ...args))];
  } catch (error) {
    if (isBroken(error)) close();
    return [number, toFailure(error), null];
  }
}

port.on("message", (requests: Request[]) => {
  for (const request of requests) port.postMessage([run(request)]);
});
