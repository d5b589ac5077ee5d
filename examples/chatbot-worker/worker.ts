/**
 * The assistant on Workers: it keeps its chats with `getOrCreateSession(sessionId, env.CHAT_SESSIONS, env)` and
 * `saveSession(session, env.CHAT_SESSIONS, env)`, as chatbots of the platform do.
 *
 *   npx wrangler dev --config examples/chatbot-worker/wrangler.jsonc
 *
 *   curl -s http://localhost:8791/chat -H 'content-type: application/json' -d '{"message":"Buongiorno"}'
 *   curl -s http://localhost:8791/chat -H 'content-type: application/json' -d '{"sessionId":"…","message":"La rete è lenta"}'
 *
 * Or open http://localhost:8791 and chat. In a project of your own the two imports are `itera-conversations` and
 * `itera-conversations/worker`.
 */
import { getOrCreateSession, saveSession, type SessionEnv } from "../../src/index.ts";
import { reply } from "../chatbot/assistant.ts";
import page from "../chatbot/page.html";

// The class of the objects that `CONVERSATIONS` binds. The import also lets the two functions find them; over KV alone it is not needed.
export { ConversationObject } from "../../src/runtimes/worker/index.ts";

const LONGEST = 100_000;

function json(status: number, body: object): Response {
  return Response.json(body, { status, headers: { "cache-control": "no-store" } });
}

/** One turn: the visitor's message is stored before the assistant thinks, and its answer with the new state after. */
async function chat(sessionId: unknown, message: string, env: SessionEnv): Promise<object> {
  const session = await getOrCreateSession(typeof sessionId === "string" ? sessionId : null, env.CHAT_SESSIONS, env);
  session.messages.push({ role: "user", content: message });
  await saveSession(session, env.CHAT_SESSIONS, env);
  const answer = reply(session, message);
  session.messages.push({ role: "assistant", content: answer });
  await saveSession(session, env.CHAT_SESSIONS, env);
  return { sessionId: session.id, reply: answer, step: session.step };
}

async function answer(request: Request, env: SessionEnv): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  if (request.method === "GET" && pathname === "/") {
    return new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } });
  }
  if (request.method === "GET" && pathname === "/chat") {
    const session = await getOrCreateSession(searchParams.get("sessionId"), env.CHAT_SESSIONS, env);
    return json(200, { sessionId: session.id, messages: session.messages, step: session.step });
  }
  if (request.method === "POST" && pathname === "/chat") {
    const text = await request.text();
    if (text.length > LONGEST) return json(413, { error: "The message is too long" });
    const { sessionId, message } = JSON.parse(text) as { sessionId?: unknown; message?: unknown };
    if (typeof message !== "string" || message.trim() === "") return json(400, { error: "message must be a text" });
    return json(200, await chat(sessionId, message, env));
  }
  return json(404, { error: "Not found" });
}

export default {
  async fetch(request: Request, env: SessionEnv): Promise<Response> {
    try {
      return await answer(request, env);
    } catch (error) {
      return json(400, { error: error instanceof Error ? error.message : "The request cannot be read" });
    }
  },
};
