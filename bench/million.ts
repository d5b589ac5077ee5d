// Whether a million archived conversations slow anything down: the slowest hundredth of each call, against that of a store of a thousand.

import { rmSync, statfsSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sqliteStores } from "../src/adapters/sqlite/sqlite-stores.ts";
import { ConversationManager } from "../src/core/manager.ts";
import { FEW, MANY, measureCalls, withLive, type FilledStore } from "./calls-on-many.ts";
import { addArchived } from "./many-archived.ts";
import { optionsOf, rowsAsMarkdown, type BenchOptions, type Row } from "./row.ts";
import { databaseFolder } from "./slow-syncs.ts";

/** What a million of them need, and some more. */
const ROOM = 10 * 1024 ** 3;

async function makeStore(path: string, count: number): Promise<FilledStore> {
  const stores = await sqliteStores({ path });
  const manager = new ConversationManager(stores, { environment: "D" });
  return withLive(manager, await addArchived(stores, count));
}

async function folderWithRoom(): Promise<string> {
  const folder = databaseFolder();
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize >= ROOM) return folder;
  rmSync(folder, { recursive: true });
  return mkdtemp(join(tmpdir(), "bench-"));
}

/** Measures calls: some minutes, most of them for filling; with `quick` over a twentieth as many. */
export async function run(options: BenchOptions): Promise<Row[]> {
  const folder = await folderWithRoom();
  const count = options.quick ? MANY / 20 : MANY;
  const stores: FilledStore[] = [];
  try {
    for (const size of [count, FEW]) stores.push(await makeStore(join(folder, `${size}.db`), size));
    return await measureCalls(stores, count, "", options);
  } finally {
    for (const { manager } of stores) await manager.close();
    rmSync(folder, { recursive: true });
  }
}

if (import.meta.main) console.log(rowsAsMarkdown(await run(optionsOf(process.argv))));
