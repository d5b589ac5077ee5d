// Whole chats over HTTP, as visitors have them: created, said turn by turn, read back, now and then archived.

import { jsonRequest, type Client } from "./load.ts";
import { METADATA, said, WINDOW } from "./what-is-said.ts";

const API = "/api/v1/conversations";
const TURNS = 10;
const ARCHIVED_EVERY = 4;

let chats = 0;
let made = 0;

/** One chat of ten turns on one connection; answers how many requests it was. Throws if one of them fails. */
async function chat(client: Client): Promise<number> {
  let requests = 0;
  const ask = async (request: string): Promise<string> => {
    requests++;
    const { status, body } = await client.send(request);
    if (status !== 200) throw new Error(`an answer of status ${status}`);
    return body;
  };
  const created = await ask(jsonRequest("POST", API, { source: "bench", initialContext: METADATA }));
  const path = `${API}/${(JSON.parse(created) as { conversationId: string }).conversationId}`;
  for (let turn = 0; turn < TURNS; turn++) {
    await ask(jsonRequest("POST", `${path}/messages?window=${WINDOW}`, said("user", ++made)));
    await ask(jsonRequest("POST", `${path}/messages`, { messages: [said("assistant", ++made)], state: { step: `turn ${turn}` } }));
  }
  await ask(jsonRequest("GET", path));
  if (++chats % ARCHIVED_EVERY === 0) await ask(jsonRequest("DELETE", path));
  return requests;
}

/** Chats on every connection for `ms`; answers the requests a second. */
export async function chatAway(clients: readonly Client[], ms: number): Promise<number> {
  const start = performance.now();
  let requests = 0;
  await Promise.all(
    clients.map(async (client) => {
      while (performance.now() - start < ms) requests += await chat(client);
    }),
  );
  return (requests / (performance.now() - start)) * 1000;
}
