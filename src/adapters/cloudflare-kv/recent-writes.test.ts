import { expect, it } from "vitest";
import { documentFrom, textOf, type Document } from "./document.ts";
import { RecentWrites } from "./recent-writes.ts";

const ID = "ITERA_20250125_143052_A7B9X2M8P4Q1_P";
const MINUTE = 60_000;

/** A record of some version. */
function record(version: number, content = ""): Document {
  return documentFrom(JSON.stringify({ version, messages: [{ content }], more: { incarnation: "one" } }), ID);
}

const versionOf = (document: Document | null): number | null => document && document.whole.head.version;

it("for a minute an older answer does not count, a newer or an equal one does", () => {
  const recent = new RecentWrites();
  recent.note("key", record(5), textOf(record(5)), 0);
  expect(versionOf(recent.newest("key", record(4), MINUTE - 1))).toBe(5);
  expect(versionOf(recent.newest("key", record(6), 1000))).toBe(6);
  expect(recent.newest("key", record(5, "touched elsewhere"), 1000)?.whole.messages[0]?.body).toContain("touched elsewhere");
  expect(versionOf(recent.newest("key", record(4), MINUTE))).toBe(4);
  expect(versionOf(recent.newest("other", record(4), 0))).toBe(4);
});

it("nothing is nothing, unless KV had said so just before the write", () => {
  const recent = new RecentWrites();
  recent.note("key", record(5), textOf(record(5)), 0);
  expect(recent.newest("key", null, 1)).toBeNull();
  recent.note("missed", record(5), textOf(record(5)), 0, true);
  expect(versionOf(recent.newest("missed", null, 1))).toBe(5);
});

it("what was removed does not come back for a minute, but a later one of it does", () => {
  const recent = new RecentWrites();
  recent.note("key", record(5), null, 0);
  expect(recent.newest("key", record(5), 1)).toBeNull();
  expect(versionOf(recent.newest("key", record(6), 1))).toBe(6);
});

it("what it remembers is bounded: the oldest goes first", () => {
  const recent = new RecentWrites();
  const large = textOf(record(1, "x".repeat(3 * 1024 * 1024)));
  for (const key of ["a", "b", "c"]) recent.note(key, record(1), large, 0);
  expect(["a", "b", "c"].map((key) => recent.lastAt(key, 1))).toEqual([null, 0, 0]);
});
