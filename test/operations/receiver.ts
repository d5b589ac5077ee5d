// A receiver of webhooks over real HTTP, which verifies signatures as Standard Webhooks has it, with code of its own.

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** A secret as it would be configured. */
export const WEBHOOK_SECRET = `whsec_${Buffer.from("5f0c7d1e9ab24836c1d2e3f405162738a9bacbdc10e7f8b2", "hex").toString("base64")}`;

/** A webhook that came in. */
export interface Received {
  readonly id: string;
  readonly host: string;
  readonly path: string;
  readonly valid: boolean;
  readonly body: { readonly type: string; readonly timestamp: string; readonly data: Record<string, unknown> };
}

/** Whether the signature is that of this secret, and the time within five minutes. */
function verify({ headers }: IncomingMessage, body: string): boolean {
  const [id, at, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => String(headers[name] ?? ""));
  if (Math.abs(Date.now() / 1000 - Number(at)) > 300) return false;
  const mac = createHmac("sha256", Buffer.from(WEBHOOK_SECRET.slice(6), "base64"))
    .update(`${id}.${at}.${body}`)
    .digest();
  return signatures!.split(" ").some((each) => {
    const [version, text] = each.split(",");
    const given = Buffer.from(text ?? "", "base64");
    return version === "v1" && given.length === mac.length && timingSafeEqual(given, mac);
  });
}

/** Starts one on a port of its own, until the test ends. `answer` is 204 by default. */
export async function startReceiver(answer: (response: ServerResponse, nth: number) => void = (response) => response.writeHead(204).end()) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (part: string) => (body += part));
    request.on("end", () => {
      received.push({
        id: String(request.headers["webhook-id"]),
        host: String(request.headers.host),
        path: request.url!,
        valid: verify(request, body),
        body: JSON.parse(body) as Received["body"],
      });
      answer(response, received.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/hook`, port, received, server };
}
