// A crash, a lost answer or a failure at every single step of every verb: nothing is lost, nothing is doubled, and the rest is done by
// whoever comes next. Each scenario is run once for each call that it makes to a port, with the fault at that call.

import { expect, it } from "vitest";
import { sameWhole } from "../../src/conformance/expectations.ts";
import type { ConversationManager } from "../../src/core/manager.ts";
import { FAULTS, faultyStores, type Fault } from "../faulty-stores.ts";
import { everythingIn } from "./everything-in.ts";
import { collect, HOUR, MINUTE, onEveryStore, type World } from "./worlds.ts";

const CANARY = "canarino";
const SAID = [{ id: "m1", content: CANARY }, { content: "due" }];
const MORE = { content: "tre" };

interface Scenario {
  readonly name: string;
  /** Answers the ID of the conversation, or null if the verb makes it. */
  prepare(world: World): Promise<string | null>;
  act(manager: ConversationManager, id: string | null): Promise<unknown>;
  /** How it reads when the verb has not happened; null: not at all. */
  readonly before: object | null;
  /** How it reads when it has; a text is the code of the error, null: not at all. */
  readonly after: object | string | null;
  /** Its events in the end. */
  readonly events: readonly string[];
  /** In the end it is in the archive alone. */
  readonly moved?: true;
}

const create = async ({ manager }: World) => (await manager.createConversation({ messages: SAID })).id;
const active = { status: "active", messages: SAID };
const archived = { status: "archived", messages: SAID };
const skeleton = { status: "archived", messages: [], metadata: {}, messageCount: 2 };

async function inArchive(world: World): Promise<string> {
  const id = await create(world);
  await world.moveToArchive(id);
  return id;
}

const SCENARIOS: readonly Scenario[] = [
  {
    name: "creating with an idempotency key",
    prepare: async () => null,
    act: (manager) => manager.createConversation({ messages: SAID }, { idempotencyKey: "c1" }),
    before: null,
    after: active,
    events: ["created"],
  },
  {
    name: "appending with an idempotency key",
    prepare: create,
    act: (manager, id) => manager.appendMessages(id!, [MORE], { idempotencyKey: "a1", state: { step: "x" } }),
    before: active,
    after: { status: "active", messages: [...SAID, MORE], metadata: { step: "x" } },
    events: ["created"],
  },
  {
    name: "appending to what has expired",
    prepare: async (world) => {
      const id = await create(world);
      world.clock.pass(30 * HOUR);
      return id;
    },
    act: (manager, id) => manager.appendMessages(id!, [MORE], { idempotencyKey: "a1" }),
    before: archived,
    after: { status: "active", messages: [...SAID, MORE] },
    events: ["created", "archived", "reactivated"],
  },
  {
    name: "appending to what is in the archive alone",
    prepare: inArchive,
    act: (manager, id) => manager.appendMessages(id!, [MORE], { idempotencyKey: "a1" }),
    before: archived,
    after: { status: "active", messages: [...SAID, MORE] },
    events: ["created", "archived", "reactivated"],
  },
  {
    name: "archiving",
    prepare: create,
    act: (manager, id) => manager.archiveConversation(id!),
    before: active,
    after: archived,
    events: ["created", "archived"],
  },
  {
    name: "sweeping what has expired",
    prepare: async (world) => {
      const id = await create(world);
      world.clock.pass(30 * HOUR);
      return id;
    },
    act: (manager) => manager.sweep(),
    before: archived,
    after: archived,
    events: ["created", "archived"],
  },
  {
    name: "moving to the archive",
    prepare: async (world) => {
      const id = await create(world);
      await world.manager.archiveConversation(id);
      world.clock.pass(25 * HOUR);
      return id;
    },
    act: (manager) => manager.sweep(),
    before: archived,
    after: archived,
    events: ["created", "archived"],
    moved: true,
  },
  {
    name: "wiping what is active",
    prepare: create,
    act: (manager, id) => manager.archiveConversation(id!, "gdpr", { preserveData: false }),
    before: active,
    after: skeleton,
    events: ["created", "archived", "wiped"],
  },
  {
    name: "wiping what is in the archive alone",
    prepare: inArchive,
    act: (manager, id) => manager.archiveConversation(id!, "gdpr", { preserveData: false }),
    before: archived,
    after: skeleton,
    events: ["created", "archived", "wiped"],
  },
  {
    name: "erasing what is archived",
    prepare: async (world) => {
      const id = await create(world);
      await world.manager.archiveConversation(id);
      return id;
    },
    act: (manager, id) => manager.eraseConversation(id!),
    before: archived,
    after: "gone",
    events: [],
  },
  {
    name: "erasing what is in the archive alone",
    prepare: inArchive,
    act: (manager, id) => manager.eraseConversation(id!),
    before: archived,
    after: "gone",
    events: [],
  },
  {
    name: "holding what is in the archive alone",
    prepare: inArchive,
    act: (manager, id) => manager.hold(id!, "court"),
    before: archived,
    after: archived,
    events: ["created", "archived", "held"],
  },
  {
    name: "purging",
    prepare: async ({ manager }) => (await manager.importConversation({ created: "2010-01-01", messages: SAID })).id,
    act: (manager) => manager.purge(),
    before: archived,
    after: null,
    events: [],
  },
  {
    name: "importing",
    prepare: async () => null,
    act: (manager) => manager.importConversation({ ref: "1", messages: SAID }),
    before: null,
    after: archived,
    events: ["created", "archived"],
  },
];

