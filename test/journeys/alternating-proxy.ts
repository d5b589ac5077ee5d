// Stands before several servers and sends each request to the next one, as a load balancer without any memory does.

import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** A proxy. It ends with the test. */
export interface AlternatingProxy {
  readonly url: string;
  /** How many requests each server had, in the order of `urls`. */
  readonly served: readonly number[];
}

/** A proxy before servers on this machine. */
export async function startAlternatingProxy(urls: readonly string[]): Promise<AlternatingProxy> {
  const served = urls.map(() => 0);
  let turn = 0;
  const server = createServer((incoming, outgoing) => {
    const index = turn++ % urls.length;
    served[index]!++;
    const { hostname, port } = new URL(urls[index]!);
    const { method, url: path, headers } = incoming;
    const onward = request({ hostname, port, method, path, headers: { ...headers, connection: "close" } }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, served };
}
