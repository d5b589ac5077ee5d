/** Node's HTTP server around an application: strict about what is a request, patient with nobody, and able to stop without cutting anyone off. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Server as NetServer, type AddressInfo, type Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { BODY_PACE, createBodyDeadline } from "./body-deadline.ts";
import { rawRefusal, refuse, type Refusal } from "./envelope.ts";
import { checkRequest, HEAD_BYTES, refusalFor, SLOW_REQUEST } from "./request-check.ts";

/** An application: what Hono's `fetch` is. `env` has Node's request and response. */
export type Fetch = (request: Request, env: NodeEnv) => Response | Promise<Response>;

/** What the application is given of Node. */
export interface NodeEnv {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

/** A listening server. */
export interface HttpServer {
  readonly address: AddressInfo;
  /**
   * Takes no new connections, lets the requests finish that are in flight or come in on open connections within the
   * first second, and closes each connection with its answer; what is left after `withinMs` is cut. Resolves when all are closed.
   */
  stop(withinMs: number): Promise<void>;
}

const IDLE_GRACE_MS = 1000;
const LINGER_MS = 1000;

/** Starts to listen. Rejects as `listen` fails: `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`, `ENOTFOUND`. */
export async function listen(
  fetch: Fetch,
  options: { host: string; port: number; onError: (error: unknown) => void },
): Promise<HttpServer> {
  const open = new Map<ServerResponse, Socket>();
  const silent = new Set<Socket>();
  const failed = new WeakSet<Socket>();
  const refused = new WeakSet<ServerResponse>();
  let stopping = false;

  const application = getRequestListener(
    async (request, env) => {
      const { outgoing } = env as NodeEnv;
      const response = await fetch(request, env as NodeEnv);
      return refused.has(outgoing) ? RESPONSE_ALREADY_SENT : response;
    },
    {
      hostname: "localhost",
      errorHandler: (error) => {
        options.onError(error);
        const requestId = crypto.randomUUID();
        return Response.json(
          { success: false, error: "The request failed", code: "internal", requestId },
          { status: 500, headers: { "cache-control": "no-store", "x-content-type-options": "nosniff", "x-request-id": requestId } },
        );
      },
    },
  );

  function refuseHere(response: ServerResponse, refusal: Refusal): void {
    refused.add(response);
    refuse(response, refusal);
  }

  const deadline = createBodyDeadline(BODY_PACE, (request, response) => {
    if (response.headersSent) request.socket.destroy();
    else refuseHere(response, SLOW_REQUEST);
  });

  function take(request: IncomingMessage, response: ServerResponse): void {
    silent.delete(request.socket);
    open.set(response, request.socket);
    response.once("close", () => open.delete(response));
    if (stopping) response.setHeader("connection", "close");
    const refusal = checkRequest(request);
    // After what was not understood, nothing on this connection can be trusted to be where it seems.
    if (refusal) return refuseHere(response, refusal);
    deadline.watch(request, response);
    void application(request, response);
  }

  function fail(error: NodeJS.ErrnoException, socket: Socket): void {
    if (failed.has(socket)) return;
    failed.add(socket);
    const pending = [...open].filter(([, itsSocket]) => itsSocket === socket).map(([response]) => response);
    const receiving = pending.find((response) => !response.req.complete);
    if (error.code === "ECONNRESET" || !socket.writable) {
      socket.destroy();
    } else if (receiving) {
      if (receiving.headersSent) socket.destroy();
      else refuseHere(receiving, refusalFor(error));
    } else {
      // Answers go out in the order of the requests: this one waits for those before it.
      const earlier = pending.map((response) => new Promise((resolve) => response.once("close", resolve)));
      void Promise.all(earlier).then(() => {
        if (socket.writable) socket.end(rawRefusal(refusalFor(error)));
        setTimeout(() => socket.destroy(), LINGER_MS).unref();
      });
    }
  }

  const server = createServer({
    // Duplicates and a missing Host are refused with our own answer.
    requireHostHeader: false,
    insecureHTTPParser: false,
    maxHeaderSize: HEAD_BYTES,
    headersTimeout: 9000,
    // The body has a deadline of its own, which knows large bodies from slow ones.
    requestTimeout: 0,
    connectionsCheckingInterval: 500,
    keepAliveTimeout: 65_000,
    noDelay: true,
  });
  server.maxHeadersCount = 0;
  server.maxConnections = 8192;
  server.on("connection", (socket) => {
    silent.add(socket);
    socket.once("close", () => silent.delete(socket));
  });
  server.on("request", take);
  server.on("checkExpectation", (_request, response) => {
    open.set(response, response.req.socket);
    response.once("close", () => open.delete(response));
    refuseHere(response, { status: 400, code: "invalid_input", error: "The only expectation taken is 100-continue" });
  });
  server.on("connect", (_request, socket) => {
    socket.end(
      rawRefusal({
        status: 405,
        code: "method_not_allowed",
        error: "CONNECT is not allowed",
        headers: { allow: "GET, HEAD, POST, PUT, DELETE, OPTIONS" },
      }),
    );
  });
  server.on("clientError", (error, socket) => fail(error as NodeJS.ErrnoException, socket as Socket));
  await started(server, options);
  server.on("error", options.onError);

  return {
    address: server.address() as AddressInfo,
    async stop(withinMs) {
      stopping = true;
      for (const response of open.keys()) if (!response.headersSent) response.setHeader("connection", "close");
      const closed = new Promise<void>((resolve) => {
        // The one of `net`: that of `http` would at once cut idle connections, on which a request may be under way.
        NetServer.prototype.close.call(server, () => resolve());
      });
      const idle = setTimeout(
        () => {
          server.closeIdleConnections();
          // Node does not count those as idle that never said anything.
          for (const socket of silent) if (socket.bytesRead === 0) socket.destroy();
        },
        Math.min(IDLE_GRACE_MS, withinMs),
      );
      const all = setTimeout(() => server.closeAllConnections(), withinMs);
      await closed;
      clearTimeout(idle);
      clearTimeout(all);
      server.close();
    },
  };
}

function started(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, backlog: 1024 }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
