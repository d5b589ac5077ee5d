// The example chatbot on Workers, bundled and run in workerd, and talked to over HTTP.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundle, startWorker, temporaryFolder, type Bindings } from "../deployed-worker.ts";

interface Said {
  readonly sessionId: string;
  readonly reply: string;
  readonly step: string;
}

interface Chat {
  readonly sessionId: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly step: string;
}

let folder: string;
let script: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "itera-chatbot-"));
  script = await bundle("examples/chatbot-worker/wrangler.jsonc", null, folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const variables = { ENVIRONMENT: "development", MAX_SESSION_DURATION: "3600" };
const CASES: [string, Bindings][] = [
  ["objects and D1", { kv: ["CHAT_SESSIONS"], d1: ["CONVERSATIONS_DB"], objects: { CONVERSATIONS: "ConversationObject" }, variables }],
  ["KV alone", { kv: ["CHAT_SESSIONS"], variables }],
];

/** Starts it over data in a folder, and answers how to talk to it. */
async function startChatbot(data: string, bindings: Bindings) {
  const { url, stop, kv } = await startWorker(script, data, bindings);
  const post = (body: string) => fetch(`${url}/chat`, { method: "POST", headers: { "content-type": "application/json" }, body });
  return {
    url,
    stop,
    kv,
    post,
    say: async (message: string, sessionId?: string) => (await (await post(JSON.stringify({ sessionId, message }))).json()) as Said,
    chat: async (sessionId: string) => (await (await fetch(`${url}/chat?${new URLSearchParams({ sessionId }).toString()}`)).json()) as Chat,
  };
}

describe.each(CASES)("over %s", (_, bindings) => {
  test("its chats are where the bindings say", async () => {
    const bot = await startChatbot(await temporaryFolder(), bindings);
    const { sessionId } = await bot.say("Buongiorno");
    const { keys } = await (await bot.kv("CHAT_SESSIONS")).list();
    expect(keys.map(({ name }) => name).filter((name) => name.startsWith("conv:"))).toEqual(bindings.objects ? [] : [`conv:${sessionId}`]);
  });

  test("it leads a visitor from the greeting to the summary, over a restart, and starts again", async () => {
    const data = await temporaryFolder();
    const bot = await startChatbot(data, bindings);
    const hello = await bot.say("Buongiorno");
    expect(hello.reply).toContain("Di che cosa ha bisogno");
    expect((await bot.say("Il gestionale non parte", hello.sessionId)).reply).toContain("È urgente");
    await bot.stop();

    const again = await startChatbot(data, bindings);
    expect((await again.say("sì", hello.sessionId)).reply).toContain("numero di telefono");
    expect((await again.say("boh", hello.sessionId)).step).toBe("contact");
    const summary = await again.say("lucia@esempio.example", hello.sessionId);
    expect(summary.reply).toContain("«Il gestionale non parte», urgenza alta, contatto lucia@esempio.example");
    expect(await again.say("ricominciamo da capo", hello.sessionId)).toMatchObject({ sessionId: hello.sessionId, step: "matter" });
    const { messages } = await again.chat(hello.sessionId);
    expect(messages.map(({ role }) => role)).toEqual(Array.from({ length: 12 }, (__, index) => (index % 2 === 0 ? "user" : "assistant")));
    expect(messages[2]).toEqual({ role: "user", content: "Il gestionale non parte" });
  });

  test("a visitor whose session was lost gets a new one, and goes on with it", async () => {
    const bot = await startChatbot(await temporaryFolder(), bindings);
    const lost = await bot.say("Hello, can I get help please", "ITERA_20250125_143052_A7B9X2M8P4Q1_D");
    expect(lost.sessionId).toMatch(/^ITERA_\d{8}_\d{6}_[A-Z0-9]{12}_D$/);
    expect(lost.sessionId).not.toBe("ITERA_20250125_143052_A7B9X2M8P4Q1_D");
    expect((await bot.say("The VPN is down", lost.sessionId)).reply).toContain("Is it urgent");
    expect((await bot.chat(lost.sessionId)).step).toBe("urgency");
  });

  test("a session that older code left under a bare key is adopted", async () => {
    const bot = await startChatbot(await temporaryFolder(), bindings);
    const id = "fallback_1769000000000_k3j9x0a1b";
    const messages = [
      { role: "user", content: "Buongiorno" },
      { role: "assistant", content: "Di che cosa ha bisogno?" },
    ];
    const session = { id, created: 1_769_000_000_000, messages, context: {}, step: "matter", leadData: { name: "Lucia" } };
    await (await bot.kv("CHAT_SESSIONS")).put(id, JSON.stringify(session));
    const reply = await bot.say("La rete è lenta", id);
    expect(reply).toMatchObject({ step: "urgency", sessionId: expect.stringMatching(/^ITERA_/) });
    expect((await bot.chat(reply.sessionId)).messages.slice(0, 3)).toEqual([...messages, { role: "user", content: "La rete è lenta" }]);
  });
});

test("its page is there, and what is wrong is told", async () => {
  const bot = await startChatbot(await temporaryFolder(), CASES[1]![1]);
  expect(await (await fetch(bot.url)).text()).toContain("<html");
  expect((await bot.post("{")).status).toBe(400);
  expect((await bot.post('{"message": " "}')).status).toBe(400);
  expect((await bot.post("null")).status).toBe(400);
  expect(await (await fetch(`${bot.url}/chat`)).json()).toEqual({ sessionId: null, messages: [], step: null });
  expect((await (await bot.kv("CHAT_SESSIONS")).list()).keys).toEqual([]);
  expect((await fetch(`${bot.url}/nothing`)).status).toBe(404);
});
