import { join } from "node:path";
import { expect, it } from "vitest";
import { sqliteStores } from "../../src/adapters/sqlite/sqlite-stores.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import { folderPlace } from "../../src/operations/backup/folder-place.ts";
import { restoreBackup } from "../../src/operations/backup/restore-backup.ts";
import { backupSource } from "../../src/runtimes/node/backup-source.ts";
import { openedAt } from "../adapters/temporary-database.ts";
import { backUp } from "../operations/backup-world.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const CONVERSATIONS = 50_000;
const MESSAGES = 20;
/** More than that on top of what the first tenth took would grow with the number of conversations. */
const GROWTH_MB = 150;

/** Notes how much memory is in use while something makes progress. */
function watchMemory(): { note: (part: number) => void; early: () => number; late: () => number } {
  const peak = { early: 0, late: 0 };
  return {
    note(part) {
      const { heapUsed, external } = process.memoryUsage();
      const when = part < 0.1 ? "early" : "late";
      peak[when] = Math.max(peak[when], (heapUsed + external) / 1e6);
    },
    early: () => peak.early,
    late: () => peak.late,
  };
}

it(`${CONVERSATIONS * MESSAGES} messages are backed up and restored in memory that does not grow with them`, async () => {
  const folder = temporaryFolder();
  const path = join(folder, "chats.db");
  const { hot, archive, directory, records } = await openedAt(path);
  const stores = { hot, archive, directory, records };
  const manager = new ConversationManager(stores);
  const messages = Array.from({ length: MESSAGES }, (_, n) => ({
    role: n % 2 ? "assistant" : "user",
    content: `La stampante numero ${n} non stampa più da ieri: ha provato a spegnerla e a riaccenderla? ${"x".repeat(n * 10)}`,
  }));
  for (let i = 0; i < CONVERSATIONS; i += 200) {
    await Promise.all(Array.from({ length: 200 }, () => manager.createConversation({ metadata: { source: "shop" }, messages })));
  }
  await manager.deliver();

  const place = folderPlace(join(folder, "backups"), "here");
  const source = backupSource({ database: { engine: "sqlite", path }, hotStore: null, idPrefix: "ITERA" }, stores);
  const backingUp = watchMemory();
  const began = performance.now();
  const good = await backUp(stores, place, { source, onProgress: (done, total) => backingUp.note(done / total) });
  const backedUp = performance.now();

  const to = await sqliteStores({ path: join(folder, "new.db") });
  const restoring = watchMemory();
  const report = await restoreBackup(place, good.id, to, {
    idPrefix: "ITERA",
    onProgress: (step, part) => step === "restoring" && restoring.note(part),
  });
  const restored = performance.now();
  await to.close();

  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  const memory = ({ early, late }: typeof restoring): string => `${early().toFixed(0)} MB at first, ${late().toFixed(0)} MB later`;
  console.log(
    `${good.messages} messages, ${(good.bytes / 1e6).toFixed(1)} MB: backed up in ${seconds(backedUp - began)} (${memory(backingUp)}), ` +
      `restored in ${seconds(restored - backedUp)} (${memory(restoring)})`,
  );
  expect(report).toMatchObject({ conversations: CONVERSATIONS, added: CONVERSATIONS });
  expect(backingUp.late() - backingUp.early()).toBeLessThan(GROWTH_MB);
  expect(restoring.late() - restoring.early()).toBeLessThan(GROWTH_MB);
});
