import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { kvHotStore } from "../../src/adapters/cloudflare-kv/hot-store.ts";
import type { KVNamespaceLike } from "../../src/adapters/cloudflare-kv/kv-namespace.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import { movingHotStore } from "../../src/core/moving-store.ts";
import { openWorld } from "./object-world.ts";

const said = (content: string) => ({ role: "user", content });

it("from KV to objects under 20 writers: everything that was acknowledged is there once, and KV has nothing left", async () => {
  const { stores, archive, directory, records } = openWorld();
  const kv = env["CHAT_SESSIONS"] as KVNamespaceLike;
  const from = kvHotStore(kv);
  const old = new ConversationManager({ hot: from, archive, directory: null, records: null }, { environment: "D" });
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) ids.push((await old.createConversation({ metadata: { n: i }, messages: [said("of old")] })).id);

  const open = () =>
    new ConversationManager({ hot: movingHotStore({ from, to: stores.hot, archive }), archive, directory, records }, { environment: "D" });
  const servers = [open(), open()];
  expect(await servers[0]!.peekConversation(ids[0]!)).toMatchObject({ messageCount: 1, metadata: { n: 0 } });
  await Promise.all(
    ids.flatMap((id) =>
      Array.from({ length: 20 }, async (_, writer) => {
        for (let turn = 0; turn < 5; turn++) {
          const text = `${writer}.${turn}`;
          const { messages, window } = await servers[writer % 2]!.appendMessages(id, [said(text)], { window: 1000, idempotencyKey: text });
          expect(window?.[messages[0]!.seq - 1]).toMatchObject({ content: text });
        }
      }),
    ),
  );
  for (const [n, id] of ids.entries()) {
    const stored = await servers[0]!.peekConversation(id);
    expect(stored).toMatchObject({ messageCount: 101, metadata: { n }, status: "active" });
    expect(new Set(stored?.messages.map(({ content }) => content)).size).toBe(101);
    expect(stored?.messages[0]).toMatchObject({ content: "of old" });
    expect(await kv.get(`conv:${id}`)).toBe(null);
    await servers[0]!.eraseConversation(id);
  }
});
