import { afterEach, beforeEach, expect, it } from "vitest";
import { d1Stores, type D1Stores } from "../../src/adapters/d1/d1-stores.ts";
import { archivedAt, DAY, makeHead, makeMessage, makeWhole } from "../../src/conformance/make-conversation.ts";
import { StoredDataError, StoreUnavailableError, TooLargeError } from "../../src/core/errors.ts";
import { D1Double } from "../d1-double.ts";

const NOW = Date.parse("2025-01-25T14:30:52Z");

let database: D1Double;
let stores: D1Stores;

beforeEach(async () => {
  database = new D1Double();
  stores = d1Stores({ database });
  await stores.ready();
  database.batches.length = 0;
});

afterEach(() => database.close());

it("every method is one round trip", async () => {
  const { archive, directory, records } = stores;
  const whole = makeWhole(NOW, ["uno", "due"], archivedAt(NOW, { subjects: ["s1"] }));
  const { head } = whole;
  const text = { after: 0, messages: [{ seq: 1, text: "uno" }] };
  const calls: Record<string, () => Promise<unknown>> = {
    put: () => archive.put(whole),
    read: () => archive.read(head.id, Infinity),
    messages: () => archive.messages(head.id, { limit: 10, order: "desc" }),
    scan: () => archive.scan(null, 10),
    index: () => directory.index(head, text),
    indexed: () => directory.indexed([head.id]),
    list: () => directory.list({ limit: 10, status: ["active", "archived"], source: "conformance" }),
    search: () => directory.list({ limit: 10, text: "uno" }),
    analytics: () => directory.analytics("2025-01-01", "2025-01-31"),
    live: () => directory.live(),
    bySubject: () => directory.bySubject("s1", null, 10),
    record: () => directory.record([{ n: "e1", id: head.id, event: { type: "created", at: NOW, details: {} } }]),
    events: () => directory.events(head.id, null, 10),
    forgetEvents: () => directory.forgetEvents(NOW + 1, 10),
    erase: () => archive.erase(head.id, { at: NOW, by: "test" }),
    erasures: () => archive.erasures(0, 10),
    erased: () => archive.erased(head.id),
    "purge of the archive, tried": () => archive.purge(NOW, 10, true),
    "purge of the archive": () => archive.purge(NOW, 10, false),
    "purge of the directory": () => directory.purge(NOW, 10),
    probe: () => archive.probe(),
    "records put": () => records.put("job", "a", 1),
    "records get": () => records.get("job", "a"),
    "records list": () => records.list("job", null, 10),
    "records remove": () => records.remove("job", "a"),
    "records forget": () => records.forget(NOW, 10),
  };
  for (const [name, call] of Object.entries(calls)) {
    const before = database.batches.length;
    await call();
    expect(database.batches.length - before, name).toBe(1);
  }
  for (const call of [() => directory.record([]), () => directory.indexed([]), () => archive.scrub()]) {
    const before = database.batches.length;
    await call();
    expect(database.batches.length - before).toBe(0);
  }
});

it("a transcript of 16 MiB is few rows, none larger than D1 takes, and a window reads only the last", async () => {
  const said = Array.from({ length: 400 }, (_, i) => `${i} ${"è ".repeat(14_000)}`);
  const whole = makeWhole(NOW, said, archivedAt(NOW));
  expect(await stores.archive.put(whole)).toBe("stored");
  const sizes = database.database
    .prepare("SELECT length(CAST(entries AS BLOB)) + length(CAST(bodies AS BLOB)) AS bytes FROM transcripts")
    .all();
  expect(sizes.length).toBeLessThanOrEqual(20);
  for (const { bytes } of sizes) expect(bytes).toBeLessThanOrEqual(1_000_100);
  expect(await stores.archive.read(whole.head.id, Infinity)).toEqual(whole);
  expect((await stores.archive.read(whole.head.id, 3))?.messages).toEqual(whole.messages.slice(-3));
});

it("very many small messages are few rows too", async () => {
  const whole = makeWhole(
    NOW,
    Array.from({ length: 20_000 }, (_, i) => `${i}`),
    archivedAt(NOW),
  );
  expect(await stores.archive.put(whole)).toBe("stored");
  expect(database.batches.at(-1)!.length).toBeLessThan(8);
  expect(await stores.archive.read(whole.head.id, Infinity)).toEqual(whole);
});

it("what no row can hold is refused before it is sent, with the size", async () => {
  const { archive, directory, records } = stores;
  const large = "à".repeat(1_000_001);
  const whole = makeWhole(NOW, [makeMessage(large)], archivedAt(NOW));
  const wide = makeWhole(NOW, [], archivedAt(NOW, { metadata: { large } }));
  await expect(archive.put(whole)).rejects.toThrow(TooLargeError);
  await expect(archive.put(whole)).rejects.toThrow(/^Message 1 is too large for D1: 2000\d+ bytes; at most 2000000 fit into a row$/);
  await expect(archive.put(wide)).rejects.toThrow(TooLargeError);
  await expect(directory.index(wide.head)).rejects.toThrow(TooLargeError);
  await expect(records.put("job", "a", large)).rejects.toThrow(TooLargeError);
  expect(database.batches).toEqual([]);
  const fits = makeWhole(NOW, [makeMessage("x".repeat(archive.capabilities.maxMessageBytes - 100))], archivedAt(NOW));
  expect(await archive.put(fits)).toBe("stored");
});

