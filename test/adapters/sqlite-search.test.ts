import { expect, it } from "vitest";
import { searchPlaceOf } from "../../src/adapters/sql/search-place.ts";
import type { SqliteStores } from "../../src/adapters/sqlite/sqlite-stores.ts";
import { DAY, makeHead } from "../../src/conformance/make-conversation.ts";
import type { Head } from "../../src/core/head.ts";
import { ConversationIDGenerator } from "../../src/core/id.ts";
import { openedAt, temporaryPath, withDatabase } from "./temporary-database.ts";

const NOW = Date.parse("2025-01-25T14:30:52Z");

async function said({ directory }: SqliteStores, created: number, texts: string[], fields: Partial<Head> = {}): Promise<string> {
  const head = makeHead(created, fields);
  await directory.index(head, { after: 0, messages: texts.map((text, i) => ({ seq: i + 1, text })) });
  return head.id;
}

it("a smaller ID never has a greater place in the index", () => {
  const ids = Array.from({ length: 3000 }, (_, i) => ConversationIDGenerator.generate("P", { now: NOW + Math.floor(i / 50) * 1000 }));
  ids.push(
    ...["0001-01-01", "1969-12-31", "1970-01-01", "2024-02-29", "9999-12-31"].map((day) =>
      ConversationIDGenerator.generate("S", { now: Date.parse(day) }),
    ),
  );
  const places = ids.toSorted().map(searchPlaceOf);
  expect(places).toEqual(places.toSorted((a, b) => a - b));
  expect(new Set(places).size).toBeGreaterThan(2900);
  expect(places[0]).toBe(0);
  expect(places.every((place) => Number.isInteger(place) && place < 2 ** 47)).toBe(true);
  expect(searchPlaceOf("no ID")).toBe(0);
});

it("nothing that is typed is syntax: words are found whatever stands around them, and a text without words finds nothing", async () => {
  const stores = await openedAt(temporaryPath());
  const id = await said(stores, NOW, ["The printer isn't printing: error E-42, said O'Brien (near the lift)."]);
  const found = async (text: string) => (await stores.directory.list({ text, limit: 5 })).heads.map((head) => head.id);
  for (const text of [
    "printer AND",
    "error*",
    '"e-42"',
    "NEAR lift",
    "text:error",
    "^the",
    "o'brien",
    "-printing",
    "isn't",
    "(lift OR",
    "printer + lift",
    "{said}",
  ]) {
    expect(await found(text), text).toEqual(text === "printer AND" || text === "(lift OR" || text === "text:error" ? [] : [id]);
  }
  for (const text of ["", "  ", '"', "***", "(", "';--", "\\"]) expect(await found(text), text).toEqual([]);
});

it("hundreds of conversations of the same second are found page by page, each once, newest first", async () => {
  const stores = await openedAt(temporaryPath());
  const ids: string[] = [];
  for (let i = 0; i < 300; i++)
    ids.push(await said(stores, i % 3 === 0 ? NOW - DAY : NOW, ["common words", i % 7 === 0 ? "and a rare one" : "and another"]));
  for (const [text, wanted] of [
    ["common", ids],
    ["rare common", ids.filter((_, i) => i % 7 === 0)],
  ] as const) {
    const pages: string[] = [];
    for (let before: string | undefined; ;) {
      const { heads, snippets, next } = await stores.directory.list({ text, limit: 7, ...(before === undefined ? {} : { before }) });
      pages.push(...heads.map(({ id }) => id));
      expect(snippets).toHaveLength(heads.length);
      expect(snippets!.every((snippet) => /common|rare/.test(snippet))).toBe(true);
      if (next === null) break;
      before = next;
    }
    expect(pages).toEqual(wanted.toSorted().toReversed());
  }
});

it("a long transcript is indexed up to the limit, in pieces, and what is beyond is known as indexed", async () => {
  const path = temporaryPath();
  const stores = await openedAt(path);
  const { directory } = stores;
  const { searchBytes } = directory.capabilities;
  const head = makeHead(NOW, { lastSeq: 600 });
  const messages = Array.from({ length: 600 }, (_, i) => ({ seq: i + 1, text: `word${i + 1} ${"à ".repeat(500)}` }));
  await directory.index(head, { after: 0, messages });
  expect(await directory.indexed([head.id])).toEqual([600]);
  const finds = async (text: string) => (await directory.list({ text, limit: 1 })).heads.length === 1;
  const last = Math.floor(searchBytes / (messages[0]!.text.length + 500));
  expect(await finds("word1 word200")).toBe(true);
  expect(await finds(`word${last - 2}`)).toBe(true);
  expect(await finds(`word${last + 2}`)).toBe(false);
  const bytes = withDatabase(path, (db) => db.prepare("SELECT sum(length(CAST(text AS BLOB))) AS bytes FROM said").get());
  expect(bytes!["bytes"]).toBeLessThanOrEqual(searchBytes);

  await directory.index({ ...head, version: 2, lastSeq: 11 }, { after: 10, messages: [{ seq: 11, text: "afterwards" }] });
  expect(await directory.indexed([head.id])).toEqual([11]);
  expect(await finds("word10 afterwards")).toBe(true);
  expect(await finds("word11")).toBe(false);
});

it("a word that one message repeats thousands of times costs a search no more than one that it has once", async () => {
  const stores = await openedAt(temporaryPath());
  await said(stores, NOW, ["stampante ".repeat(26_000)]);
  const started = performance.now();
  const { snippets } = await stores.directory.list({ text: "stampante", limit: 5 });
  expect(snippets![0]).toMatch(/^stampante stampante .*…$/);
  // With the engine's own snippets it took more than four seconds.
  expect(performance.now() - started).toBeLessThan(2000);
});
