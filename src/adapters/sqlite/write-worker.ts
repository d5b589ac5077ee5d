// The write worker: what arrived together goes into one transaction, with a savepoint for each, and is answered together.

import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { openConnection, type Connection } from "./connection.ts";
import { WRITES } from "./operations.ts";
import { isBroken, isBusy, toFailure } from "./sqlite-errors.ts";
import { CLOSE, SCRUB, type Reply, type Request, type WorkerSettings } from "./worker-messages.ts";
import type { Work } from "./work.ts";
import { beginFairly } from "./write-lock.ts";

/** After so many milliseconds a transaction is committed, whatever is still waiting: what comes first does not wait for what is long. */
const GROUP_MS = 5;
const CHECKPOINT_BUSY_MS = 250;

// The casts: the link starts this file as a worker, with these settings and messages.
const port = parentPort!;
const { path, keepsDirectory } = workerData as WorkerSettings;
const operations = WRITES as Record<string, (work: Work, ...args: unknown[]) => unknown>;

let connection: Connection | null = null;
const queue: Request[] = [];

function receive(): void {
  for (let got = receiveMessageOnPort(port); got !== undefined; got = receiveMessageOnPort(port)) queue.push(...(got.message as Request[]));
}

function opened(): Connection {
  connection ??= openConnection(path, "writer");
  return connection;
}

/** After an error of the file itself the connection is opened anew, so that a disk that is well again is used again. */
function reopenAfter(error: unknown): void {
  if (!isBroken(error)) return;
  try {
    connection?.close();
  } catch {
    // It is given up in any case.
  }
  connection = null;
}

/** Runs one call, undone alone if it fails. */
function runOne(db: Connection, [number, now, name, ...args]: Request): Reply {
  const operation = operations[name];
  if (operation === undefined) return [number, ["fault", `No write is called ${name}`, null], null];
  db.run("SAVEPOINT one");
  try {
    const result = operation({ connection: db, now, keepsDirectory }, ...args);
    db.run("RELEASE one");
    return [number, null, result];
  } catch (error) {
    if (!db.inTransaction) throw error;
    db.run("ROLLBACK TO one");
    db.run("RELEASE one");
    return [number, toFailure(error), null];
  }
}

/** One transaction: takes calls from the queue until it is empty or time is up. If the transaction is lost, all of them failed. */
function runGroup(): Reply[] {
  const taken: Request[] = [];
  const replies: Reply[] = [];
  try {
    const db = opened();
    beginFairly(db);
    const until = performance.now() + GROUP_MS;
    for (;;) {
      const request = queue[0];
      if (request === undefined || request[2] === SCRUB || request[2] === CLOSE) break;
      taken.push(request);
      queue.shift();
      replies.push(runOne(db, request));
      if (performance.now() >= until) break;
      if (queue.length === 0) receive();
    }
    db.run("COMMIT");
    return replies;
  } catch (error) {
    try {
      if (connection?.inTransaction) connection.run("ROLLBACK");
    } catch {
      connection?.close();
      connection = null;
    }
    reopenAfter(error);
    const failure = toFailure(error);
    // Whoever has begun is in the lost transaction; if it could not begin, all who wait for it have waited long enough.
    const lost = taken.length > 0 ? taken : queue.splice(0);
    return lost.map(([number]) => [number, failure, null]);
  }
}

/** Moves the write-ahead log into the database and cuts it to nothing; false: somebody reads it, or the file is locked. */
function scrub(db: Connection): boolean {
  db.script(`PRAGMA busy_timeout = ${CHECKPOINT_BUSY_MS}`);
  try {
    return db.get("PRAGMA wal_checkpoint(TRUNCATE)")?.[0] === 0;
  } catch (error) {
    if (isBusy(error)) return false;
    throw error;
  } finally {
    db.script("PRAGMA busy_timeout = 0");
  }
}

function runApart([number, , name]: Request): Reply {
  try {
    const done = scrub(opened());
    if (name === CLOSE) {
      connection?.close();
      connection = null;
    }
    return [number, null, done];
  } catch (error) {
    reopenAfter(error);
    return [number, toFailure(error), null];
  }
}

port.on("message", (requests: Request[]) => {
  queue.push(...requests);
  receive();
  while (queue.length > 0) {
    const apart = queue[0]![2] === SCRUB || queue[0]![2] === CLOSE;
    port.postMessage(apart ? [runApart(queue.shift()!)] : runGroup());
    receive();
  }
});
