// What a Worker's namespaces, objects and D1 leave on disk of what was said, and what it logs: with an encryption key, nothing in plain text.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundle, startWorker, temporaryFolder, type Bindings } from "../deployed-worker.ts";
import { filesBelow } from "../security/canaries.ts";

const CANARY = "canarino-bianco-77";

let folder: string;
let script: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "itera-stored-"));
  script = await bundle("examples/chatbot-worker/wrangler.jsonc", null, folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const variables = { ENVIRONMENT: "development", LOG_LEVEL: "trace" };
const PLACES: readonly (readonly [name: string, bindings: Bindings])[] = [
  ["objects and D1", { kv: ["CHAT_SESSIONS"], d1: ["CONVERSATIONS_DB"], objects: { CONVERSATIONS: "ConversationObject" }, variables }],
  ["KV alone", { kv: ["CHAT_SESSIONS"], variables }],
];

/** Says the canary in a chat and hears it repeated; answers what is on disk afterwards, and what was logged. */
async function afterAChat(bindings: Bindings): Promise<{ stored: string; logged: string; heard: string }> {
  const data = await temporaryFolder();
  const { url, stop, lines } = await startWorker(script, data, bindings);
  const say = async (message: string, sessionId?: string): Promise<string> => {
    const body = JSON.stringify({ message, ...(sessionId === undefined ? {} : { sessionId }) });
    const response = await fetch(`${url}/chat`, { method: "POST", headers: { "content-type": "application/json" }, body });
    return ((await response.json()) as { sessionId: string }).sessionId;
  };
  const sessionId = await say("Buongiorno");
  await say(CANARY, sessionId);
  const heard = await (await fetch(`${url}/chat?${new URLSearchParams({ sessionId }).toString()}`)).text();
  await stop();
  return { stored: filesBelow(data), logged: lines.join("\n"), heard };
}

describe.each(PLACES)("over %s", (_, bindings) => {
  test("with an encryption key the files hold nothing that was said, nor does the log", async () => {
    const CONVERSATION_ENCRYPTION_KEY = `k1:${randomBytes(32).toString("base64")}`;
    const { stored, logged, heard } = await afterAChat({ ...bindings, variables: { ...variables, CONVERSATION_ENCRYPTION_KEY } });
    expect(heard).toContain(CANARY);
    expect(stored).toContain("sealed");
    expect(stored).not.toContain(CANARY);
    expect(logged).not.toContain(CANARY);
  });

  test("as a control, without one they hold it, and the log does not", async () => {
    const { stored, logged, heard } = await afterAChat(bindings);
    expect(heard).toContain(CANARY);
    expect(stored).toContain(CANARY);
    expect(logged).not.toContain(CANARY);
  });
});
