/** What a request is answered with, and the headers that every answer has. */

/** An answer on its way out. */
export interface Reply {
  readonly status: number;
  /** JSON unless `headers` say otherwise; null: none. */
  readonly body: string | Uint8Array<ArrayBuffer> | ReadableStream | null;
  readonly headers?: Readonly<Record<string, string>>;
}

const COMMON = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
};

const WITH_JSON = { "content-type": "application/json; charset=utf-8", ...COMMON };

/** JSON with a status and further headers. */
export function json(body: object, status = 200, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, body: JSON.stringify(body), headers };
}

/** The response of a reply, with headers that it carries besides its own. Headers are one plain object, which runtimes pass on without copying. */
export function toResponse({ status, body, headers }: Reply, requestId: string, more: Readonly<Record<string, string>> = {}): Response {
  const common = body === null ? COMMON : WITH_JSON;
  return new Response(body, { status, headers: { ...common, "x-request-id": requestId, ...more, ...headers } });
}