it("a database that fails is a store that is not available, with what it said as the cause, and nothing is half done", async () => {
  const { archive } = stores;
  const whole = makeWhole(NOW, ["uno"], archivedAt(NOW));
  const cause = new Error("D1_ERROR: Network connection lost.");
  database.fault = () => cause;
  const failure = await archive.put(whole).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(StoreUnavailableError);
  expect((failure as Error).cause).toBe(cause);
  database.fault = () => null;
  expect(await archive.read(whole.head.id, 1)).toBeNull();
  database.database.exec("CREATE TRIGGER broken BEFORE INSERT ON transcripts BEGIN SELECT raise(ABORT, 'broken'); END");
  await expect(archive.put(whole)).rejects.toThrow(StoreUnavailableError);
  expect(await archive.read(whole.head.id, 1)).toBeNull();
});

it("a damaged record is an error of its own conversation, and lists show the others", async () => {
  const { archive, directory } = stores;
  const wholes = [makeWhole(NOW, ["uno"], archivedAt(NOW)), makeWhole(NOW + DAY, ["due"], archivedAt(NOW))];
  for (const whole of wholes) {
    await archive.put(whole);
    await directory.index(whole.head);
  }
  const [damaged, sound] = wholes;
  database.database.exec(`UPDATE transcripts SET entries = '[1' WHERE n = (SELECT n FROM archive WHERE id = '${damaged!.head.id}')`);
  database.database.exec(`UPDATE entries SET metadata = '{' WHERE id = '${damaged!.head.id}'`);
  await expect(archive.read(damaged!.head.id, 1)).rejects.toThrow(StoredDataError);
  expect(await archive.read(sound!.head.id, 1)).toEqual(sound);
  expect((await directory.list({ limit: 10 })).heads.map(({ id }) => id)).toEqual([sound!.head.id, damaged!.head.id]);
});

it("of what was erased nothing is left in any table, the search index included", async () => {
  const { archive, directory } = stores;
  const canary = "canarino7351";
  const whole = makeWhole(
    NOW,
    [`il mio nome è ${canary}`],
    archivedAt(NOW, { subjects: [canary], metadata: { canary }, session: { step: canary } }),
  );
  const { head } = whole;
  await archive.put(whole);
  await directory.index(head, { after: 0, messages: [{ seq: 1, text: `il mio nome è ${canary}` }] });
  await directory.record([{ n: "e1", id: head.id, event: { type: "extended", at: NOW, details: { reason: canary } } }]);
  expect(holding(canary)).toEqual(expect.arrayContaining(["archive", "transcripts", "entries", "subjects", "events", "texts"]));
  await archive.erase(head.id, { at: NOW, by: "test" });
  expect(holding(canary)).toEqual([]);
  expect(database.database.prepare("SELECT count(*) AS found FROM said WHERE said MATCH ?").get(canary)!["found"]).toBe(0);
  database.database.exec("INSERT INTO said (said, rank) VALUES ('integrity-check', 1)");
});

/** The tables in whose rows a text is. */
function holding(text: string): string[] {
  const tables = database.database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'").all();
  return tables
    .map(({ name }) => String(name))
    .filter((name) => {
      if (name === "said") return false;
      const select = database.database.prepare(`SELECT * FROM ${name}`);
      select.setReadBigInts(true);
      const rows = select.all();
      return rows.some((row) =>
        Object.values(row).some((value) =>
          (value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : String(value)).includes(text),
        ),
      );
    });
}

it("without a clock the database's own time counts", async () => {
  const { archive, records } = stores;
  const before = Date.now();
  const { now } = await archive.probe();
  expect(Math.abs(now - before)).toBeLessThan(60_000);
  await records.put("claim", "past", 1, { until: now - 120_000 });
  await records.put("claim", "future", 2, { until: now + 120_000 });
  expect(await records.get("claim", "past")).toBeNull();
  expect((await records.list("claim", null, 10)).map(({ key }) => key)).toEqual(["future"]);
});

it("purging keeps the entry of a conversation that is live again", async () => {
  const { archive, directory } = stores;
  const whole = makeWhole(NOW - 100 * DAY, ["uno"], archivedAt(NOW - 50 * DAY));
  await archive.put(whole);
  const back = makeHead(NOW, { ...whole.head, version: 9, status: "active", archivedAt: null, lastActivity: NOW, expiresAt: NOW + DAY });
  await directory.index(back);
  expect((await archive.purge(NOW - DAY, 10, false)).rows).toBe(1);
  expect((await directory.list({ limit: 10 })).heads).toEqual([back]);
});
