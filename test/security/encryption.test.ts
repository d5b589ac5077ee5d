// Encryption at rest: nothing said is stored as it was said, keys are rotated while serving, and without the right key there is a clear error.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { sqliteStores } from "../../src/adapters/sqlite/sqlite-stores.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import type { Stores } from "../../src/core/stores.ts";
import { encryptedStores } from "../../src/security/encryption/encrypted-stores.ts";
import { checkMasterKeys } from "../../src/security/encryption/key-check.ts";
import { keysInUse, rotateKeys } from "../../src/security/encryption/rotate.ts";
import { openText, sealText } from "../../src/security/encryption/sealed-text.ts";

const key = (id: string, seed: number) => ({ id, key: new Uint8Array(32).map((_, i) => (i * 37 + seed * 11) & 255) });
const K1 = key("k1", 1);
const K2 = key("k2", 2);
const CANARY = "canarino-giallo-4711";
const HOUR = 3_600_000;

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});

async function sqlite(clock?: () => number): Promise<{ stores: Stores; bytes: () => string }> {
  const folder = mkdtempSync(join(tmpdir(), "sealed-"));
  const { hot, archive, directory, records } = await sqliteStores({ path: join(folder, "conversations.db"), ...(clock ? { clock } : {}) });
  opened.push(async () => {
    await hot.close();
    await archive.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    stores: { hot, archive, directory, records },
    bytes: () =>
      readdirSync(folder)
        .map((name) => readFileSync(join(folder, name), "latin1"))
        .join(""),
  };
}

const managerOver = (stores: Stores, options = {}) =>
  new ConversationManager(stores, { environment: "D", secret: new Uint8Array(32).fill(5), ...options });

/** A conversation that holds the canary wherever something can be held. */
async function talk(manager: ConversationManager, idempotencyKey?: string): Promise<string> {
  const { id } = await manager.createConversation(
    { metadata: { email: `${CANARY}@example.com`, note: CANARY }, messages: [{ role: "user", content: CANARY }] },
    idempotencyKey === undefined ? {} : { idempotencyKey },
  );
  const state = { context: { said: CANARY }, step: CANARY, leadData: { phone: CANARY } };
  await manager.appendMessages(id, [{ id: "m1", role: "assistant", content: CANARY }], { state, idempotencyKey: `${idempotencyKey}-a` });
  await manager.updateConversation(id, { metadata: { more: CANARY } });
  return id;
}

describe("what is stored", () => {
  it("holds nothing that was said: SQLite's files, live and archived, with idempotency rows", async () => {
    let now = Date.UTC(2026, 0, 15);
    const { stores, bytes } = await sqlite(() => now);
    const manager = managerOver(encryptedStores(stores, [K1]), { clock: () => now });
    const id = await talk(manager, "once");
    const over = await talk(manager, "twice");
    await manager.archiveConversation(over);
    await manager.deliver();
    now += 30 * HOUR;
    await manager.sweep();
    expect(bytes()).not.toContain(CANARY);
    expect(await manager.peekConversation(id)).toMatchObject({
      messages: [{ content: CANARY }, { content: CANARY }],
      metadata: { note: CANARY, more: CANARY, context: { said: CANARY }, step: CANARY, leadData: { phone: CANARY } },
    });
    expect((await manager.listMessages(over)).data.map(({ message }) => message["content"])).toEqual([CANARY, CANARY]);
    expect((await manager.listConversations()).data[0]!.metadata).toMatchObject({ note: CANARY });
  });

  it("as a control, holds it all without encryption", async () => {
    const { stores, bytes } = await sqlite();
    await talk(managerOver(stores));
    expect(bytes()).toContain(CANARY);
  });

  it("is found by a person's data all the same, and not by what was said", async () => {
    const manager = managerOver(encryptedStores(memoryStores(), [K1]));
    const id = await talk(manager);
    await manager.deliver();
    expect(await manager.eraseSubject({ key: "email", value: `${CANARY}@example.com`, dryRun: true })).toMatchObject([{ id }]);
    await expect(manager.listConversations({ q: "canarino" })).rejects.toMatchObject({ code: "not_supported" });
  });

  it("a repeat is replayed with its window", async () => {
    const manager = managerOver(encryptedStores(memoryStores(), [K1]));
    const { id } = await manager.createConversation({});
    const append = () => manager.appendMessages(id, [{ role: "user", content: "ciao" }], { idempotencyKey: "k", window: 5 });
    const [first, again] = [await append(), await append()];
    expect(again).toEqual(first);
    expect(again.window).toEqual([{ role: "user", content: "ciao" }]);
  });

  it("two merges from one state do not both win, and the stale one is refused", async () => {
    const manager = managerOver(encryptedStores(memoryStores(), [K1]));
    const { id, version } = await manager.createConversation({ metadata: { a: 1 } });
    const both = await Promise.allSettled(
      [2, 3].map((a) => manager.updateConversation(id, { metadata: { a } }, { expectedVersion: version })),
    );
    expect(both.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  });
});

describe("keys", () => {
  it("of another database are a clear error, for one conversation and at the start", async () => {
    const stores = memoryStores();
    const id = await talk(managerOver(encryptedStores(stores, [K1])));
    expect(await checkMasterKeys(stores.records, [K1])).toEqual([]);
    await expect(managerOver(encryptedStores(stores, [K2])).peekConversation(id)).rejects.toMatchObject({
      code: "internal",
      message: expect.stringContaining('"k1"'),
    });
    expect(await checkMasterKeys(stores.records, [])).toMatchObject([{ kind: "missing", id: "k1" }]);
    expect(await checkMasterKeys(stores.records, [{ id: "k1", key: K2.key }])).toMatchObject([{ kind: "wrong", id: "k1" }]);
    // A server with nothing but a new key would write what no other can read.
    expect(await checkMasterKeys(stores.records, [K2])).toMatchObject([{ kind: "missing", id: "k1" }]);
    expect(await checkMasterKeys(stores.records, [K2, K1])).toEqual([]);
    expect(await checkMasterKeys(stores.records, [K2])).toEqual([]);
  });

  it("are rotated while chats go on; afterwards the old one is not needed", async () => {
    let now = Date.UTC(2026, 0, 15);
    const stores = memoryStores({ clock: () => now });
    const before = managerOver(encryptedStores(stores, [K1]), { clock: () => now });
    const ids: string[] = [];
    for (let n = 0; n < 250; n++) ids.push((await before.createConversation({ messages: [{ role: "user", content: `chat ${n}` }] })).id);
    for (const id of ids.slice(0, 120)) await before.archiveConversation(id);
    now += 30 * HOUR;
    await before.sweep();
    const during = managerOver(encryptedStores(stores, [K2, K1]), { clock: () => now });
    const chatting = Promise.all(ids.map((id) => during.appendMessages(id, [{ role: "user", content: "ancora" }])));
    const counts = await rotateKeys(stores, [K2, K1]);
    await chatting;
    expect(counts.failed).toBe(0);
    await rotateKeys(stores, [K2, K1]);
    expect(await keysInUse(stores, [K2])).toMatchObject({ plain: 0, damaged: 0, byMaster: { k2: expect.any(Number) } });
    expect(Object.keys((await keysInUse(stores, [K2])).byMaster)).toEqual(["k2"]);
    const after = managerOver(encryptedStores(stores, [K2]), { clock: () => now });
    await after.deliver();
    for (const [n, id] of ids.entries()) {
      const { messages } = (await after.peekConversation(id))!;
      expect(messages.map(({ content }) => content)).toEqual([`chat ${n}`, "ancora"]);
    }
    expect((await after.listConversations({ limit: 100 })).data).toHaveLength(100);
  });

  it("a rotation that is broken off goes on where it was", async () => {
    const stores = memoryStores();
    const manager = managerOver(encryptedStores(stores, [K1]));
    for (let n = 0; n < 250; n++) await manager.createConversation({ messages: [{ role: "user", content: `chat ${n}` }] });
    let pages = 0;
    const broken: Stores = {
      ...stores,
      hot: {
        ...stores.hot,
        async scan(after, limit) {
          if (++pages > 2) throw new Error("stopped");
          return stores.hot.scan(after, limit);
        },
      },
    };
    await expect(rotateKeys(broken, [K2, K1])).rejects.toThrow("stopped");
    expect((await keysInUse(stores, [K2, K1])).byMaster).toEqual({ k1: 50, k2: 200 });
    expect(await rotateKeys(stores, [K2, K1])).toEqual({ seen: 250, rewrapped: 250, encrypted: 0, failed: 0 });
    expect((await keysInUse(stores, [K2, K1])).byMaster).toEqual({ k2: 250 });
  });
});

describe("a database written without encryption", () => {
  it("is encrypted in place: live, archived and searchable text, while chats go on", async () => {
    let now = Date.UTC(2026, 0, 15);
    const { stores, bytes } = await sqlite(() => now);
    const plain = managerOver(stores, { clock: () => now });
    const [live, over] = [await talk(plain, "a"), await talk(plain, "b")];
    await plain.archiveConversation(over);
    await plain.deliver();
    now += 30 * HOUR;
    await plain.sweep();
    const manager = managerOver(encryptedStores(stores, [K1]), { clock: () => now });
    await manager.appendMessages(live, [{ role: "user", content: "primo" }]);
    const before = await manager.listMessages(live);
    await rotateKeys(stores, [K1]);
    await manager.deliver();
    expect(await keysInUse(stores, [K1])).toMatchObject({ plain: 0 });
    expect(await manager.listMessages(live)).toEqual(before);
    expect((await manager.peekConversation(over))!.messages).toHaveLength(2);
    // What requests of before were answered is kept for a day, so that a repeat is known.
    now += 25 * HOUR;
    await manager.cleanup();
    for (let tries = 0; tries < 20 && !(await stores.hot.scrub()); tries++) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(bytes()).not.toContain(CANARY);
  });
});

describe("bit flips", () => {
  it("of ciphertext are never accepted", async () => {
    const aes = await crypto.subtle.importKey("raw", K1.key, "AES-GCM", false, ["encrypt", "decrypt"]);
    const field = { conversation: "ITERA_20250125_143052_A7B9X2M8P4Q1_D", field: "message", of: "r:1" } as const;
    const { sealed } = await sealText(aes, field, "Buongiorno, il mio computer non si accende");
    let accepted = 0;
    for (let bit = 0; bit < 10_000; bit++) {
      const at = 2 + (bit % (sealed.length - 2));
      const flipped = String.fromCharCode(sealed.charCodeAt(at) ^ (1 << (Math.floor(bit / (sealed.length - 2)) % 7)));
      const changed = sealed.slice(0, at) + flipped + sealed.slice(at + 1);
      if (
        changed !== sealed &&
        (await openText(aes, field, { sealed: changed }).then(
          () => true,
          () => false,
        ))
      )
        accepted++;
    }
    expect(accepted).toBe(0);
  });

  it("a ciphertext in another place is refused: of another conversation, message, field or revision", async () => {
    const aes = await crypto.subtle.importKey("raw", K1.key, "AES-GCM", false, ["encrypt", "decrypt"]);
    const field = { conversation: "A", field: "metadata", of: "1" } as const;
    const sealed = await sealText(aes, field, "{}");
    expect(await openText(aes, field, sealed)).toBe("{}");
    for (const other of [
      { ...field, conversation: "B" },
      { ...field, field: "session" as const },
      { ...field, of: "2" },
      { conversation: "Ametadata", field: "metadata" as const, of: "" },
    ]) {
      await expect(openText(aes, other, sealed)).rejects.toMatchObject({ code: "internal" });
    }
  });

  it("of a wrapped key make one conversation unreadable, and no other; lists go on", async () => {
    const stores = memoryStores();
    const told: string[] = [];
    const manager = managerOver(encryptedStores(stores, [K1], (id) => told.push(id)));
    const [good, bad] = [await talk(manager), await talk(manager)];
    const { keyring } = (await stores.hot.heads([bad]))[0]!;
    await stores.hot.commit(bad, { now: Date.now(), keyring: `${keyring!.slice(0, -4)}AAAA` });
    await manager.deliver();
    const fresh = managerOver(encryptedStores(stores, [K1], (id) => told.push(id)));
    await expect(fresh.peekConversation(bad)).rejects.toMatchObject({ code: "internal" });
    expect(await fresh.peekConversation(good)).toMatchObject({ metadata: { note: CANARY } });
    expect((await fresh.listConversations()).data.map(({ id }) => id).toSorted()).toEqual([good, bad].toSorted());
    expect((await fresh.stores.hot.heads([bad, good])).map((head) => head!.metadata)).toMatchObject([{}, { note: CANARY }]);
    expect(told).toContain(bad);
  });
});

describe("erasing", () => {
  it("deletes the wrapped key, and wiped ones keep none", async () => {
    const stores = memoryStores();
    const manager = managerOver(encryptedStores(stores, [K1]));
    const [erased, wiped] = [await talk(manager), await talk(manager)];
    await manager.eraseConversation(erased);
    await manager.archiveConversation(wiped, "manual", { preserveData: false });
    for (const head of await stores.hot.heads([erased, wiped])) expect(head?.keyring ?? null).toBeNull();
    await expect(manager.peekConversation(erased)).rejects.toMatchObject({ code: "gone" });
    expect(await manager.peekConversation(wiped)).toMatchObject({ messages: [], metadata: {} });
  });
});
