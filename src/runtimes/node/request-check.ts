/** What is refused of a request before the application sees it: what Node and Hono would let pass. */
import type { IncomingMessage } from "node:http";
import type { Refusal } from "./envelope.ts";

/** Headers of which a second one would make it unclear what was said. */
const SINGLE = new Set([
  "host",
  "authorization",
  "content-type",
  "content-length",
  "transfer-encoding",
  "idempotency-key",
  "origin",
  "expect",
  "x-request-id",
]);

const HOST = /^(?:[a-z0-9]([a-z0-9._-]*[a-z0-9])?\.?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

/** Whether it names a host, and in the one spelling that an address of it would have: `127.1` and ports beyond 65535 do not. */
function isHost(host: string): boolean {
  if (!HOST.test(host)) return false;
  const url = URL.parse(`http://${host}`);
  return url?.hostname === host.toLowerCase().replace(/:\d+$/, "");
}

function bad(error: string): Refusal {
  return { status: 400, code: "invalid_input", error };
}

function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** The largest head of a request in bytes. Node counts it without the separators, which many small headers consist of. */
export const HEAD_BYTES = 16 * 1024;

const TOO_LARGE: Refusal = { status: 431, code: "headers_too_large", error: "The request's headers are larger than 16 KiB" };

function checkHeaders(rawHeaders: readonly string[]): Refusal | null {
  const seen = new Set<string>();
  let bytes = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase();
    bytes += name.length + rawHeaders[index + 1]!.length + ": \r\n".length;
    if (seen.has(name) && SINGLE.has(name)) return bad(`The header ${name} must be there once only`);
    seen.add(name);
  }
  return bytes > HEAD_BYTES ? TOO_LARGE : null;
}

/**
 * Checks method, target and headers; null: nothing is wrong. A target in absolute form is brought into the usual form,
 * if it names the same host as the Host header.
 */
export function checkRequest(request: IncomingMessage): Refusal | null {
  const { headers, method, httpVersion } = request;
  if (method === "TRACE" || method === "CONNECT") {
    return {
      status: 405,
      code: "method_not_allowed",
      error: `${method} is not allowed`,
      headers: { allow: "GET, HEAD, POST, PUT, DELETE, OPTIONS" },
    };
  }
  if (httpVersion !== "1.1" && httpVersion !== "1.0") return bad("Only HTTP/1.1 and HTTP/1.0 are spoken here");
  const refusal = checkHeaders(request.rawHeaders);
  if (refusal) return refusal;
  if (headers.host === undefined && httpVersion === "1.1") return bad("The Host header is missing");
  if (headers.host !== undefined && !isHost(headers.host)) return bad("The Host header is not valid");
  const coding = headers["transfer-encoding"];
  if (coding !== undefined && (coding.toLowerCase() !== "chunked" || httpVersion === "1.0"))
    return bad("The only transfer encoding taken is chunked, in HTTP/1.1");
  return checkTarget(request);
}

function checkTarget(request: IncomingMessage): Refusal | null {
  let target = request.url ?? "";
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(target);
  if (absolute) {
    const [, authority = "", rest = ""] = absolute;
    if (authority.toLowerCase() !== request.headers.host?.toLowerCase()) return bad("The address and the Host header name different hosts");
    target = rest.startsWith("/") ? rest : `/${rest}`;
    request.url = target;
  }
  if (!target.startsWith("/") || /[^\x21-\x7e]|[#\\]/.test(target)) return bad("The address is not valid");
  // Both in one go: the parts of an address are encoded in the same way.
  if (target.includes("%") && !isEncoded(target)) return bad("The address is not valid: its percent-encoding is broken");
  return null;
}

/** What answers an error of the parser, or of a request that came too slowly. */
export function refusalFor(error: NodeJS.ErrnoException): Refusal {
  switch (error.code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return SLOW_REQUEST;
    case "HPE_HEADER_OVERFLOW":
      return TOO_LARGE;
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return { status: 413, code: "too_large", error: "The request's chunk extensions are larger than 16 KiB" };
    default:
      return bad("The request is not valid HTTP");
  }
}

/** The answer to a request that came too slowly. */
export const SLOW_REQUEST: Refusal = {
  status: 408,
  code: "request_timeout",
  error: "The request did not arrive in time. Send it again.",
};
