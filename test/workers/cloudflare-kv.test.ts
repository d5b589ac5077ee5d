import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { kvStores, type KVNamespaceLike } from "../../src/adapters/cloudflare-kv/kv-stores.ts";
import { DAY, MINUTE } from "../../src/conformance/make-conversation.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import { runConformance } from "./run-conformance.ts";

// The cast: the bindings of wrangler.jsonc.
const { CHAT_SESSIONS: kv } = env as unknown as { CHAT_SESSIONS: Required<KVNamespaceLike> };

let opened = 0;

/** Keys of its own for each case. */
function prefix(): string {
  return `case ${++opened}:`;
}

runConformance("cloudflare-kv", {
  // The time between writes is not that of the cases, in which a second write would always be too soon: it moves whenever it is asked for.
  open: (clock) => {
    let asked = 0;
    return kvStores({ kv, clock, prefix: prefix(), pace: () => (asked += 1100), sleep: async () => {} });
  },
  skip: {
    archive: "KV is a hot store; what is over stays in it, or goes to a database",
    directory: "KV cannot search, count or list by anything but IDs",
    records: "KV cannot compare, so it can claim nothing",
    atomic: "KV cannot compare: between isolates the last writer wins",
    once: "KV keeps no idempotency entries",
    outbox: "events stay in the conversation's own value; nobody passes them on",
    together: "there is no directory and no archive beside it",
  },
});

it("a conversation is written without a TTL, and beside it stands when it falls due", async () => {
  const keys = prefix();
  const manager = new ConversationManager(kvStores({ kv, prefix: keys }));
  const { id, expiresAt } = await manager.createConversation({ messages: [{ role: "user", content: "ciao" }] });
  const { keys: listed } = await kv.list({ prefix: keys });
  expect(listed).toEqual([{ name: `${keys}${id}`, metadata: { status: "active", expiresAt: Date.parse(expiresAt!) } }]);
});

it("what older code left is read, and archived in place when its time has come", async () => {
  const keys = prefix();
  const id = "ITERA_20250125_143052_A7B9X2M8P4Q1_P";
  const record = {
    id,
    created: "2025-01-25T14:30:52.000Z",
    lastActivity: "2025-01-25T14:31:00.000Z",
    status: "active",
    messageCount: 1,
    metadata: { source: "website", step: "greeting" },
    messages: [{ role: "user", content: "ciao" }],
  };
  await kv.put(`${keys}${id}`, JSON.stringify(record), { expirationTtl: 86_400 });
  let now = Date.now();
  const clock = (): number => now;
  const manager = new ConversationManager(kvStores({ kv, prefix: keys, clock, sleep: async () => {} }), { clock });
  expect(await manager.peekConversation(id)).toMatchObject({ messageCount: 1, expiresAt: null, messages: record.messages });
  expect((await manager.getConversation(id))?.expiresAt).not.toBeNull();
  expect((await kv.list({ prefix: keys })).keys).toMatchObject([{ name: `${keys}${id}`, metadata: { status: "active" } }]);
  now += 2 * DAY + 2 * MINUTE;
  expect(await manager.sweep()).toMatchObject({ archived: 1 });
  expect(await manager.peekConversation(id)).toMatchObject({ status: "archived", archiveReason: "expired", messages: record.messages });
});
