import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import { ConflictError, StoredDataError } from "../../src/core/errors.ts";
import { manifestText, type Manifest } from "../../src/operations/backup/backup-manifest.ts";
import { BackupNotFoundError } from "../../src/operations/backup/backup-error.ts";
import { folderPlace } from "../../src/operations/backup/folder-place.ts";
import { restoreBackup } from "../../src/operations/backup/restore-backup.ts";
import { restoreMark } from "../../src/operations/backup/restore-mark.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { varyConversations } from "../varied-conversations.ts";
import { backUp } from "./backup-world.ts";

const CHANGES = 200;

let files: ReadonlyMap<string, Buffer>;
let id: string;

beforeAll(async () => {
  const stores = memoryStores();
  const manager = new ConversationManager(stores);
  await varyConversations(manager);
  const folder = mkdtempSync(join(tmpdir(), "itera-"));
  try {
    id = (await backUp(stores, folderPlace(folder, "here"))).id;
    files = new Map(readdirSync(join(folder, id)).map((name) => [name, readFileSync(join(folder, id, name))]));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** The backup in a folder of its own, to be damaged. */
function copyOfIt(): { folder: string; at: (name: string) => string } {
  const folder = temporaryFolder();
  mkdirSync(join(folder, id));
  for (const [name, bytes] of files) writeFileSync(join(folder, id, name), bytes);
  return { folder, at: (name) => join(folder, id, name) };
}

/** What a restore into an empty store says; nothing of the store is changed then. */
async function refusal(folder: string, named = id): Promise<unknown> {
  const stores = memoryStores();
  const error: unknown = await restoreBackup(folderPlace(folder, "here"), named, stores, { idPrefix: "ITERA" }).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(await stores.hot.scan(null, 1)).toEqual([]);
  expect(await stores.archive.scan(null, 1)).toEqual([]);
  expect(await stores.archive.erasures(0, 1)).toEqual([]);
  expect(await restoreMark(stores.records)).toBeNull();
  return error;
}

/** What is wrong, if it is told as damage. */
async function damage(folder: string): Promise<string> {
  const error = await refusal(folder);
  return error instanceof StoredDataError ? error.message : `no damage, but ${String(error)}`;
}

/** Writes another manifest with a hash that is right. */
function forge(at: (name: string) => string, change: (manifest: Manifest) => object): void {
  const { manifest } = JSON.parse(files.get("manifest.json")!.toString()) as { manifest: Manifest };
  writeFileSync(at("manifest.json"), manifestText({ ...manifest, ...change(manifest) }));
}

describe("a damaged backup", () => {
  it(`is noticed after each of ${CHANGES} changes of a single byte, and nothing of it is restored`, async () => {
    const { folder, at } = copyOfIt();
    const all = [...files];
    const total = all.reduce((sum, [, bytes]) => sum + bytes.length, 0);
    for (let n = 0; n < CHANGES; n++) {
      // Spread evenly over all bytes of all files, the changed bits going round.
      let place = Math.floor((n * total) / CHANGES);
      const [name, bytes] = all.find(([, each]) => (place -= each.length) < 0)!;
      place += bytes.length;
      const changed = Buffer.from(bytes);
      changed[place]! ^= 1 << (n % 8);
      writeFileSync(at(name), changed);
      expect(await refusal(folder), `byte ${place} of ${name}`).toBeInstanceOf(StoredDataError);
      writeFileSync(at(name), bytes);
    }
  });

  it("is one wherever a file was cut", async () => {
    for (const [name, bytes] of files) {
      for (const left of [0, 1, Math.floor(bytes.length / 2), bytes.length - 1]) {
        const { folder, at } = copyOfIt();
        truncateSync(at(name), left);
        expect(await damage(folder)).toMatch(new RegExp(name.replace(".", "\\.")));
      }
    }
  });

  it("is one that lacks a file", async () => {
    for (const name of files.keys()) {
      const { folder, at } = copyOfIt();
      rmSync(at(name));
      expect(await damage(folder)).toMatch(/is missing/);
    }
  });

  it("is one with a file that is not its own", async () => {
    const { folder, at } = copyOfIt();
    copyFileSync(at("conversations-00001.ndjson.gz"), at("conversations-00002.ndjson.gz"));
    expect(await damage(folder)).toMatch(/"conversations-00002\.ndjson\.gz" does not belong to it/);
  });

  it("is one whose files were exchanged", async () => {
    const { folder, at } = copyOfIt();
    copyFileSync(at("records-00001.ndjson.gz"), at("conversations-00001.ndjson.gz"));
    expect(await damage(folder)).toMatch(/conversations-00001\.ndjson\.gz has \d+ bytes/);
  });

  it("is one with a link or a folder in it, wherever it leads", async () => {
    for (const make of [(path: string) => symlinkSync("/etc/passwd", path), (path: string) => mkdirSync(path)]) {
      const { folder, at } = copyOfIt();
      rmSync(at("records-00001.ndjson.gz"));
      make(at("records-00001.ndjson.gz"));
      expect(await damage(folder)).toMatch(/"records-00001\.ndjson\.gz" is no plain file/);
    }
    const { folder, at } = copyOfIt();
    renameSync(at("manifest.json"), join(folder, "elsewhere"));
    symlinkSync(join(folder, "elsewhere"), at("manifest.json"));
    expect(await damage(folder)).toMatch(/"?manifest\.json"? is no plain file/);
  });

  it("is one that is itself a link", async () => {
    const { folder } = copyOfIt();
    const other = temporaryFolder();
    symlinkSync(join(folder, id), join(other, id));
    expect(await damage(other)).toMatch(/is no folder/);
  });

  it("is one whose manifest names files outside of it, whatever its hash says", async () => {
    for (const name of [
      "../outside-00001.ndjson.gz",
      "/etc/passwd",
      "conversations-00001.ndjson.gz/../../x",
      "..\\conversations-00001.ndjson.gz",
    ]) {
      const { folder, at } = copyOfIt();
      forge(at, ({ files: [first, ...rest] }) => ({ files: [{ ...first, name }, ...rest] }));
      expect(await damage(folder)).toMatch(/manifest\.json makes no sense/);
    }
  });

  it("is one whose manifest makes no sense, whatever its hash says", async () => {
    const changes: ((manifest: Manifest) => object)[] = [
      () => ({ format: "zip" }),
      () => ({ formatVersion: 0 }),
      () => ({ formatVersion: "1" }),
      () => ({ files: null }),
      () => ({ tables: {} }),
      ({ files: [first, ...rest] }) => ({ files: [first, first, ...rest] }),
      () => ({ id: "20200101T000000Z-00000000" }),
    ];
    for (const change of changes) {
      const { folder, at } = copyOfIt();
      forge(at, change);
      expect(await refusal(folder)).toBeInstanceOf(StoredDataError);
    }
  });

  it("is one with fewer rows than its manifest says, whatever its hash says, and what was begun is not served", async () => {
    const { folder, at } = copyOfIt();
    forge(at, ({ tables }) => ({ tables: { ...tables, conversations: { ...tables.conversations, rows: tables.conversations.rows + 1 } } }));
    const stores = memoryStores();
    await expect(restoreBackup(folderPlace(folder, "here"), id, stores, { idPrefix: "ITERA" })).rejects.toThrow(/the table conversations/);
    expect(await restoreMark(stores.records)).toMatchObject({ done: false });
  });
});

describe("a backup that cannot be restored", () => {
  it("is one of a newer version, which is said", async () => {
    for (const change of [{ formatVersion: 2 }, { schemaVersion: 2 }]) {
      const { folder, at } = copyOfIt();
      forge(at, () => ({ ...change, program: "9.0.0" }));
      const error = await refusal(folder);
      expect(error).toBeInstanceOf(ConflictError);
      expect((error as Error).message).toMatch(/written by a newer version \(9\.0\.0\)/);
    }
  });

  it("is one of other IDs, which is said", async () => {
    const { folder, at } = copyOfIt();
    forge(at, () => ({ idPrefix: "SHOP" }));
    expect(String(await refusal(folder))).toMatch(/set CONVERSATION_ID_PREFIX=SHOP/);
  });

  it("is one that is not there", async () => {
    const { folder } = copyOfIt();
    expect(await refusal(folder, "20200101T000000Z-00000000")).toBeInstanceOf(BackupNotFoundError);
  });

  it("is one under another name", async () => {
    const { folder } = copyOfIt();
    cpSync(join(folder, id), join(folder, "20200101T000000Z-00000000"), { recursive: true });
    expect(String(await refusal(folder, "20200101T000000Z-00000000"))).toMatch(/under another name/);
  });
});
