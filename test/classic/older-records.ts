// A KV as older code leaves it: records without an expiry or a version, contexts spread over metadata, bare fallback sessions.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./run-older-tests.ts";
import type { KvDouble } from "./kv-double.ts";

/** What was put in. */
export interface OlderRecords {
  /** Created, and nothing more. */
  readonly plain: string;
  /** Chatted with through the session functions. */
  readonly chat: string;
  /** Its expiry was extended by 100 hours. */
  readonly extended: string;
  /** A session that lies under its own ID. */
  readonly bare: string;
}

/** What was said in `chat`. */
export const SAID = [
  { role: "user", content: "La stampante non va", timestamp: 1737815452000 },
  { role: "assistant", content: "È urgente?" },
  { role: "user", content: "sì", extra: { nested: [1, null, "x"] } },
];
export const CONTEXT = { topic: "printer", urgent: true };
export const LEAD = { name: "Anna", email: "anna@example.com" };

type Filler = (kv: KvDouble, folder: string) => Promise<OlderRecords>;

/** Records as they look, written by hand. */
const byHand: Filler = async (kv) => {
  const day = (offset: number) => new Date(Date.now() - offset * 3_600_000).toISOString();
  const stamp = day(3).replaceAll(/[-:]/g, "").replace("T", "_").slice(0, 15);
  const id = (letter: string) => `ITERA_${stamp}_${letter.repeat(12)}_P`;
  const record = (letter: string, fields: object) => ({
    id: id(letter),
    created: day(3),
    lastActivity: day(2),
    status: "active",
    messageCount: 0,
    metadata: { source: "chatbot_widget", created: Date.now() },
    messages: [],
    ...fields,
  });
  const spread = { ...CONTEXT, step: "contact", leadData: LEAD, lastActivity: Date.now() };
  await kv.put(`conv:${id("A")}`, JSON.stringify(record("A", {})), { expirationTtl: 86_400 });
  await kv.put(`conv:${id("B")}`, JSON.stringify(record("B", { metadata: spread, messages: SAID, messageCount: 3, lastAccess: day(2) })), {
    expirationTtl: 172_800,
  });
  await kv.put(`conv:${id("C")}`, JSON.stringify(record("C", {})), { expirationTtl: 360_000 });
  const bare = {
    id: "fallback_1737815452000_abc123xyz",
    created: Date.now(),
    messages: SAID,
    context: CONTEXT,
    step: "contact",
    leadData: LEAD,
  };
  await kv.put(bare.id, JSON.stringify(bare), { expirationTtl: 86_400 });
  return { plain: id("A"), chat: id("B"), extended: id("C"), bare: bare.id };
};

interface OlderCode {
  ConversationStorageManager: new (
    kv: KvDouble,
    db: null,
    env: string,
  ) => {
    createConversation(initial: object): Promise<{ id: string }>;
    extendConversation(id: string, hours: number): Promise<unknown>;
  };
  getOrCreateSession(id: string | null, kv: KvDouble, env: object): Promise<{ id: string } & Record<string, unknown>>;
  saveSession(session: object, kv: KvDouble, env: object): Promise<void>;
}

const GUIDE = join(ROOT, "../shared/000_62fc8776a3571858.txt");

/** The guide's own code, but for the length of IDs, as a module. */
async function olderCode(folder: string): Promise<OlderCode> {
  const blocks = [...readFileSync(GUIDE, "utf8").matchAll(/```javascript\n\/\/ \/api\/src\/(\S+).*\n([\s\S]*?)```/g)];
  const code = (ending: string): string =>
    blocks
      .find(([, path]) => path!.endsWith(ending))![2]!
      .replaceAll(/^(?:import|export default) .*$/gm, "")
      .replace("length === 32", "length === 36");
  const exported = "export { ConversationStorageManager, getOrCreateSession, saveSession };";
  const parts = ["conversation-id-generator.js", "conversation-storage-manager.js", "chatbot-worker.js"].map(code);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "older-code.mjs");
  writeFileSync(file, ["const CONFIG = { MAX_SESSION_DURATION: 86400 };", ...parts, exported].join("\n"));
  return (await import(/* @vite-ignore */ file)) as OlderCode;
}

/** Records by the guide's own code. */
const byOlderCode: Filler = async (kv, folder) => {
  const older = await olderCode(folder);
  const env = { CHAT_SESSIONS: kv, ENVIRONMENT: "production" };
  const { id: plain } = await older.getOrCreateSession(null, kv, env);
  const session = await older.getOrCreateSession(null, kv, env);
  Object.assign(session, { messages: SAID, context: CONTEXT, step: "contact", leadData: LEAD });
  await older.saveSession(session, kv, env);
  const manager = new older.ConversationStorageManager(kv, null, "production");
  const { id: extended } = await manager.createConversation({ metadata: { source: "chatbot_widget" } });
  await manager.extendConversation(extended, 100);
  // While conversations cannot be written, a session goes under its own ID.
  kv.fault = (_what, key) => (key.startsWith("conv:") ? new Error("down") : null);
  const fallen = await older.getOrCreateSession(plain, kv, env);
  Object.assign(fallen, { messages: SAID, context: CONTEXT, step: "contact", leadData: LEAD });
  await older.saveSession(fallen, kv, env);
  kv.fault = () => null;
  return { plain, chat: session.id, extended, bare: fallen.id };
};

/** The ways to fill a KV; by the guide's own code where that is at hand. */
export const FILLERS: [how: string, fill: Filler][] = [
  ["by hand", byHand],
  ...(existsSync(GUIDE) ? [["by the guide's own code", byOlderCode] as [string, Filler]] : []),
];
