import { expect, it } from "vitest";
import { kvStores } from "../../src/adapters/cloudflare-kv/kv-stores.ts";
import { d1Stores } from "../../src/adapters/d1/d1-stores.ts";
import { HOUR, makeHead, makeWhole, MINUTE } from "../../src/conformance/make-conversation.ts";
import type { Archive } from "../../src/core/archive.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import type { KVNamespaceLike } from "../../src/adapters/cloudflare-kv/kv-namespace.ts";
import { D1Double } from "../d1-double.ts";
import { KvProductionDouble } from "../kv-production-double.ts";
import { runConformance } from "./run-conformance.ts";

const START = Date.parse("2025-01-25T14:30:52.000Z");

/** A namespace and a time that moves when it is told to, and by what is waited. */
function world() {
  let now = START;
  const clock = (): number => now;
  const kv = new KvProductionDouble({ clock });
  const pass = (ms: number): void => void (now += ms);
  const sleep = async (ms: number): Promise<void> => pass(ms);
  const managerAt = (place: KVNamespaceLike, archive: Archive | null = null): ConversationManager =>
    new ConversationManager(kvStores({ kv: place, archive, clock, sleep }), { clock });
  return { clock, kv, pass, sleep, managerAt, manager: managerAt(kv) };
}

runConformance("cloudflare-kv with list", {
  open: (clock) => {
    // The engine's rules hold in a time of its own, which moves on by what is waited, and by a little whenever it is asked for.
    let waited = 0;
    const pace = (): number => (waited += 400);
    const sleep = async (ms: number): Promise<void> => void (waited += ms);
    return kvStores({ kv: new KvProductionDouble({ clock: pace }), clock, pace, sleep });
  },
  skip: {
    archive: "KV is a hot store; what is over stays in it, or goes to a database",
    directory: "KV cannot search, count or list by anything but IDs",
    records: "KV cannot compare, so it can claim nothing",
    atomic: "KV cannot compare: between processes the last writer wins",
    once: "KV keeps no idempotency entries",
    outbox: "events stay in the conversation's own value; nobody passes them on",
    together: "there is no directory and no archive beside it",
  },
});

it("a sweep archives in place what has expired, reads no other value, and no conversation is ever written with a TTL", async () => {
  const { kv, manager, pass } = world();
  const old = await manager.createConversation({ messages: [{ role: "user", content: "ciao" }] });
  pass(23 * HOUR);
  for (let i = 0; i < 50; i++) await manager.createConversation();
  pass(HOUR + 2 * MINUTE);
  kv.values.reads.length = 0;
  expect(await manager.sweep()).toEqual({ archived: 1, warned: 0, moved: 0, delivered: 0 });
  expect(new Set(kv.values.reads)).toEqual(new Set([`conv:${old.id}`, "conv:probe"]));
  expect(await manager.peekConversation(old.id)).toMatchObject({ status: "archived", archiveReason: "expired", messageCount: 1 });
  expect(kv.values.writes.filter(({ ttl }) => ttl !== null)).toEqual([]);
  const before = kv.values.reads.length;
  expect(await manager.sweep()).toMatchObject({ archived: 0 });
  expect(kv.values.reads.length - before).toBe(1);
});

it("with an archive behind it what has expired is in the archive first, and then leaves KV", async () => {
  const database = new D1Double();
  const { clock, kv, managerAt, pass } = world();
  const { archive } = d1Stores({ database, clock });
  const manager = managerAt(kv, archive);
  const { id } = await manager.createConversation({ messages: [{ role: "user", content: "ciao" }] });
  pass(24 * HOUR + 2 * MINUTE);
  expect(await manager.sweep()).toMatchObject({ archived: 1 });
  expect((await archive.read(id, Infinity))?.head).toMatchObject({ status: "archived", archiveReason: "expired", lastSeq: 1 });
  expect(kv.values.keys()).toEqual([]);
  const { messageCount } = await manager.appendMessages(id, [{ role: "user", content: "ancora" }]);
  expect(messageCount).toBe(2);
  expect(await manager.peekConversation(id)).toMatchObject({ status: "active", messages: [{ content: "ciao" }, { content: "ancora" }] });
  database.close();
});

it("an archive that is down keeps what has expired in KV, until it is up again", async () => {
  const database = new D1Double();
  const { clock, kv, managerAt, pass } = world();
  const { archive } = d1Stores({ database, clock });
  await archive.probe();
  const manager = managerAt(kv, archive);
  const { id } = await manager.createConversation({ messages: [{ role: "user", content: "ciao" }] });
  pass(24 * HOUR + 2 * MINUTE);
  database.fault = () => new Error("D1_ERROR: Network connection lost.");
  expect(await manager.sweep()).toMatchObject({ archived: 0 });
  expect(kv.values.peek(`conv:${id}`)).toMatchObject({ status: "active" });
  database.fault = () => null;
  pass(2 * MINUTE);
  expect(await manager.sweep()).toMatchObject({ archived: 1 });
  expect((await archive.read(id, 0))?.head.status).toBe("archived");
  database.close();
});

