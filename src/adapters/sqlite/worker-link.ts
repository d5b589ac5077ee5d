// The calling thread's end of a worker: calls go out together, answers come back together, and nothing waits for a worker that died.

import { Worker } from "node:worker_threads";
import { InvalidInputError, StoreUnavailableError } from "../../core/errors.ts";
import { fromFailure } from "./sqlite-errors.ts";
import {
  CLOSE,
  type ArgumentsOf,
  type NameOf,
  type Operations,
  type Reply,
  type Request,
  type ResultOf,
  type WorkerSettings,
} from "./worker-messages.ts";

/** How a worker is run. */
export interface LinkOptions {
  /** For messages: "write", "read". */
  name: string;
  settings: WorkerSettings;
  /** Calls that may be waiting at once; one more is refused at once. */
  maxPending: number;
}

/** A worker as its callers see it. */
export interface WorkerLink<T extends Operations> {
  /** Runs an operation. `weight`: UTF-16 units of text that travel with it. Throws `StoreUnavailableError` when it is refused or the worker dies. */
  call<K extends NameOf<T>>(name: K, now: number, weight: number, ...args: ArgumentsOf<T[K]>): Promise<ResultOf<T[K]>>;
  /** Calls that have no answer yet. */
  readonly pending: number;
  /** For how many milliseconds the oldest of them has been waiting; 0: there is none. */
  readonly waitingMs: number;
  /** Starts the worker if it does not run. It starts by itself with the first call. */
  start(): void;
  /** Waits for all answers, lets the worker close its connection, and ends it. Later calls are refused. */
  close(): Promise<void>;
}

/** So many calls go out at once, even if more are about to be made: the worker begins while their callers are still at work. */
const SENT_TOGETHER = 16;

/** UTF-16 units of text that may be waiting; a single call may be larger. */
const MAX_WEIGHT = 32 * 1024 * 1024;

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
  since: number;
  weight: number;
}

/** The file of a worker, next to this one: `tsc` does not rewrite the extension inside `new URL`. */
function workerFile(name: string): URL {
  return new URL(`./${name}-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);
}

/** A link to the worker `<name>-worker`. While nothing is waiting the worker does not keep the process alive. */
export function linkWorker<T extends Operations>({ name, settings, maxPending }: LinkOptions): WorkerLink<T> {
  // A Map keeps the order of calls, so that the first is the oldest.
  const waiting = new Map<number, Waiting>();
  let worker: Worker | null = null;
  let queue: Request[] = [];
  let scheduled = false;
  let count = 0;
  let weightWaiting = 0;
  let closing: Promise<void> | null = null;

  function settle(number: number): Waiting | undefined {
    const one = waiting.get(number);
    if (one === undefined) return undefined;
    waiting.delete(number);
    weightWaiting -= one.weight;
    if (waiting.size === 0) worker?.unref();
    return one;
  }

  function failAll(cause: unknown): void {
    worker = null;
    queue = [];
    const sentence = `The database's ${name} worker stopped; it starts again with the next call, and what was under way may or may not be stored`;
    for (const number of waiting.keys()) settle(number)?.reject(new StoreUnavailableError(sentence, { cause }));
  }

  function start(): void {
    if (worker !== null) return;
    // No flags of the host program: some of them a worker refuses.
    const started = new Worker(workerFile(name), { workerData: settings, name: `sqlite ${name}`, execArgv: [] });
    worker = started;
    started.unref();
    started.on("message", (replies: Reply[]) => {
      for (const [number, failure, result] of replies) {
        const one = settle(number);
        if (failure === null) one?.resolve(result);
        else one?.reject(fromFailure(failure));
      }
    });
    let cause: unknown = null;
    started.on("error", (error) => {
      cause = error;
    });
    started.on("exit", () => {
      if (worker === started) failAll(cause);
    });
  }

  function send(): void {
    scheduled = false;
    if (queue.length === 0) return;
    start();
    worker?.ref();
    const requests = queue;
    queue = [];
    try {
      worker?.postMessage(requests);
    } catch {
      for (const request of requests) sendAlone(request);
    }
  }

  /** What cannot travel, such as a function where data is meant, fails alone. */
  function sendAlone(request: Request): void {
    try {
      worker?.postMessage([request]);
    } catch (cause) {
      settle(request[0])?.reject(new InvalidInputError("The database takes plain data only", { cause }));
    }
  }

  function enqueue(now: number, operation: string, weight: number, args: unknown[]): Promise<unknown> {
    const number = ++count;
    queue.push([number, now, operation, ...args]);
    weightWaiting += weight;
    // After all that runs now: what many callers ask in one go travels together.
    if (queue.length >= SENT_TOGETHER) send();
    else if (!scheduled) {
      scheduled = true;
      process.nextTick(send);
    }
    return new Promise((resolve, reject) => waiting.set(number, { resolve, reject, since: performance.now(), weight }));
  }

  function refusal(weight: number): string | null {
    if (closing !== null) return "The database is closed; open it again";
    if (waiting.size >= maxPending) return `More than ${maxPending} calls are waiting for the database's ${name} worker; try again later`;
    if (weightWaiting > 0 && weightWaiting + weight > MAX_WEIGHT)
      return `Too much text is waiting for the database's ${name} worker; try again later`;
    return null;
  }

  async function end(): Promise<void> {
    // What fails here was said to those who waited; there is nobody left to tell.
    if (worker !== null || queue.length > 0) await enqueue(0, CLOSE, 0, []).catch(() => undefined);
    const ending = worker;
    worker = null;
    await ending?.terminate();
  }

  return {
    async call(operation, now, weight, ...args) {
      const refused = refusal(weight);
      if (refused !== null) throw new StoreUnavailableError(refused);
      // The cast: the worker answers each operation with its result.
      return (await enqueue(now, operation, weight, args)) as ResultOf<T[typeof operation]>;
    },
    get pending() {
      return waiting.size;
    },
    get waitingMs() {
      const oldest = waiting.values().next();
      return oldest.done ? 0 : performance.now() - oldest.value.since;
    },
    start,
    close() {
      closing ??= end();
      return closing;
    },
  };
}
