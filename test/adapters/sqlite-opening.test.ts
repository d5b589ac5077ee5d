import { execFileSync } from "node:child_process";
import { mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { checkSettings, checkVersion, openConnection } from "../../src/adapters/sqlite/connection.ts";
import { sqliteStores } from "../../src/adapters/sqlite/sqlite-stores.ts";
import { makeWhole } from "../../src/conformance/make-conversation.ts";
import { InvalidInputError, StoreUnavailableError } from "../../src/core/errors.ts";
import { openedAt, temporaryPath, withDatabase } from "./temporary-database.ts";

it("a new database and its folder are for their owner alone", async () => {
  const path = join(dirname(temporaryPath()), "data", "deeper", "conversations.db");
  const stores = await openedAt(path);
  await stores.hot.create(makeWhole(Date.now(), ["hello"]));
  for (const suffix of ["", "-wal", "-shm"]) expect(statSync(path + suffix).mode & 0o777, suffix).toBe(0o600);
  expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
});

it("what was stored is there after opening again", async () => {
  const path = temporaryPath();
  const whole = makeWhole(Date.now(), ["hello", "bye"]);
  const first = await openedAt(path);
  await first.hot.create(whole);
  await first.close();
  const second = await openedAt(path);
  expect(await second.hot.read(whole.head.id, Infinity)).toEqual(whole);
});

it("a path may be a symbolic link: the database is where it points to", async () => {
  const path = temporaryPath();
  const link = join(dirname(path), "link.db");
  symlinkSync(path, link);
  const stores = await openedAt(link);
  const whole = makeWhole(Date.now(), ["hello"]);
  await stores.hot.create(whole);
  expect(stores.status().logBytes).toBeGreaterThan(0);
  expect(stores.status().logBytes).toBe(statSync(`${path}-wal`).size);
  expect(await (await openedAt(path)).hot.read(whole.head.id, 9)).toEqual(whole);
});

it("every connection syncs each commit, in a write-ahead log, and overwrites what is deleted", () => {
  const path = temporaryPath();
  writeFileSync(path, "");
  for (const role of ["writer", "reader"] as const) {
    const connection = openConnection(path, role);
    expect(connection.get("PRAGMA synchronous")).toEqual([2]);
    expect(connection.get("PRAGMA journal_mode")).toEqual(["wal"]);
    expect(connection.get("PRAGMA secure_delete")).toEqual([1]);
    connection.close();
  }
});

it("a connection whose settings did not take is refused, with the name of the setting", () => {
  const path = temporaryPath();
  writeFileSync(path, "");
  const connection = openConnection(path, "writer");
  connection.script("PRAGMA synchronous = NORMAL");
  expect(() => checkSettings(connection, "writer")).toThrow(StoreUnavailableError);
  expect(() => checkSettings(connection, "writer")).toThrow(/synchronous/);
  connection.close();
});

it("a reader cannot write", async () => {
  const path = temporaryPath();
  await openedAt(path);
  const connection = openConnection(path, "reader");
  expect(() => connection.run("DELETE FROM erasures")).toThrow(/readonly/);
  connection.close();
});

it("an SQLite that is too old is refused", () => {
  for (const version of ["3.51.3", "3.51.10", "3.52.0", "4.0.0"]) expect(() => checkVersion(version)).not.toThrow();
  for (const version of ["3.51.2", "3.50.9", "2.99.99", "3.51"]) expect(() => checkVersion(version)).toThrow(InvalidInputError);
});

it("a database keeps the ID prefix that it was made with", async () => {
  const path = temporaryPath();
  const made = await openedAt(path, { idPrefix: "SHOP" });
  expect(made.idPrefix).toBe("SHOP");
  await made.close();
  expect((await openedAt(path, { idPrefix: "SHOP" })).idPrefix).toBe("SHOP");
  expect((await openedAt(path)).idPrefix).toBe("SHOP");
  const other = sqliteStores({ path, idPrefix: "ITERA" });
  await expect(other).rejects.toThrow(InvalidInputError);
  await expect(other).rejects.toThrow(/begin with SHOP, not ITERA/);
});

it("a database of a newer schema is refused and left as it is", async () => {
  const path = temporaryPath();
  await (await openedAt(path)).close();
  withDatabase(path, (db) => db.exec("UPDATE meta SET value = '99' WHERE name = 'schema_version'"));
  const opening = sqliteStores({ path });
  await expect(opening).rejects.toThrow(InvalidInputError);
  await expect(opening).rejects.toThrow(/schema version 99/);
  expect(withDatabase(path, (db) => db.prepare("SELECT value FROM meta WHERE name = 'schema_version'").get())).toEqual({ value: "99" });
});

it("the database of another program is refused and left as it is", async () => {
  const path = temporaryPath();
  withDatabase(path, (db) => db.exec("CREATE TABLE theirs (a)"));
  await expect(sqliteStores({ path })).rejects.toThrow(/another program/);
  expect(withDatabase(path, (db) => db.prepare("SELECT name FROM sqlite_schema").all())).toEqual([{ name: "theirs" }]);
});

it("what is no database at all, and what is no file, is refused", async () => {
  const path = temporaryPath();
  writeFileSync(path, "This is a letter, not a database. ".repeat(100));
  await expect(sqliteStores({ path })).rejects.toThrow(StoreUnavailableError);
  const folder = join(dirname(path), "folder");
  mkdirSync(folder);
  await expect(sqliteStores({ path: folder })).rejects.toThrow(/EISDIR/);
  for (const none of ["", ":memory:", "file:x.db"]) await expect(sqliteStores({ path: none })).rejects.toThrow(InvalidInputError);
});

it("four openings at once of a new file make its tables once", async () => {
  const path = temporaryPath();
  const all = await Promise.all([1, 2, 3, 4].map(() => openedAt(path)));
  await Promise.all(all.map(({ hot }) => hot.create(makeWhole(Date.now(), ["hello"]))));
  expect(await all[0]!.directory.live()).toBe(4);
});

it("stores that are idle and were not closed do not keep a process alive", () => {
  const script = `
    const { sqliteStores } = await import(${JSON.stringify(new URL("../../src/adapters/sqlite/sqlite-stores.ts", import.meta.url).href)});
    const stores = await sqliteStores({ path: ${JSON.stringify(temporaryPath())} });
    await stores.records.put("kind", "key", 1);
    await stores.directory.live();
    const late = stores.records.put("kind", "late", 2);
    late.then(({ won }) => console.log("stored", won));`;
  const said = execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8", timeout: 30_000 });
  expect(said, "what is under way keeps it alive").toBe("stored true\n");
});

it("closing finishes what is under way, can be repeated, and leaves one file", async () => {
  const path = temporaryPath();
  const { hot, directory, close } = await openedAt(path);
  const whole = makeWhole(Date.now());
  await hot.create(whole);
  const late = Array.from({ length: 50 }, (_, i) => hot.commit(whole.head.id, { now: Date.now(), session: { step: i } }));
  const count = directory.live();
  await Promise.all([close(), hot.close()]);
  for (const one of await Promise.all(late)) expect(one.outcome).toBe("done");
  expect(await count).toBe(1);
  await close();
  await expect(hot.read(whole.head.id, 1)).rejects.toThrow(StoreUnavailableError);
  await expect(hot.commit(whole.head.id, { now: 1 })).rejects.toThrow(StoreUnavailableError);
  await expect(directory.live()).rejects.toThrow(/closed/);
  for (const suffix of ["-wal", "-shm"]) expect(statSync(path + suffix, { throwIfNoEntry: false })).toBeUndefined();
  const db = new DatabaseSync(path, { readOnly: true });
  expect(db.prepare("SELECT version FROM live").get()).toEqual({ version: 51 });
  db.close();
});
