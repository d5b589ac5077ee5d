/**
 * The assistant on Node: a chatbot that keeps its chats with two calls, `getOrCreateSession` and `saveSession`.
 *
 *   node examples/chatbot/server.ts [--port 8790] [--database ./data/chatbot.db]
 *
 *   curl -s http://127.0.0.1:8790/chat -H 'content-type: application/json' -d '{"message":"Buongiorno"}'
 *   curl -s http://127.0.0.1:8790/chat -H 'content-type: application/json' -d '{"sessionId":"…","message":"La rete è lenta"}'
 *
 * Or open http://127.0.0.1:8790 and chat. In a project of your own the two imports are `itera-conversations` and
 * `itera-conversations/sqlite`.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { sqliteStores } from "../../src/adapters/sqlite/sqlite-stores.ts";
import { ConversationManager, createSessionStore } from "../../src/index.ts";
import { reply } from "./assistant.ts";

const { values } = parseArgs({
  options: { port: { type: "string", default: "8790" }, database: { type: "string", default: "./data/chatbot.db" } },
});
mkdirSync(dirname(values.database), { recursive: true });

const manager = new ConversationManager(await sqliteStores({ path: values.database }));
const { getOrCreate: getOrCreateSession, save: saveSession } = createSessionStore(manager, {
  onError: (error, during) => console.error(`${during}:`, error),
});
const page = readFileSync(new URL("page.html", import.meta.url));

/** One turn: the visitor's message is stored before the assistant thinks, and its answer with the new state after. */
async function chat(sessionId: unknown, message: string): Promise<object> {
  const session = await getOrCreateSession(typeof sessionId === "string" ? sessionId : null);
  session.messages.push({ role: "user", content: message });
  await saveSession(session);
  const answer = reply(session, message);
  session.messages.push({ role: "assistant", content: answer });
  await saveSession(session);
  return { sessionId: session.id, reply: answer, step: session.step };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of request.setEncoding("utf8")) {
    text += piece;
    if (text.length > 100_000) throw new Error("The message is too long");
  }
  return text;
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const json = (status: number, body: object) =>
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  try {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    if (request.method === "GET" && pathname === "/") {
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(page);
    } else if (request.method === "GET" && pathname === "/chat") {
      const session = await getOrCreateSession(searchParams.get("sessionId"));
      json(200, { sessionId: session.id, messages: session.messages, step: session.step });
    } else if (request.method === "POST" && pathname === "/chat") {
      const { sessionId, message } = JSON.parse(await bodyOf(request)) as { sessionId?: unknown; message?: unknown };
      if (typeof message !== "string" || message.trim() === "") json(400, { error: "message must be a text" });
      else json(200, await chat(sessionId, message));
    } else json(404, { error: "Not found" });
  } catch (error) {
    json(400, { error: error instanceof Error ? error.message : "The request cannot be read" });
  }
}

const server = createServer((request, response) => void answer(request, response));

server.listen(Number(values.port), "127.0.0.1", () => {
  const address = server.address();
  console.log(`The assistant listens on http://127.0.0.1:${typeof address === "object" ? address?.port : values.port}`);
});

/** What has expired is archived, and lists and searches are kept up to date, as the server of this package does by itself. */
const sweep = setInterval(() => {
  manager.sweep().catch((error: unknown) => console.error("sweep:", error));
}, 60_000);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    clearInterval(sweep);
    server.close(() => void manager.close());
    server.closeIdleConnections();
  });
}
