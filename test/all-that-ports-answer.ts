// All that the ports of two sets of stores answer, in a form that can be compared: as JSON values, in an order that no engine decides.

import type { Whole } from "../src/core/head.ts";
import type { Json } from "../src/core/json.ts";
import type { Store } from "../src/core/store.ts";
import type { Stores } from "../src/core/stores.ts";

const WORDS = ["stampante", "server", "preventivo", "backup", "canarino"];
const KINDS = ["receipt", "import"];
const PAGE = 100;

function plain({ head, messages }: Whole): Json {
  const said = messages.map(({ body, ...rest }) => ({ ...rest, body: JSON.parse(body) as Json }));
  return { head: { ...head, subjects: head.subjects.toSorted() }, said } as unknown as Json;
}

async function idsIn(store: Store): Promise<string[]> {
  const ids: string[] = [];
  for (;;) {
    const page = await store.scan(ids.at(-1) ?? null, PAGE);
    if (page.length === 0) return ids;
    ids.push(...page.map(({ id }) => id));
  }
}

async function held(store: Store): Promise<Record<string, Json>> {
  const all: Record<string, Json> = {};
  for (const id of await idsIn(store)) all[id] = plain((await store.read(id, Infinity))!);
  return all;
}

/** What is asked: conversations in both places, lists, searches, events, counts, people, the erasure log, small things. */
export async function allThatPortsAnswer({ hot, archive, directory, records }: Stores): Promise<unknown> {
  if (!archive || !directory || !records) throw new Error("all four ports are compared");
  const { heads } = await directory.list({ limit: 10_000, status: ["active", "completed", "archived", "deleted"] });
  const ids = heads.map(({ id }) => id).toSorted();
  const hashes = [...new Set(heads.flatMap(({ subjects }) => subjects))].toSorted();
  const events: Record<string, Json> = {};
  const people: Record<string, string[]> = {};
  const found: Record<string, string[]> = {};
  const kept: Record<string, unknown> = {};
  for (const id of ids) events[id] = (await directory.events(id, null, 1000)).events as unknown as Json;
  for (const hash of hashes) people[hash] = await directory.bySubject(hash, null, 1000);
  for (const text of WORDS) found[text] = (await directory.list({ text, limit: 1000 })).heads.map(({ id }) => id);
  for (const kind of KINDS) kept[kind] = (await records.list(kind, null, 1000)).map(({ key, value }) => ({ key, value }));
  return {
    live: await held(hot),
    over: await held(archive),
    listed: heads.map((head) => ({ ...head, subjects: head.subjects.toSorted() })),
    indexed: await directory.indexed(ids),
    events,
    people,
    found,
    kept,
    days: (await directory.analytics("2000-01-01", "2100-01-01")).toSorted((a, b) => (a.day + a.source < b.day + b.source ? -1 : 1)),
    running: await directory.live(),
    erased: (await archive.erasures(0, 1000)).map(({ id, at }) => ({ id, at })),
  };
}
