import { existsSync, readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { dirtyGapOf } from "../../src/adapters/sqlite/page-gaps.ts";
import type { SqliteStores } from "../../src/adapters/sqlite/sqlite-stores.ts";
import { archivedAt, DAY, makeMessage, makeWhole } from "../../src/conformance/make-conversation.ts";
import type { HotStore } from "../../src/core/hot-store.ts";
import { openedAt, temporaryPath, withDatabase } from "./temporary-database.ts";

/** The canaries that are anywhere in the files of a database. */
function canariesIn(path: string): Set<string> {
  const files = ["", "-wal", "-shm"].map((suffix) => path + suffix).filter((file) => existsSync(file));
  return new Set(files.flatMap((file) => readFileSync(file, "latin1").match(/canary\w+end/g) ?? []));
}

/** So many pages hold something in their unused stretch. */
function dirtyPages(path: string): number {
  const file = readFileSync(path);
  let dirty = 0;
  for (let at = 0; at < file.length; at += 4096) if (dirtyGapOf(file.subarray(at, at + 4096), at / 4096 + 1)) dirty++;
  return dirty;
}

/** Asks until nothing is left to overwrite. */
async function scrubbed(hot: HotStore): Promise<void> {
  while (!(await hot.scrub())) await sleep(20);
}

/** A life of some turns, every part of which holds the canary of its own: metadata, state, bodies, keys, idempotency, events, search. */
async function lived({ hot, archive, directory }: SqliteStores, name: string): Promise<string> {
  let canaries = 0;
  const canary = (): string => `canary${name}x${canaries++}end`;
  const filler = (most: number): string => "z".repeat(Math.random() * most);
  const now = Date.now();
  const whole = makeWhole(now - DAY, [makeMessage(canary(), canary())], {
    metadata: { tag: canary() },
    session: { step: canary() },
    subjects: [canary()],
  });
  const { id } = whole.head;
  await hot.create(whole, { once: { key: canary(), fingerprint: canary(), until: now + DAY } });
  for (let turn = 0; turn < 6; turn++) {
    const append = [makeMessage(`${canary()} ${filler(900)}`), makeMessage(canary(), canary())];
    const events = [{ type: "extended", at: now, details: { reason: canary() } }];
    const once = { key: canary(), fingerprint: canary(), until: now + DAY };
    await hot.commit(id, { now, append, session: { leadData: canary() + filler(600) }, events, once });
  }
  const [head] = await hot.heads([id]);
  await directory.index(head!, { after: 0, messages: [1, 2, 3].map((seq) => ({ seq, text: `${canary()} ${filler(200)}` })) });
  await directory.record([{ n: canary(), id, event: { type: "extended", at: now, details: { reason: canary() } } }]);
  if (Math.random() < 0.5)
    await archive.put({
      head: { ...head!, ...archivedAt(now, { version: head!.version }) },
      messages: (await hot.read(id, Infinity))!.messages,
    });
  return id;
}

it("what was erased is in none of the files afterwards, and everything else is as it was", async () => {
  const path = temporaryPath();
  const stores = await openedAt(path);
  const { hot, archive, directory } = stores;
  const ids = await Promise.all(Array.from({ length: 150 }, (_, i) => lived(stores, `v${i}`)));
  const erased = ids.filter((_, i) => i % 2 === 0);
  const kept = ids.filter((_, i) => i % 2 === 1);
  const before = await Promise.all(kept.map((id) => hot.read(id, Infinity)));

  for (const id of erased) {
    expect(await archive.erase(id, { at: Date.now(), by: "test" })).not.toBe("held");
    expect((await hot.commit(id, { now: Date.now(), wipe: true, step: { from: ["active"], to: "deleted" } })).outcome).toBe("done");
  }
  await scrubbed(hot);
  const left = canariesIn(path);
  // The name of an event is not the conversation's; here it is a canary to show that nothing else is left of it.
  const ofErased = [...left].filter((canary) => Number(/v(\d+)x/.exec(canary)![1]) % 2 === 0);
  expect(ofErased.filter((canary) => !isEventName(path, canary))).toEqual([]);
  expect(left.size - ofErased.length).toBeGreaterThan(75 * 20);
  expect(await Promise.all(kept.map((id) => hot.read(id, Infinity)))).toEqual(before);
  expect((await directory.list({ text: "canaryv1x43end", limit: 5 })).heads).toEqual([]);
  await stores.close();
  expect(withDatabase(path, (db) => db.prepare("PRAGMA integrity_check").all())).toEqual([{ integrity_check: "ok" }]);
  withDatabase(path, (db) => db.exec("INSERT INTO said (said, rank) VALUES ('integrity-check', 0)"));
});

function isEventName(path: string, canary: string): boolean {
  return withDatabase(path, (db) => db.prepare("SELECT 1 FROM events WHERE name = ?").get(canary)) !== undefined;
}

it("SQLite alone leaves copies behind in its pages, and scrubbing overwrites them while others write", async () => {
  const path = temporaryPath();
  const stores = await openedAt(path);
  const ids = await Promise.all(Array.from({ length: 60 }, (_, i) => lived(stores, `v${i}`)));
  // Nothing was wiped so far: only the log is moved into the file.
  await scrubbed(stores.hot);
  expect(dirtyPages(path)).toBeGreaterThan(10);

  await stores.archive.erase(ids[0]!, { at: Date.now(), by: "test" });
  await stores.hot.commit(ids[0]!, { now: Date.now(), wipe: true, step: { from: ["active"], to: "deleted" } });
  let stop = false;
  const writing = (async () => {
    for (let i = 0; !stop; i++) await lived(stores, `w${i}`);
  })();
  await scrubbed(stores.hot);
  stop = true;
  await writing;
  const left = [...canariesIn(path)].filter((canary) => canary.startsWith("canaryv0x") && !isEventName(path, canary));
  expect(left).toEqual([]);
  await scrubbed(stores.hot);
  await stores.close();
  expect(withDatabase(path, (db) => db.prepare("PRAGMA integrity_check").all())).toEqual([{ integrity_check: "ok" }]);
});

it("closing in the middle of a scrub waits for no one, and the next one finishes it", async () => {
  const path = temporaryPath();
  const stores = await openedAt(path);
  const id = await lived(stores, "v0");
  await stores.archive.erase(id, { at: Date.now(), by: "test" });
  await stores.hot.commit(id, { now: Date.now(), wipe: true, step: { from: ["active"], to: "deleted" } });
  const scrub = stores.hot.scrub().catch(() => false);
  await stores.close();
  expect(await scrub).toBe(false);
  const { hot } = await openedAt(path);
  await scrubbed(hot);
  expect([...canariesIn(path)].filter((canary) => !isEventName(path, canary))).toEqual([]);
});

it("a scrub in whose way somebody reads says so, and a later one does it", async () => {
  const path = temporaryPath();
  const { hot } = await openedAt(path);
  const whole = makeWhole(Date.now(), ["canaryXend"]);
  await hot.create(whole);
  await scrubbed(hot);
  await hot.commit(whole.head.id, { now: Date.now(), session: { step: "x" } });
  const reader = new DatabaseSync(path);
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM live").get();
  await hot.commit(whole.head.id, { now: Date.now(), wipe: true, step: { from: ["active"], to: "archived", reason: "test" } });
  expect(await hot.scrub()).toBe(false);
  reader.close();
  await scrubbed(hot);
  expect(canariesIn(path)).toEqual(new Set());
});