async function readOf(world: World, id: string | null): Promise<object | string | null> {
  if (id === null) return (await collect(world.manager.exportConversations()))[0] ?? null;
  return world.manager.peekConversation(id).catch((error: { code: string }) => error.code);
}

/** Before or after, never half, never twice. */
async function expectWhole(world: World, { before, after }: Scenario, id: string | null): Promise<void> {
  const read = await readOf(world, id);
  const matches = [before, after].some((state) => {
    try {
      if (state === null || typeof state === "string") expect(read).toBe(state);
      else expect(read).toMatchObject(state);
      return true;
    } catch {
      return false;
    }
  });
  expect(matches, JSON.stringify(read)).toBe(true);
  const lines = await collect(world.manager.exportConversations());
  expect(lines.length).toBeLessThanOrEqual(1);
  for (const { messages, messageCount } of lines) expect(messages).toHaveLength(messageCount);
}

async function expectFinished(world: World, { after, events, moved }: Scenario, given: string | null): Promise<void> {
  const { manager, stores } = world;
  const read = await readOf(world, given);
  const status = ["archived", "active", "deleted", "completed"] as const;
  const { data } = await manager.listConversations({ status });
  if (after === null) {
    expect(read).toBeNull();
    expect(data).toEqual([]);
    expect(await everythingIn(stores)).not.toContain(CANARY);
    return;
  }
  if (typeof after === "string") {
    expect(read).toBe(after);
    expect(data).toMatchObject([{ id: given, status: "deleted" }]);
    expect(await stores.archive.erased(given!)).toBe(true);
    expect(await everythingIn(stores)).not.toContain(CANARY);
    return;
  }
  expect(read).toMatchObject(after);
  const { id, version, messageCount, status: now, metadata } = read as Awaited<ReturnType<typeof manager.createConversation>>;
  expect(data).toMatchObject([{ id, version, messageCount, status: now }]);
  expect((await world.kept(id)).filter((event) => event !== "expiring")).toEqual(events);
  const [hot, archive] = [await stores.hot.read(id, Infinity), await stores.archive.read(id, Infinity)];
  if (moved) expect(hot).toBeNull();
  if (now === "archived") expect(archive).toMatchObject({ head: { version, status: "archived" } });
  if (hot && now === "archived") sameWhole(archive, hot);
  if ("metadata" in after && Object.keys(metadata).length === 0) expect(await everythingIn(stores)).not.toContain(CANARY);
}

/** Runs it with a fault at one call. False: it makes fewer calls. */
async function runWithFault(world: World, scenario: Scenario, fault: Fault, step: number): Promise<boolean> {
  const id = await scenario.prepare(world);
  await world.manager.deliver();
  const watched = faultyStores(world.stores, ({ index }) => (index === step ? fault : null));
  const attempt = scenario.act(world.over(watched.stores), id).catch(() => {});
  await Promise.race([attempt, watched.dead]);
  if (watched.calls.length <= step) return false;
  await expectWhole(world, scenario, id);
  // What the crash left is picked up when its leases have ended.
  await world.pass(2 * MINUTE);
  await expectWhole(world, scenario, id);
  await scenario.act(world.manager, id);
  await world.pass(2 * MINUTE);
  await expectFinished(world, scenario, id);
  return true;
}

onEveryStore("a fault at any step of", (open, kind) => {
  // The rules are the same on every engine; where opening one takes long, each step has one of the faults, in turn.
  const rounds = kind.startsWith("memory") ? FAULTS.length : 1;
  it.each(SCENARIOS.map((scenario) => [scenario.name, scenario] as const))("%s", async (_, scenario) => {
    let steps = 0;
    for (let round = 0; round < rounds; round++) {
      for (let step = 0, hit = true; hit; step++) {
        const fault = FAULTS[(step + round) % FAULTS.length]!;
        const world = await open();
        try {
          hit = await runWithFault(world, scenario, fault, step);
        } catch (error) {
          throw new Error(`${fault} at call ${step}`, { cause: error });
        } finally {
          await world.close();
        }
        if (hit) steps += 1;
      }
    }
    expect(steps).toBeGreaterThanOrEqual(rounds);
  });
});
