// Who makes the journey: plain fetch against an address, with an API key if there is one.

import assert from "node:assert/strict";

/** The fields of answers that the journey looks at; which of them are there depends on the route. */
export interface Fields {
  readonly success: boolean;
  readonly error: string;
  readonly code: string;
  readonly requestId: string;
  readonly conversationId: string;
  readonly extended: number;
  readonly status: string;
  readonly receipt: { readonly id: string };
  readonly nextCursor: string | number | null;
  readonly data: {
    readonly id: string;
    readonly status: string;
    readonly version: number;
    readonly messageCount: number;
    readonly messages: readonly Record<string, unknown>[];
    readonly window: readonly Record<string, unknown>[];
    readonly metadata: Readonly<Record<string, unknown>>;
    readonly expiresAt: string | null;
    readonly archivedAt: string;
    readonly archiveReason: string;
  };
}

/** An answer, read whole. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly json: Fields;
}

/** What is sent. */
export interface Sent {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Thrown when the address says that its store cannot do what was asked. */
export class NotSupported extends Error {}

/** Sends requests to one address. */
export interface Visitor {
  /** Sends and reads; throws `NotSupported` on 501, and on 429 waits as long as it is told to. */
  call(method: string, path: string, sent?: Sent): Promise<Answer>;
  /** The same, and the answer must have this status. */
  expect(status: number, method: string, path: string, sent?: Sent): Promise<Answer>;
  /** The same, and the answer must be the failure envelope with this code. */
  refused(status: number, code: string, method: string, path: string, sent?: Sent): Promise<Answer>;
}

/** Thrown when nobody answers there, or not in time. */
export class Unreachable extends Error {}

const TRIES = 5;
/** For one request, its answer read whole. */
const PATIENCE_MS = 10_000;

/** A visitor of the service at `url`. */
export function visitorOf(url: string, key?: string, patienceMs: number = PATIENCE_MS): Visitor {
  const base = url.replace(/\/+$/, "");

  async function once(method: string, path: string, { body, headers = {} }: Sent): Promise<{ response: Response; text: string }> {
    const init: RequestInit = {
      method,
      signal: AbortSignal.timeout(patienceMs),
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...headers,
      },
    };
    if (body !== undefined) init.body = typeof body === "string" ? body : JSON.stringify(body);
    try {
      const response = await fetch(base + path, init);
      return { response, text: await response.text() };
    } catch (cause) {
      const late = cause instanceof DOMException && cause.name === "TimeoutError";
      const why = late ? `did not answer within ${patienceMs} ms` : "cannot be reached";
      throw new Unreachable(`${base} ${why} (${method} ${path})`, { cause });
    }
  }

  async function call(method: string, path: string, sent: Sent = {}): Promise<Answer> {
    for (let tries = 1; ; tries++) {
      const { response, text } = await once(method, path, sent);
      if (response.status === 429 && tries < TRIES) {
        await new Promise((resolve) => setTimeout(resolve, 1000 * Number(response.headers.get("retry-after") ?? 1)));
        continue;
      }
      let json: unknown = null;
      if (text !== "" && response.headers.get("content-type")?.includes("json")) json = JSON.parse(text);
      const answer = { status: response.status, headers: response.headers, json: json as Fields };
      if (answer.status === 501) throw new NotSupported(answer.json?.error ?? "501");
      return answer;
    }
  }

  async function expectStatus(status: number, method: string, path: string, sent?: Sent): Promise<Answer> {
    const answer = await call(method, path, sent);
    const said = answer.json?.error === undefined ? "" : ` (${answer.json.code}: ${answer.json.error})`;
    assert.equal(answer.status, status, `${method} ${path} answered ${answer.status}${said} instead of ${status}`);
    return answer;
  }

  return {
    call,
    expect: expectStatus,
    async refused(status, code, method, path, sent) {
      const answer = await expectStatus(status, method, path, sent);
      const { success, error, code: given, requestId } = answer.json;
      assert.deepEqual({ success, code: given }, { success: false, code });
      assert.ok(typeof error === "string" && error.length > 0, "a failure has a sentence");
      assert.ok(requestId && requestId === answer.headers.get("x-request-id"), "a failure names its request");
      return answer;
    },
  };
}
