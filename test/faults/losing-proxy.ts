// Stands between clients and server and loses answers: the request arrives, the server answers, and the connection is cut before the client
// hears of it.

import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A proxy. It ends with the test. */
export interface LosingProxy {
  readonly url: string;
  /** How many answers it has lost. */
  readonly lost: number;
}

/** A proxy before a server on this machine. `loses` is asked for each piece that the server sends. */
export async function startLosingProxy(serverUrl: string, loses: () => boolean): Promise<LosingProxy> {
  const port = Number(new URL(serverUrl).port);
  const open = new Set<Socket>();
  let lost = 0;
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    const cut = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on("error", cut).on("close", () => {
        open.delete(socket);
        cut();
      });
    }
    client.pipe(upstream);
    upstream.on("data", (piece: Buffer) => {
      if (loses()) {
        lost++;
        cut();
      } else client.write(piece);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get lost() {
      return lost;
    },
  };
}
