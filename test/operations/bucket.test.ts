import { describe, expect, it } from "vitest";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { StoredDataError, StoreUnavailableError } from "../../src/core/errors.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import { BackupNotFoundError } from "../../src/operations/backup/backup-error.ts";
import type { BackupPlace } from "../../src/operations/backup/backup-place.ts";
import { bucketPlace } from "../../src/operations/backup/bucket-place.ts";
import { checkBackup } from "../../src/operations/backup/check-backup.ts";
import { restoreBackup } from "../../src/operations/backup/restore-backup.ts";
import { varyConversations } from "../varied-conversations.ts";
import { answersOf, backUp } from "./backup-world.ts";
import { ACCESS, startBucket, type BucketServer } from "./bucket-server.ts";

const PREFIX = "server 1/backups";

async function filledStores() {
  const stores = memoryStores();
  await varyConversations(new ConversationManager(stores));
  return stores;
}

async function opened(): Promise<{ server: BucketServer; place: BackupPlace }> {
  const server = await startBucket();
  return { server, place: bucketPlace({ ...ACCESS, bucket: "chats", prefix: PREFIX, endpoint: server.endpoint }) };
}

describe("backups in a bucket", () => {
  it("are restored as they were made, every request signed with its content", async () => {
    const { server, place } = await opened();
    const stores = await filledStores();
    const { id } = await backUp(stores, place);
    expect(await place.list()).toEqual([id]);
    expect(server.seen.filter(({ method }) => method === "PUT").at(-1)!.path).toMatch(/manifest\.json$/);
    const to = memoryStores();
    await restoreBackup(place, id, to, { idPrefix: "ITERA", newer: [place] });
    await new ConversationManager(to).deliver();
    expect(await answersOf(to)).toEqual(await answersOf(stores));
  });

  it("are none without their manifest, and what is left of them goes after a day", async () => {
    const { place } = await opened();
    const id = "20260101T000000Z-00000000";
    await (await place.begin(id)).put("conversations-00001.ndjson.gz", new Uint8Array(10));
    expect(await place.list()).toEqual([]);
    await expect(place.files(id)).rejects.toThrow(BackupNotFoundError);
    await place.tidy(Date.UTC(2026, 0, 1, 23));
    await expect(place.read(id, "conversations-00001.ndjson.gz", 10)).resolves.toHaveLength(10);
    await place.tidy(Date.UTC(2026, 0, 2, 1));
    await expect(place.read(id, "conversations-00001.ndjson.gz", 10)).rejects.toThrow(/is missing/);
  });

  it("are removed whole, and one that was broken off leaves nothing", async () => {
    const { place, server } = await opened();
    const { id } = await backUp(await filledStores(), place);
    await place.remove(id);
    expect(await place.list()).toEqual([]);
    const stop = new AbortController();
    await expect(
      backUp(await filledStores(), place, { signal: stop.signal, onProgress: () => stop.abort(new Error("stop")) }),
    ).rejects.toThrow("stop");
    const begun = await backUp(await filledStores(), place);
    const left = new Set(server.seen.filter(({ method }) => method === "PUT").map(({ path }) => /\d{8}T\d{6}Z-\w{8}/.exec(path)![0]));
    left.delete(begun.id);
    // The one that was removed, and the one that was broken off.
    expect(left.size).toBe(2);
    for (const each of left) await expect(place.files(each)).rejects.toThrow(BackupNotFoundError);
  });

  it("are made although the bucket fails for a moment", async () => {
    const { place, server } = await opened();
    server.fail(2, "PUT");
    const { id } = await backUp(await filledStores(), place);
    expect((await checkBackup(place, id)).id).toBe(id);
  });

  it("whose content was changed there are damaged", async () => {
    const { place } = await opened();
    const { id } = await backUp(await filledStores(), place);
    const [file] = (await place.files(id)).filter(({ name }) => name.startsWith("conversations"));
    const bytes = Buffer.from(await place.read(id, file!.name, 1e6));
    bytes[20]! ^= 1;
    await (await place.begin(id)).put(file!.name, bytes);
    await expect(checkBackup(place, id)).rejects.toThrow(StoredDataError);
    await (await place.begin(id)).put("more/else", bytes);
    await expect(checkBackup(place, id)).rejects.toThrow(/"more\/else" does not belong to it/);
  });
});

describe("a bucket that does not do what is asked", () => {
  it.each([
    ["has another key", { secretAccessKey: "another" }, /\(GET: 403 SignatureDoesNotMatch\)/],
    ["is not there", { bucket: "nowhere" }, /\(GET: 404 NoSuchBucket\)/],
    ["does not answer", { endpoint: "http://127.0.0.1:1" }, /did not do what was asked\. Check its name/],
  ])("says so when it %s", async (_, different, sentence) => {
    const server = await startBucket();
    const place = bucketPlace({ ...ACCESS, bucket: "chats", prefix: "", endpoint: server.endpoint, ...different });
    const error: unknown = await place.list().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect((error as Error).message).toMatch(sentence);
    expect((error as Error).message).not.toMatch(/another|127\.0\.0\.1/);
  });
});
