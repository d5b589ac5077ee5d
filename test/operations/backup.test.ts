import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { StoreUnavailableError } from "../../src/core/errors.ts";
import { BackupBusyError, withBackupLease } from "../../src/operations/backup/backup-lease.ts";
import { backupStatus } from "../../src/operations/backup/backup-status.ts";
import type { BackupPlace } from "../../src/operations/backup/backup-place.ts";
import { checkBackup } from "../../src/operations/backup/check-backup.ts";
import { pruneBackups } from "../../src/operations/backup/prune-backups.ts";
import { readTable } from "../../src/operations/backup/table-reader.ts";
import type { ConversationRow } from "../../src/operations/backup/backup-rows.ts";
import { backupSource } from "../../src/runtimes/node/backup-source.ts";
import { encryptedStores } from "../../src/security/encryption/encrypted-stores.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import { describeWith } from "../engines.ts";
import { smallDisk } from "../faults/mounted.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { backUp, backupWorld, emptyStores, textOf } from "./backup-world.ts";
import { folderPlace } from "../../src/operations/backup/folder-place.ts";

const DAY = 86_400_000;

async function rowsOf(place: BackupPlace, id: string): Promise<ConversationRow[]> {
  const rows: ConversationRow[] = [];
  for await (const row of readTable(place, await checkBackup(place, id), "conversations")) rows.push(row);
  return rows;
}

describe("a backup", () => {
  it("holds every conversation in the version in which it is stored, in files of bounded size", async () => {
    const { stores, manager, place, folder } = await backupWorld();
    const text = "una riga che non si ripete ".repeat(20);
    for (let i = 0; i < 40; i++) {
      const { id } = await manager.createConversation({});
      const numbers = Array.from({ length: 400 }, (_, n) => `${Math.sin(i * 1000 + n)}`).join();
      await manager.appendMessages(id, [{ role: "user", content: `${text}${numbers}` }]);
    }
    await manager.deliver();
    const good = await backUp(stores, place, { fileBytes: 32 * 1024 });
    const rows = await rowsOf(place, good.id);
    expect(good.conversations).toBe(rows.length);
    for (const { id, live, over } of rows) {
      expect(live).toEqual(await stores.hot.read(id, Infinity));
      expect(over).toEqual(await stores.archive!.read(id, Infinity));
    }
    const files = (await place.files(good.id)).filter(({ name }) => name.startsWith("conversations"));
    expect(files.length).toBeGreaterThan(1);
    // The piece that was under way comes on top.
    for (const { bytes } of files) expect(bytes).toBeLessThan(32 * 1024 + 256 * 1024);
    expect(readdirSync(folder)).toEqual([good.id]);
  });

  it("of the same content has the same hashes", async () => {
    const { stores, place } = await backupWorld();
    const [one, other] = [await backUp(stores, place), await backUp(stores, place)];
    expect((await checkBackup(place, other.id)).tables).toEqual((await checkBackup(place, one.id)).tables);
  });

  it("made while the database is written to is what it was at one instant, and leaves no copy of it behind", async () => {
    const { stores, manager, place, path } = await backupWorld();
    const make = async (): Promise<string> => (await manager.createConversation({})).id;
    const pairs = await Promise.all(Array.from({ length: 8 }, async () => [await make(), await make()] as const));
    const written = new AbortController();
    const writing = pairs.map(async (pair) => {
      for (let n = 1; !written.signal.aborted; n++) {
        for (const id of pair) await manager.appendMessages(id, [{ role: "user", content: `message ${n}` }]);
      }
    });
    const source = backupSource({ database: { engine: "sqlite", path }, hotStore: null, idPrefix: "ITERA" }, stores);
    const good = await backUp(stores, place, { source });
    written.abort();
    await Promise.all(writing);
    const rows = new Map((await rowsOf(place, good.id)).map((row) => [row.id, row]));
    for (const [first, second] of pairs) {
      const [a, b] = [rows.get(first)!.live!, rows.get(second)!.live!];
      // What was written first is never behind what was written after it, by no more than the one under way.
      expect([0, 1]).toContain(a.head.lastSeq - b.head.lastSeq);
      for (const { head, messages } of [a, b]) {
        expect(messages).toHaveLength(head.lastSeq);
        expect(messages).toEqual((await stores.hot.read(head.id, Infinity))!.messages.slice(0, head.lastSeq));
      }
    }
    expect((await checkBackup(place, good.id)).consistency).toBe("snapshot");
    expect(readdirSync(join(path, "..")).filter((name) => name.includes("snapshot"))).toEqual([]);
  });

  it("holds nothing of what was erased or wiped before", async () => {
    const { stores, place, folder } = await backupWorld();
    await backUp(stores, place);
    expect(textOf(folder)).toContain("La stampante di anna");
    for (const name of ["fabio", "gina"]) expect(textOf(folder)).not.toContain(name);
  });

  it("of sealed stores is sealed, and names the keys that are needed, but holds none", async () => {
    const stores = await emptyStores();
    const key = new Uint8Array(32).fill(7);
    const manager = new ConversationManager(encryptedStores(stores, [{ id: "k7", key }]));
    const { id } = await manager.createConversation({ metadata: { email: "canarino@example.com" } });
    await manager.appendMessages(id, [{ role: "user", content: "il canarino canta" }]);
    await manager.deliver();
    const folder = join(temporaryFolder(), "backups");
    const place = folderPlace(folder, "here");
    const good = await backUp(stores, place);
    expect((await checkBackup(place, good.id)).keys).toEqual(["k7"]);
    const text = textOf(folder);
    expect(text).toContain(id);
    for (const secret of ["canarino", Buffer.from(key).toString("base64"), Buffer.from(key).toString("hex")])
      expect(text).not.toContain(secret);
  });

  it("is noted, and a failure beside it", async () => {
    const { stores, place, folder } = await backupWorld();
    const good = await backUp(stores, place);
    expect(await backupStatus(stores.records!)).toEqual({ good, failed: null });
    const broken = { ...stores, hot: { ...stores.hot, scan: () => Promise.reject(new StoreUnavailableError("away")) } };
    await expect(backUp(broken, place)).rejects.toThrow("away");
    expect(await backupStatus(stores.records!)).toMatchObject({ good, failed: { error: "away" } });
    expect(readdirSync(folder)).toEqual([good.id]);
    await backUp(stores, place);
    expect((await backupStatus(stores.records!)).failed).toBeNull();
  });

  it("that is told to stop leaves nothing behind", async () => {
    const { stores, place, folder } = await backupWorld();
    const stop = new AbortController();
    await expect(backUp(stores, place, { signal: stop.signal, onProgress: () => stop.abort(new Error("enough")) })).rejects.toThrow(
      "enough",
    );
    expect(readdirSync(folder)).toEqual([]);
    expect((await backupStatus(stores.records!)).failed).toBeNull();
  });

  it("is made by one at a time, whoever wants it", async () => {
    const { stores, place, path } = await backupWorld();
    const another = await emptyStores(path);
    await withBackupLease(another, "another", () => expect(backUp(stores, place)).rejects.toThrow(BackupBusyError));
    await backUp(stores, place);
  });

  it("takes away what one before it has left half-done, and nothing of another database", async () => {
    const { stores, place, folder } = await backupWorld();
    for (const owner of ["here", "there"]) mkdirSync(join(folder, `.20260101T000000Z-00000000.${owner}.partial`), { recursive: true });
    const { id } = await backUp(stores, place);
    expect(readdirSync(folder).toSorted()).toEqual([".20260101T000000Z-00000000.there.partial", id]);
  });
});

