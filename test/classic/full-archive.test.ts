// A KV in front of an archive that compares and keeps an erasure log: what the archive knows better wins.

import { beforeEach, describe, expect, it } from "vitest";
import { kvStores } from "../../src/adapters/cloudflare-kv/kv-stores.ts";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { ConflictError, GoneError } from "../../src/core/errors.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import { KvDouble } from "./kv-double.ts";

const HOUR = 3_600_000;
let now = 0;
const clock = (): number => now;
const sleep = async (ms: number): Promise<void> => void (now += ms);

let kv: KvDouble;
let archive: ReturnType<typeof memoryStores>["archive"];
let manager: ConversationManager;

beforeEach(() => {
  now = Date.parse("2025-01-25T14:30:52.000Z");
  kv = new KvDouble({ clock });
  archive = memoryStores({ clock }).archive;
  manager = new ConversationManager(kvStores({ kv, archive, clock, sleep }), { clock, sleep, environment: "P" });
});

const said = (content: string) => ({ role: "user", content });

describe("KV before an archive that compares", () => {
  it("keeps everything over many lives: version, times and keys of messages", async () => {
    const { id } = await manager.createConversation({ metadata: { source: "shop" } });
    for (let life = 0; life < 3; life++) {
      now += 3 * HOUR;
      await manager.appendMessages(id, [{ id: `m${life}`, ...said("hello") }]);
      now += 2000;
      await manager.archiveConversation(id, "resolved");
      expect(kv.keys()).toEqual([]);
    }
    const there = (await archive.read(id, Infinity))!;
    expect(there.head).toMatchObject({ version: 7, status: "archived", lastSeq: 3 });
    expect(there.messages.map(({ key, digest }) => [key, typeof digest])).toEqual(["m0", "m1", "m2"].map((m) => [`i:${m}`, "string"]));
  });

  it("an erasure is in the log before the conversation is gone from KV, and nothing brings it back", async () => {
    const { id } = await manager.createConversation({ messages: [said("canary")] });
    const before = kv.peek(`conv:${id}`);
    await manager.eraseConversation(id);
    expect(await archive.erased(id)).toBe(true);
    expect(await archive.read(id, 1)).toMatchObject({ head: { status: "deleted" }, messages: [] });
    // A place far away still shows what was there; once that is over, it is archived nowhere.
    const elsewhere = new KvDouble({ clock });
    elsewhere.fill(`conv:${id}`, before);
    const late = new ConversationManager(kvStores({ kv: elsewhere, archive, clock, sleep }), { clock, sleep });
    await expect(late.archiveConversation(id)).rejects.toThrow(GoneError);
    expect(elsewhere.keys()).toEqual([]);
    await expect(late.getConversation(id)).rejects.toThrow(GoneError);
  });

  it("a place that still shows an older state does not archive it over a newer one", async () => {
    const { id } = await manager.createConversation({ messages: [said("one")] });
    const before = kv.peek(`conv:${id}`);
    now += 2000;
    await manager.appendMessages(id, [said("two")]);
    now += 2000;
    await manager.updateConversation(id, { metadata: { topic: "x" } });
    now += 2000;
    await manager.archiveConversation(id, "resolved");
    const elsewhere = new KvDouble({ clock });
    elsewhere.fill(`conv:${id}`, before);
    const late = new ConversationManager(kvStores({ kv: elsewhere, archive, clock, sleep }), { clock, sleep });
    expect(await late.archiveConversation(id, "expired")).toMatchObject({ archiveReason: "resolved", messageCount: 2 });
    expect(elsewhere.keys()).toEqual([]);
    expect(await archive.read(id, 0)).toMatchObject({ head: { archiveReason: "resolved", lastSeq: 2 } });
  });

  it("a crash between the archive and KV ends well: the next archiving does the rest", async () => {
    const { id } = await manager.createConversation({ messages: [said("one")] });
    now += 2000;
    kv.fault = (what) => (what === "delete" ? new Error("KV DELETE failed: 500") : null);
    await expect(manager.archiveConversation(id)).rejects.toThrow("Cloudflare KV did not take a write");
    kv.fault = () => null;
    expect(await manager.archiveConversation(id)).toMatchObject({ status: "archived" });
    expect(kv.keys()).toEqual([]);
  });

  it("a hold in the archive refuses erasing, also where KV knows nothing of it", async () => {
    const { id } = await manager.createConversation();
    now += 2000;
    await manager.hold(id, "court order");
    now += 2000;
    await manager.archiveConversation(id);
    expect(await archive.read(id, 0)).toMatchObject({ head: { hold: true } });
    const elsewhere = new ConversationManager(kvStores({ kv: new KvDouble({ clock }), archive, clock, sleep }), { clock, sleep });
    await expect(elsewhere.eraseConversation(id)).rejects.toThrow(ConflictError);
    await expect(manager.eraseConversation(id)).rejects.toThrow(ConflictError);
  });
});
