/** Ends requests whose body comes too slowly: a few seconds to begin with, and more for every piece that has arrived. */
import type { IncomingMessage, ServerResponse } from "node:http";

const CHECK_MS = 500;

/** How long a body may take. */
export interface BodyPace {
  /** For a body of any size. */
  graceMs: number;
  /** And a second more for so many bytes. */
  bytesPerSecond: number;
}

/** Nine seconds and a second for each 64 KiB: a trickle ends within ten, a large body on a slow line does not. */
export const BODY_PACE: BodyPace = { graceMs: 9000, bytesPerSecond: 64 * 1024 };

/** Watches requests that are being received. */
export interface BodyDeadline {
  watch(request: IncomingMessage, response: ServerResponse): void;
}

/** Makes a watch that calls `late` for each request that is too slow, once. Its clock is the monotonic one. */
export function createBodyDeadline(pace: BodyPace, late: (request: IncomingMessage, response: ServerResponse) => void): BodyDeadline {
  const watched = new Map<IncomingMessage, { response: ServerResponse; since: number; bytes: number }>();
  let timer: NodeJS.Timeout | undefined;

  function check(): void {
    const now = performance.now();
    for (const [request, { response, since, bytes }] of watched) {
      if (request.complete || request.destroyed) {
        watched.delete(request);
        continue;
      }
      const arrived = request.socket.bytesRead - bytes;
      if (now - since > pace.graceMs + (arrived / pace.bytesPerSecond) * 1000) {
        watched.delete(request);
        late(request, response);
      }
    }
    if (watched.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  }

  return {
    watch(request, response) {
      const { "content-length": length, "transfer-encoding": coding } = request.headers;
      if (request.complete || ((length ?? "0") === "0" && coding === undefined)) return;
      watched.set(request, { response, since: performance.now(), bytes: request.socket.bytesRead });
      timer ??= setInterval(check, CHECK_MS).unref();
    },
  };
}
