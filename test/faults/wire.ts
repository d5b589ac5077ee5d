// An HTTP client for tests of faults: keeps its connections, gives every answer as it is, and an error for whatever was cut.

import { Agent, request, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http";
import { onTestFinished } from "vitest";

/** An answer, whatever its status. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** From sending to the last byte of the answer. */
  readonly ms: number;
  /** The body as JSON, in the shape that the caller expects. */
  json<T>(): T;
}

/** What is sent beside method and address. `body`: an object, sent as JSON. */
export interface Sent {
  readonly body?: object;
  readonly headers?: OutgoingHttpHeaders;
}

/** A client. Requests that are cut reject with Node's error; one that is not answered within `HANG_MS` with a `HungError`. */
export interface Wire {
  send(method: string, url: string, sent?: Sent): Promise<Answer>;
}

/** No request of these tests takes so long unless something hangs. */
export const HANG_MS = 60_000;

/** Neither an answer nor the end of the connection. */
export class HungError extends Error {}

/** A client with at most so many connections to a server. It closes them when the test ends. */
export function createWire(sockets = Infinity): Wire {
  const agent = new Agent({ keepAlive: true, maxSockets: sockets });
  onTestFinished(() => agent.destroy());
  return {
    send(method, url, { body, headers = {} } = {}) {
      const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
      const type = bytes && { "content-type": "application/json", "content-length": bytes.length };
      return new Promise((resolve, reject) => {
        const started = performance.now();
        const sent = request(url, { agent, method, headers: { ...type, ...headers } }, (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () => {
            const text = Buffer.concat(chunks).toString("utf8");
            const ms = performance.now() - started;
            resolve({ status: response.statusCode!, headers: response.headers, text, ms, json: <T>() => JSON.parse(text) as T });
          });
        });
        sent.setTimeout(HANG_MS, () => sent.destroy(new HungError(`${method} ${url} was not answered within ${HANG_MS / 1000} s`)));
        sent.on("error", reject).end(bytes);
      });
    },
  };
}