describe("old backups", () => {
  const old = async (days: number[]): Promise<BackupPlace & { ids: string[] }> => {
    const stores = memoryStores();
    const place = folderPlace(join(temporaryFolder(), "backups"), "here");
    const ids: string[] = [];
    for (const day of days) ids.push((await backUp(stores, place, { clock: () => day * DAY + 1000 })).id);
    return { ...place, ids };
  };
  const PRUNE = { retentionMs: 30 * DAY, intervalMs: DAY };

  it("are removed when they are past their time, a little early", async () => {
    const place = await old([10, 11, 40]);
    const [first, ...rest] = place.ids;
    expect(await pruneBackups(place, { now: 40 * DAY + 1000 - 14 * 60_000, ...PRUNE })).toEqual({ removed: [first], refused: false });
    expect(await place.list()).toEqual(rest);
  });

  it("stay when the clock seems to have jumped, until somebody says that it has not", async () => {
    const place = await old([10, 11, 4000]);
    const now = 4000 * DAY;
    expect(await pruneBackups(place, { now, ...PRUNE })).toEqual({ removed: [], refused: true });
    expect(await pruneBackups(place, { now, ...PRUNE, always: true })).toEqual({ removed: place.ids.slice(0, 2), refused: false });
  });

  it("stay when there is no other", async () => {
    const place = await old([10]);
    expect(await pruneBackups(place, { now: 100 * DAY, ...PRUNE, always: true })).toEqual({ removed: [], refused: true });
    expect(await place.list()).toEqual(place.ids);
  });
});

describeWith("tmpfs", "a disk for backups that is full", () => {
  it("is told in a sentence, and the backups before are as they were", async () => {
    const { stores, manager } = await backupWorld();
    const folder = join(smallDisk(1), "backups");
    const place = folderPlace(folder, "here");
    const good = await backUp(stores, place);
    for (let i = 0; i < 100; i++) {
      const { id } = await manager.createConversation({});
      await manager.appendMessages(id, [
        { role: "user", content: Buffer.from(crypto.getRandomValues(new Uint8Array(30_000))).toString("base64") },
      ]);
    }
    await expect(backUp(stores, place)).rejects.toThrow(
      /^There is no room for the backup in .* Free space there; backups that were made before are as they were\.$/,
    );
    await checkBackup(place, good.id);
    expect(readdirSync(folder)).toEqual([good.id]);
    expect((await backupStatus(stores.records!)).good).toEqual(good);
  });
});

describeWith("tmpfs", "a disk of the database that has no room for a snapshot", () => {
  it("is told in a sentence, and nothing is left there", async () => {
    const disk = smallDisk(3);
    const path = join(disk, "chats.db");
    const stores = await emptyStores(path);
    const manager = new ConversationManager(stores);
    for (let i = 0; i < 20; i++) {
      const { id } = await manager.createConversation({});
      await manager.appendMessages(id, [
        { role: "user", content: Buffer.from(crypto.getRandomValues(new Uint8Array(30_000))).toString("base64") },
      ]);
    }
    const place = folderPlace(join(temporaryFolder(), "backups"), "here");
    const source = backupSource({ database: { engine: "sqlite", path }, hotStore: null, idPrefix: "ITERA" }, stores);
    await expect(backUp(stores, place, { source })).rejects.toThrow(/as much room beside the database's file/);
    expect(readdirSync(disk).filter((name) => name.includes("snapshot"))).toEqual([]);
  });
});

it("a folder that cannot be written is told in a sentence", async () => {
  const { stores, path } = await backupWorld();
  const place = folderPlace(join(path, "backups"), "here");
  await expect(backUp(stores, place)).rejects.toThrow(/cannot be reached \(E\w+\)/);
  expect(existsSync(path)).toBe(true);
});
