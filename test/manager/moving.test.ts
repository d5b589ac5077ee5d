import { describe, expect, it } from "vitest";
import { kvHotStore } from "../../src/adapters/cloudflare-kv/hot-store.ts";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { StoreUnavailableError } from "../../src/core/errors.ts";
import type { HotStore } from "../../src/core/hot-store.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import { movingHotStore } from "../../src/core/moving-store.ts";
import { KvDouble } from "../classic/kv-double.ts";
import { HOUR, START, TestClock } from "./worlds.ts";

type Old = "memory" | "cloudflare-kv";

function oldStore(kind: Old, clock: () => number): HotStore {
  if (kind === "memory") return memoryStores({ clock }).hot;
  // The engine's rules hold in a time of its own, which moves on by what is waited.
  let waited = 0;
  const pace = () => (waited += 400);
  return kvHotStore(new KvDouble({ clock: pace }), { clock, pace, sleep: async (ms) => void (waited += ms) });
}

/** A manager over the old store alone, and one over both, with one archive behind all. */
function openWorld(kind: Old) {
  const clock = new TestClock();
  const { hot: to, archive, directory, records } = memoryStores({ clock: clock.now });
  const from = oldStore(kind, clock.now);
  const options = { environment: "D", clock: clock.now } as const;
  const over = (hot: HotStore) => new ConversationManager({ hot, archive, directory, records }, options);
  const moving = (stores: Partial<{ from: HotStore; to: HotStore }> = {}) => movingHotStore({ from, to, archive, ...stores });
  return { clock, from, to, archive, old: over(from), over, moving, both: over(moving()) };
}

const said = (content: string) => ({ role: "user", content });
const contents = (messages: readonly { [key: string]: unknown }[] | undefined) => messages?.map(({ content }) => content);

describe.each<Old>(["memory", "cloudflare-kv"])("moving from %s into another hot store", (kind) => {
  it("a conversation is read where it was, and moves with the first write, as it was", async () => {
    const { old, both, from, to } = openWorld(kind);
    const { id } = await old.createConversation({ metadata: { topic: "printer" }, messages: [said("one")] });
    await old.appendMessages(id, [{ ...said("two"), id: "m2" }]);
    const before = await old.peekConversation(id);
    expect(await both.peekConversation(id)).toEqual(before);
    expect((await both.listMessages(id, { limit: 1 })).data).toMatchObject([{ seq: 1 }]);
    expect(await both.stores.hot.heads([id, "unknown"])).toMatchObject([{ id }, null]);
    expect(await to.read(id, 0)).toBe(null);

    const { messages } = await both.appendMessages(id, [{ ...said("two"), id: "m2" }, said("three")]);
    expect(messages.map(({ seq }) => seq)).toEqual([2, 3]);
    expect(await from.read(id, 0)).toBe(null);
    expect((await to.read(id, 0))?.head).toMatchObject({ version: before!.version + 1, metadata: { topic: "printer" } });
    expect(contents((await both.peekConversation(id))?.messages)).toEqual(["one", "two", "three"]);
  });

  it("what is new is made in the new store", async () => {
    const { both, from, to } = openWorld(kind);
    const { id } = await both.createConversation();
    expect(await from.read(id, 0)).toBe(null);
    expect(await to.read(id, 0)).not.toBe(null);
  });

  it("20 writers on each of 5 conversations, on two servers, while readers read: nothing is lost or doubled, and each moves once", async () => {
    const { old, over, moving, from, to } = openWorld(kind);
    const ids = await Promise.all(Array.from({ length: 5 }, async () => (await old.createConversation({ messages: [said("first")] })).id));
    let creations = 0;
    const counting: HotStore = {
      ...to,
      async create(whole, options) {
        const committed = await to.create(whole, options);
        if (committed.outcome === "done") creations++;
        return committed;
      },
    };
    const servers = [over(moving({ to: counting })), over(moving({ to: counting }))];
    await Promise.all(
      ids.flatMap((id) =>
        Array.from({ length: 20 }, async (_, writer) => {
          const server = servers[writer % 2]!;
          for (let turn = 0; turn < 3; turn++) {
            await server.appendMessages(id, [said(`${writer}.${turn}`)]);
            const read = contents((await server.peekConversation(id))?.messages);
            expect(read).toContain(`${writer}.${turn}`);
            expect(read).toContain("first");
          }
        }),
      ),
    );
    expect(creations).toBe(5);
    for (const id of ids) {
      const stored = contents((await servers[0]!.peekConversation(id))?.messages)!;
      expect(stored).toHaveLength(61);
      expect(new Set(stored).size).toBe(61);
      expect(await from.read(id, 0)).toBe(null);
    }
  });

  it("a move that is cut short leaves nothing behind that counts, not even when the new store has forgotten", async () => {
    const { old, over, moving, from, to, archive, clock } = openWorld(kind);
    const { id } = await old.createConversation({ messages: [said("one")] });
    const cut = over(moving({ from: { ...from, remove: () => Promise.reject(new StoreUnavailableError("away")) } }));
    await expect(cut.appendMessages(id, [said("lost")])).rejects.toThrow(StoreUnavailableError);
    const both = over(moving());
    await both.appendMessages(id, [said("two")]);
    await both.archiveConversation(id);
    clock.pass(25 * HOUR);
    await both.sweep();
    await to.remove(id, (await archive.read(id, 0))!.head.version);
    expect(await to.read(id, 0)).toBe(null);
    expect(await both.peekConversation(id)).toMatchObject({ status: "archived", messageCount: 2 });
    expect(contents((await both.updateConversation(id, { metadata: { back: true } })).messages)).toEqual(["one", "two"]);
    expect(await from.read(id, 0)).toBe(null);
  });

  it("what is erased is gone from both", async () => {
    const { old, over, moving, from } = openWorld(kind);
    const { id } = await old.createConversation({ messages: [said("secret")] });
    const cut = over(moving({ from: { ...from, remove: () => Promise.reject(new StoreUnavailableError("away")) } }));
    await expect(cut.appendMessages(id, [said("x")])).rejects.toThrow(StoreUnavailableError);
    await expect(cut.eraseConversation(id)).rejects.toThrow(StoreUnavailableError);
    const both = over(moving());
    await both.eraseConversation(id);
    expect(await from.read(id, 0)).toBe(null);
    await expect(both.peekConversation(id)).rejects.toThrow("erased");
  });

  it("what has expired in the old store is archived when somebody asks for it", async () => {
    const { old, both, archive, clock } = openWorld(kind);
    const { id } = await old.createConversation({ messages: [said("one")] });
    clock.pass(30 * HOUR);
    expect(await both.getConversation(id)).toMatchObject({ status: "archived", archiveReason: "expired" });
    await both.deliver();
    expect((await archive.read(id, 0))?.head.archivedAt).toBe(START + 30 * HOUR);
  });

  it("a conversation can be told to move, once", async () => {
    const { old, moving, from, to } = openWorld(kind);
    const { id } = await old.createConversation({ messages: [said("one")] });
    const store = moving();
    expect(await store.move(id)).toBe(true);
    expect(await store.move(id)).toBe(false);
    expect([await from.read(id, 0), (await to.read(id, 0))?.head.lastSeq]).toEqual([null, 1]);
  });
});

it("a store whose commits are not atomic cannot be moved into", () => {
  const clock = () => START;
  expect(() => movingHotStore({ from: memoryStores().hot, to: oldStore("cloudflare-kv", clock), archive: null })).toThrow("atomic");
});
