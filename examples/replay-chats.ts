/**
 * Replays a file of chats through the HTTP API, turn by turn as a chatbot would, then reads every conversation back and
 * compares: counts, texts and order must equal the file.
 *
 *   node examples/replay-chats.ts [file.ndjson] [--url http://127.0.0.1:8787] [--concurrency 8] [--archive]
 *
 * A line of the file is one chat: {"source"?, "ref"?, "language"?, "messages": [{"role", "content"}, …]}.
 * Exit code 0: everything equal; 1: something differs or failed.
 */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

interface Message {
  role: string;
  content: string;
}

/** The fields of the API's answers that are used here. */
interface Answer {
  error?: string;
  conversationId?: string;
  data?: { seq: number; message: Message }[];
  nextCursor?: number | null;
}

interface Chat {
  source?: string;
  ref?: string;
  language?: string;
  messages: Message[];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    url: { type: "string", default: "http://127.0.0.1:8787" },
    concurrency: { type: "string", default: "8" },
    archive: { type: "boolean", default: false },
  },
});
const file = positionals[0] ?? fileURLToPath(new URL("./sample-chats.ndjson", import.meta.url));
const api = `${values.url.replace(/\/$/, "")}/api/v1/conversations`;

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`${api}${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as Answer;
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${answer.error}`);
  return answer;
}

/** Says one chat, message by message. A repeated request under the same key would add nothing. */
async function replay(chat: Chat): Promise<string> {
  const created = await call("POST", "", {
    ...(chat.source === undefined ? {} : { source: chat.source.slice(0, 64) }),
    initialContext: { ref: chat.ref ?? null, language: chat.language ?? null },
  });
  const id = created.conversationId!;
  for (const [turn, message] of chat.messages.entries()) {
    await call("POST", `/${id}/messages?window=20`, message, { "idempotency-key": `${id}-${turn}` });
  }
  if (values.archive) await call("DELETE", `/${id}`, { reason: "replayed" });
  return id;
}

/** The transcript as the API tells it, page by page. */
async function transcript(id: string): Promise<Message[]> {
  const messages: Message[] = [];
  for (let after: number | null = 0; after !== null;) {
    const page: Answer = await call("GET", `/${id}/messages?after=${after}&limit=100`);
    for (const entry of page.data ?? []) {
      if (entry.seq !== messages.length + 1) throw new Error(`${id}: message ${entry.seq} came where ${messages.length + 1} should be`);
      messages.push(entry.message);
    }
    after = page.nextCursor ?? null;
  }
  return messages;
}

async function main(): Promise<void> {
  const chats: Chat[] = [];
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    if (line.trim() !== "") chats.push(JSON.parse(line) as Chat);
  }
  const started = performance.now();
  const queue = chats.entries();
  let turns = 0;
  const different: string[] = [];
  const worker = async () => {
    for (const [index, chat] of queue) {
      const id = await replay(chat);
      turns += chat.messages.length;
      const said = await transcript(id);
      if (JSON.stringify(said) !== JSON.stringify(chat.messages)) different.push(`line ${index + 1} (${id})`);
    }
  };
  await Promise.all(Array.from({ length: Number(values.concurrency) }, worker));
  const seconds = (performance.now() - started) / 1000;
  console.log(`${chats.length} chats, ${turns} messages replayed and read back in ${seconds.toFixed(1)} s: ${different.length} differ`);
  for (const each of different) console.error(`differs: ${each}`);
  if (different.length > 0) process.exitCode = 1;
}

await main();
