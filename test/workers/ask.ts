// Requests to the handlers of the Worker, as the platform would make them.

import { createWorker, type Env } from "../../src/runtimes/worker/index.ts";

/** Fields of answers that tests read. */
export interface Fields {
  readonly code?: string;
  readonly conversationId: string;
  readonly token: string;
  readonly key: string;
  readonly data: { readonly id: string; readonly lastUsed: string | null; readonly messages: { readonly content: string }[] };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Fields;
}

export interface Sent {
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

/** Sends a request with a key or token, or with none, and lets all end that goes on after the answer. */
export async function ask(
  env: Env,
  credential: string | null,
  method: string,
  path: string,
  { headers = {}, body }: Sent = {},
): Promise<Answer> {
  const after: Promise<unknown>[] = [];
  const init: RequestInit = {
    method,
    headers: {
      "cf-connecting-ip": "203.0.113.7",
      ...(credential === null ? {} : { authorization: `Bearer ${credential}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
  };
  if (body !== undefined) init.body = JSON.stringify(body);
  const request = new Request(`https://chat.example.com${path}`, init);
  const response = await createWorker().fetch(request, env, { waitUntil: (work) => void after.push(work) });
  const text = await response.text();
  await Promise.all(after);
  return { status: response.status, headers: response.headers, text, json: JSON.parse(text === "" ? "null" : text) as Fields };
}
