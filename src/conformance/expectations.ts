/** What cases assert again and again: equality as JSON, outcomes of commits, ports that must be there. */
import assert from "node:assert/strict";
import type { Archive } from "../core/archive.ts";
import type { Directory } from "../core/directory.ts";
import type { Head, StoredMessage, Whole } from "../core/head.ts";
import type { Change, Committed, HotStore, OutboxItem } from "../core/hot-store.ts";
import { canonicalJson, type Json } from "../core/json.ts";
import type { Records } from "../core/records.ts";
import type { Stores } from "../core/stores.ts";

/** A commit that happened, now or at the first try. */
export type Happened = Extract<Committed, { outcome: "done" | "replayed" }>;

/** Equal as JSON values: the order of keys and the spelling of numbers do not count. */
export function sameJson(actual: unknown, expected: unknown, what?: string): void {
  assert.equal(canonicalJson(actual as Json), canonicalJson(expected as Json), what);
}

function withValue({ body, ...message }: StoredMessage): Json {
  return { ...message, body: JSON.parse(body) as Json };
}

/** The same messages in the same places; bodies are compared as JSON values. */
export function sameMessages(actual: readonly StoredMessage[] | null, expected: readonly StoredMessage[]): void {
  assert.ok(actual, "the conversation is there");
  sameJson(actual.map(withValue), expected.map(withValue));
}

/** The same head and messages. */
export function sameWhole(actual: Whole | null, expected: Whole): void {
  assert.ok(actual, "the conversation is there");
  sameJson(actual.head, expected.head);
  sameMessages(actual.messages, expected.messages);
}

/** These fields of a head; the others are not looked at. */
export function hasFields(head: Head | null | undefined, fields: Partial<Head>): void {
  assert.ok(head, "there is a head");
  sameJson(Object.fromEntries(Object.keys(fields).map((key) => [key, head[key as keyof Head]])), fields);
}

/** The answer of a commit, which must be `done` (or `replayed`, if that is asked for). */
export function happened(result: Committed, outcome: Happened["outcome"] = "done"): Happened {
  assert.equal(result.outcome, outcome);
  return result as Happened;
}

/** What the messages of a window or page say (their `content`). */
export function contents(messages: readonly StoredMessage[] | null): string[] {
  assert.ok(messages, "the conversation is there");
  return messages.map(({ body }) => (JSON.parse(body) as { content: string }).content);
}

/** The seqs of a window or page. */
export function seqs(messages: readonly { seq: number }[] | null): number[] {
  assert.ok(messages, "the conversation is there");
  return messages.map(({ seq }) => seq);
}

/** Whole numbers from the first to the last. */
export function numbers(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** Stores a conversation in the hot store, and takes what creation itself left in the outbox out of the way. */
export async function settled(hot: HotStore, whole: Whole): Promise<Head> {
  const { head } = happened(await hot.create(whole));
  await drained(hot);
  return head;
}

/** Everything in the outbox, which is empty afterwards. */
export async function drained(hot: HotStore): Promise<OutboxItem[]> {
  const all: OutboxItem[] = [];
  for (let i = 0; i < 1000; i++) {
    const items = await hot.outbox(100, 3_600_000);
    if (items.length === 0) return all;
    all.push(...items);
    await hot.delivered(items.map(({ n }) => n));
  }
  return assert.fail("the outbox does not become empty");
}

/** The head that is stored. */
export async function headOf(hot: HotStore, id: string): Promise<Head> {
  const [head] = await hot.heads([id]);
  assert.ok(head, "the conversation is in the hot store");
  return head;
}

/** Tries a change that must not happen, and makes sure that nothing of it is stored: neither in the conversation nor in the outbox. */
export async function leavesNothing(hot: HotStore, id: string, change: Change, outcome: Committed["outcome"]): Promise<Committed> {
  const before = await hot.read(id, Infinity);
  assert.ok(before, "the conversation is in the hot store");
  const result = await hot.commit(id, { ...change, events: [{ type: "tried", at: change.now, details: {} }, ...(change.events ?? [])] });
  assert.equal(result.outcome, outcome);
  if ("head" in result) sameJson(result.head, before.head, "the head that is there is answered");
  sameWhole(await hot.read(id, Infinity), before);
  const items = await hot.outbox(100, 0);
  assert.deepEqual(
    items.filter(({ event }) => event?.type === "tried"),
    [],
  );
  return result;
}

/** The archive; without one, the adapter must declare the skip `archive`. */
export function archiveOf({ archive }: Stores): Archive {
  assert.ok(archive, 'these stores have no archive: declare it as the skip "archive"');
  return archive;
}

/** The directory; without one, the adapter must declare the skip `directory`. */
export function directoryOf({ directory }: Stores): Directory {
  assert.ok(directory, 'these stores have no directory: declare it as the skip "directory"');
  return directory;
}

/** The records; without them, the adapter must declare the skip `records`. */
export function recordsOf({ records }: Stores): Records {
  assert.ok(records, 'these stores have no records: declare it as the skip "records"');
  return records;
}