it("what a visitor goes on with elsewhere just before it would expire is not archived by a sweep that sees what was", async () => {
  const { kv, managerAt, pass } = world();
  const here = managerAt(kv.view());
  const there = managerAt(kv.view());
  const { id } = await here.createConversation();
  pass(23 * HOUR);
  await here.sweep();
  pass(HOUR - 5000);
  // Now this place has seen values and keys, and shows them for a minute.
  await here.sweep();
  await here.stores.hot.read(id, 0);
  await there.appendMessages(id, [{ role: "user", content: "un attimo" }]);
  for (let i = 0; i < 10; i++) {
    pass(15_000);
    expect(await here.sweep(), `${i}`).toMatchObject({ archived: 0 });
  }
  expect(await here.peekConversation(id)).toMatchObject({ status: "active", messageCount: 1 });
});

it("says once that a conversation expires within the hour", async () => {
  const { manager, pass } = world();
  await manager.createConversation();
  pass(23 * HOUR + 30 * MINUTE);
  expect(await manager.sweep()).toMatchObject({ warned: 1 });
  pass(MINUTE);
  expect(await manager.sweep()).toMatchObject({ warned: 0 });
});

it("records that tell nothing beside their value are found too: those of older code stay as long as KV has them", async () => {
  const { kv, clock, manager, pass } = world();
  const { id } = makeHead(START);
  const classic = makeHead(START - HOUR).id;
  kv.values.fill(`conv:${id}`, {
    id,
    created: "2025-01-20T10:00:00.000Z",
    lastActivity: "2025-01-20T11:00:00.000Z",
    status: "active",
    messages: [],
  });
  kv.values.fill(`conv:${classic}`, {
    id: classic,
    status: "active",
    expiresAt: new Date(clock() + HOUR).toISOString(),
    messages: [{ role: "user", content: "ciao" }],
  });
  pass(2 * HOUR);
  expect(await manager.sweep()).toMatchObject({ archived: 1 });
  expect(await manager.peekConversation(classic)).toMatchObject({ status: "archived", messageCount: 1 });
  expect(await manager.peekConversation(id)).toMatchObject({ status: "active" });
  kv.values.reads.length = 0;
  await manager.sweep();
  expect(kv.values.reads).toEqual(["conv:probe"]);
});

it("what else lies in the namespace is no conversation, also without a prefix", async () => {
  const { kv, clock, sleep } = world();
  const bare = { id: "fallback_1737815452000_abcdefghi", messages: [] };
  kv.values.fill(bare.id, bare);
  kv.values.fill("conv:settings", { a: 1 });
  kv.values.fill("settings", "text");
  for (const prefix of ["conv:", ""]) {
    const { hot } = kvStores({ kv, clock, sleep, prefix });
    const { head } = makeWhole(START);
    await hot.create({ head, messages: [] });
    expect((await hot.scan(null, 100)).map(({ id }) => id)).toEqual([head.id]);
  }
});

it("pages of a scan hold each conversation once, and cost one list each", async () => {
  const { kv, clock, sleep } = world();
  const { hot } = kvStores({ kv, clock, sleep });
  const wholes = Array.from({ length: 2500 }, (_, i) => makeWhole(START - i * 1000));
  for (const whole of wholes) await hot.create(whole);
  const seen: string[] = [];
  kv.lists = 0;
  for (let after: string | null = null; ;) {
    const page: string[] = (await hot.scan(after, 200)).map(({ id }) => id);
    if (page.length === 0) break;
    seen.push(...page);
    after = page.at(-1)!;
  }
  expect(seen).toEqual(wholes.map(({ head }) => head.id).toSorted());
  expect(kv.lists).toBeLessThanOrEqual(17);
  const another = kvStores({ kv: kv.view(), clock, sleep }).hot;
  expect((await another.scan(seen[1499]!, 3)).map(({ id }) => id)).toEqual(seen.slice(1500, 1503));
});

it("more that is due than one call takes is archived by one sweep", async () => {
  const { manager, pass } = world();
  for (let i = 0; i < 250; i++) await manager.createConversation();
  pass(24 * HOUR + 2 * MINUTE);
  expect(await manager.sweep({ dryRun: true })).toMatchObject({ archived: 250 });
  expect(await manager.sweep()).toMatchObject({ archived: 250 });
  expect(await manager.sweep()).toMatchObject({ archived: 0 });
});

it("a damaged record stands in nobody's way", async () => {
  const { kv, manager, pass } = world();
  const { id } = await manager.createConversation();
  await manager.createConversation();
  pass(24 * HOUR + 2 * MINUTE);
  kv.values.fill(`conv:${id}`, "{");
  expect(await manager.sweep()).toMatchObject({ archived: 1 });
});

it("a write that KV refuses is tried again after a second, with what stands beside it", async () => {
  const { kv, manager } = world();
  const { id } = await manager.createConversation();
  await manager.appendMessages(id, [{ role: "user", content: "subito" }]);
  expect(kv.values.refused).toBe(1);
  expect((await kv.list({ prefix: "conv:" })).keys).toMatchObject([{ name: `conv:${id}`, metadata: { status: "active" } }]);
  expect((await manager.peekConversation(id))?.messageCount).toBe(1);
});
