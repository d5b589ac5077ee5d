// The requests that tests of faults make most, over a wire.

import type { Ledger } from "./ledger.ts";
import type { Answer, Wire } from "./wire.ts";

const BASE = "/api/v1/conversations";

/** Requests to one server at a time. Those that return no `Answer` throw unless the answer is 200. */
export interface Requests {
  /** Makes a conversation; answers its ID. */
  readonly create: () => Promise<string>;
  /** Appends one message, known by its content; answers its seq. */
  readonly append: (id: string, content: string) => Promise<number>;
  /** Any request on a conversation: `path` is what stands behind its ID. */
  readonly on: (id: string, method: string, path?: string, body?: object, headers?: Record<string, string>) => Promise<Answer>;
}

/** Requests; what is acknowledged goes to the ledger. */
export function createRequests(wire: Wire, url: () => string, ledger: Ledger): Requests {
  const on: Requests["on"] = (id, method, path = "", body, headers = {}) =>
    wire.send(method, `${url()}${BASE}/${id}${path}`, { headers, ...(body && { body }) });
  return {
    on,
    async create() {
      const { conversationId } = ok(await wire.send("POST", url() + BASE)).json<{ conversationId: string }>();
      ledger.created(conversationId);
      return conversationId;
    },
    async append(id, content) {
      const answer = ok(await on(id, "POST", "/messages", { role: "user", content }));
      const { seq } = answer.json<{ data: { messages: { seq: number }[] } }>().data.messages[0]!;
      ledger.appended(id, seq, content);
      return seq;
    },
  };
}

/** The answer, if it is 200; else throws what it says. */
export function ok(answer: Answer): Answer {
  if (answer.status !== 200) throw new Error(`answered ${answer.status}: ${answer.text}`);
  return answer;
}
