// CONTROL: the Worker with one fault. It answers an append at once and makes it 50 ms later, so whoever kills the runtime loses what it has
// acknowledged. A test of loss that does not notice this Worker proves nothing.

import worker from "../../src/runtimes/worker/main.ts";
import type { Env, WorkerContext } from "../../src/runtimes/worker/index.ts";

export { ConversationObject } from "../../src/runtimes/worker/main.ts";

const BEHIND_MS = 50;

export default {
  async fetch(request: Request, env: Env, context: WorkerContext): Promise<Response> {
    if (request.method !== "POST" || !request.url.endsWith("/messages")) return worker.fetch(request, env, context);
    const later = new Request(request.url, { method: "POST", headers: request.headers, body: await request.text() });
    const append = async () => {
      await new Promise((resolve) => setTimeout(resolve, BEHIND_MS));
      await worker.fetch(later, env, context);
    };
    context.waitUntil(append());
    return Response.json({ success: true, data: { messages: [{ seq: 0 }] } });
  },
};
