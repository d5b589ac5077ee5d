import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { StoreUnavailableError } from "../../src/core/errors.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import type { BackupPlace } from "../../src/operations/backup/backup-place.ts";
import { checkBackup } from "../../src/operations/backup/check-backup.ts";
import { folderPlace } from "../../src/operations/backup/folder-place.ts";
import { restoreBackup } from "../../src/operations/backup/restore-backup.ts";
import { restoreMark } from "../../src/operations/backup/restore-mark.ts";
import { FAULTS, faultyStores, isWrite, type FullStores } from "../faulty-stores.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { varyConversations } from "../varied-conversations.ts";
import { answersOf, backUp } from "./backup-world.ts";

async function filled(): Promise<{ stores: FullStores; place: BackupPlace; folder: string }> {
  const stores = memoryStores();
  const manager = new ConversationManager(stores);
  const { archived } = await varyConversations(manager);
  const folder = join(temporaryFolder(), "backups");
  await manager.eraseConversation(archived);
  await manager.deliver();
  return { stores, place: folderPlace(folder, "here"), folder };
}

describe("a restore", () => {
  it.each(FAULTS)("that %s at any write comes to the same when it is run again", async (fault) => {
    const { stores, place } = await filled();
    const wanted = await answersOf(stores);
    const { id } = await backUp(stores, place);
    let tried = 0;
    for (let at = 0; ; at++) {
      const to = memoryStores();
      let writes = 0;
      let struck = false;
      const faulty = faultyStores(to, (call) => {
        struck ||= isWrite(call) && writes++ === at;
        return isWrite(call) && writes - 1 === at ? fault : null;
      });
      const run = restoreBackup(place, id, faulty.stores, { idPrefix: "ITERA" }).catch((error: unknown) => {
        if (!(error instanceof StoreUnavailableError)) throw error;
      });
      await Promise.race([run, faulty.dead]);
      if (!struck) break;
      tried++;
      const mark = await restoreMark(to.records);
      // What is not all there is marked as such, or nothing of it is there yet.
      expect(mark !== null || (await to.archive.scan(null, 1)).length === 0).toBe(true);
      await restoreBackup(place, id, to, { idPrefix: "ITERA" });
      await new ConversationManager(to).deliver();
      expect(await answersOf(to), `${fault} at write ${at}`).toEqual(wanted);
    }
    expect(tried).toBeGreaterThan(30);
  });
});

describe("a backup", () => {
  it.each(FAULTS)("during which the store %s at any call leaves no half of it, and the next one is whole", async (fault) => {
    const { stores, place, folder } = await filled();
    const { calls } = await (async () => {
      const seen = faultyStores(stores);
      await backUp(seen.stores, place);
      return seen;
    })();
    const before = readdirSync(folder);
    for (let at = 0; at < calls.length; at++) {
      const faulty = faultyStores(stores, ({ index }) => (index === at ? fault : null));
      await Promise.race([backUp(faulty.stores, place).catch(() => {}), faulty.dead]);
      for (const name of await place.list()) {
        expect((await checkBackup(place, name)).id).toBe(name);
        if (!before.includes(name)) await place.remove(name);
      }
      // What died holds its lease until it ends.
      await stores.records.remove("job", "backup-lease");
    }
    const { id } = await backUp(stores, place);
    expect(readdirSync(folder).toSorted()).toEqual([...before, id].toSorted());
  });
});
