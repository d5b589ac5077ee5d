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

/** What a visitor sent; null: nothing that can be read. */
function turnIn(text: string): { sessionId?: unknown; message?: unknown } | null {
  try {
    const given: unknown = JSON.parse(text);
    return typeof given === "object" && given !== null && !Array.isArray(given) ? given : null;
  } catch {
    return null;
  }
}

async function answer(request: Request, env: SessionEnv): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  if (request.method === "GET" && pathname === "/") {
    return new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } });
  }
  if (request.method === "GET" && pathname === "/chat") {
    const sessionId = searchParams.get("sessionId");
    // Looking makes no conversation: only who has a session is shown one.
    if (sessionId === null || sessionId === "") return json(200, { sessionId: null, messages: [], step: null });
    const session = await getOrCreateSession(sessionId, env.CHAT_SESSIONS, env);
    return json(200, { sessionId: session.id, messages: session.messages, step: session.step });
  }
  if (request.method === "POST" && pathname === "/chat") {
    const text = await request.text();
    if (text.length > LONGEST) return json(413, { error: "The message is too long" });
    const turn = turnIn(text);
    if (!turn) return json(400, { error: "The body must be a JSON object" });
    const { sessionId, message } = turn;
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
      // What a visitor can get wrong was answered above: this is ours to mend.
      console.error(error);
      return json(500, { error: "Something went wrong; try again" });
    }
  },
};
