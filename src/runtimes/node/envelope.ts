/** Answers in the envelope of the API that are given before, or instead of, the application: one sentence, one code. */
import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { ErrorCode } from "../../core/errors.ts";

/** A refusal at the door. `code` is one of the closed list; `error` a sentence for people. */
export interface Refusal {
  readonly status: number;
  readonly code: ErrorCode;
  readonly error: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const REASONS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  408: "Request Timeout",
  413: "Content Too Large",
  431: "Request Header Fields Too Large",
};

function parts(refusal: Refusal): { body: string; headers: Record<string, string> } {
  const requestId = randomUUID();
  const body = JSON.stringify({ success: false, error: refusal.error, code: refusal.code, requestId });
  const headers = {
    "content-type": "application/json; charset=UTF-8",
    "content-length": String(Buffer.byteLength(body)),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-request-id": requestId,
    ...refusal.headers,
  };
  return { body, headers };
}

/** Answers with a refusal, unless an answer has begun. The connection ends with it. */
export function refuse(response: ServerResponse, refusal: Refusal): void {
  if (response.headersSent || response.writableEnded) return;
  const { body, headers } = parts(refusal);
  response.shouldKeepAlive = false;
  response.writeHead(refusal.status, headers);
  response.end(response.req.method === "HEAD" ? undefined : body);
}

/** The same as the bytes of a whole answer, for a socket on which no request was understood. It ends the connection. */
export function rawRefusal(refusal: Refusal): string {
  const { body, headers } = parts(refusal);
  const lines = Object.entries({ ...headers, connection: "close" }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${refusal.status} ${REASONS[refusal.status] ?? "Error"}\r\n${lines.join("")}\r\n${body}`;
}
