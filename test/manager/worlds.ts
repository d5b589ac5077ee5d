// Where the manager is tried: a fresh set of stores for each test, under a clock that moves only when the test says so.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect } from "vitest";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { sqliteStores } from "../../src/adapters/sqlite/sqlite-stores.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import type { ManagerOptions } from "../../src/core/settings.ts";
import type { Stores } from "../../src/core/stores.ts";
import { describeWith, type EngineName } from "../engines.ts";
import { faultyStores, type FullStores } from "../faulty-stores.ts";
import { openMixedStores, openPostgresStores } from "../server-stores.ts";

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** When every test begins. */
export const START = Date.parse("2025-01-25T14:30:52.000Z");

/** A time that stands still until it is moved. */
export class TestClock {
  #now = START;
  readonly now = (): number => this.#now;
  /** The time so many ms from now, as conversations show it. */
  iso(ms = 0): string {
    return new Date(this.#now + ms).toISOString();
  }
  pass(ms: number): void {
    this.#now += ms;
  }
}

/** All that a generator gives. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** What a receipt says of when the engines have overwritten it: a time, and null exactly where one of them cannot say. */
export function overwrittenBy({ hot, archive }: FullStores): unknown {
  const times = [hot.capabilities.overwrittenWithinMs, archive.capabilities.overwrittenWithinMs];
  return times.includes(null) ? null : expect.any(String);
}

/** Stores, a clock, and a manager over them. */
export interface World {
  readonly clock: TestClock;
  readonly stores: FullStores;
  readonly manager: ConversationManager;
  /** The types of the events that listeners were told of, in order, for one conversation or for all. */
  readonly told: (id?: string) => string[];
  /** What failed off the request path. */
  readonly failures: unknown[];
  /** Another manager with the same options, over these or other stores. */
  readonly over: (stores?: Stores, options?: ManagerOptions) => ConversationManager;
  /** So much time, then the sweep. */
  readonly pass: (ms: number) => Promise<void>;
  /** Archives it, and lets time pass until the archive alone has it. */
  readonly moveToArchive: (id: string) => Promise<void>;
  /** The events that are kept of a conversation, oldest first. */
  readonly kept: (id: string) => Promise<string[]>;
  /** A manager whose stores fail on every write. */
  readonly readOnly: () => ConversationManager;
  /** Closes the stores before the test ends; otherwise they are closed after it. */
  readonly close: () => Promise<void>;
}

interface Kind {
  readonly name: string;
  /** Servers that it needs. */
  readonly needs?: readonly EngineName[];
  /** `at`: where those servers are, in the same order. `idPrefix`: what the IDs begin with; undefined: as ever. */
  readonly open: (
    clock: () => number,
    at: readonly string[],
    idPrefix: string | undefined,
  ) => Promise<{ stores: FullStores; dispose: () => Promise<void> }>;
}

const KINDS: readonly Kind[] = [
  {
    name: "memory",
    open: async (clock) => ({ stores: memoryStores({ clock }), dispose: async () => {} }),
  },
  {
    // Nothing is in the same commit here: what the archive and the directory know, the outbox has told them.
    name: "memory, hot store apart",
    open: async (clock) => ({ stores: { ...memoryStores({ clock }), hot: memoryStores({ clock }).hot }, dispose: async () => {} }),
  },
  {
    name: "sqlite",
    open: async (clock) => {
      const folder = mkdtempSync(join(tmpdir(), "manager-"));
      const { hot, archive, directory, records } = await sqliteStores({ path: join(folder, "conversations.db"), clock });
      return { stores: { hot, archive, directory, records }, dispose: async () => rmSync(folder, { recursive: true }) };
    },
  },
  {
    name: "postgresql",
    needs: ["postgresql"],
    open: (clock, [at], idPrefix) => openPostgresStores(at!, clock, idPrefix),
  },
  {
    name: "redis before postgresql",
    needs: ["redis", "postgresql"],
    open: (clock, [redisAt, postgresAt], idPrefix) => openMixedStores(redisAt!, postgresAt!, clock, idPrefix),
  },
];

type Declare = (at: readonly string[]) => void;

/** A `describe` for each number of servers that a kind may need. */
const DESCRIBE: readonly ((title: string, needs: readonly EngineName[], declare: Declare) => void)[] = [
  (title, _, declare) =>
    describe.each([{ title }])("$title", () => {
      declare([]);
    }),
  (title, [one], declare) => describeWith(one!, title, (at) => declare([at])),
  (title, [one, two], declare) => describeWith(one!, title, (at) => describeWith(two!, `and ${two}`, (other) => declare([at, other]))),
];

/** Does it at the first call; later ones wait for the same. */
function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  return () => (running ??= run());
}

function worldOver(stores: FullStores, clock: TestClock, options: ManagerOptions, close: () => Promise<void>): World {
  const told: { id: string; type: string }[] = [];
  const failures: unknown[] = [];
  const over: World["over"] = (others = stores, changed = {}) =>
    new ConversationManager(others, {
      environment: "D",
      clock: clock.now,
      sleep: () => new Promise((resolve) => setImmediate(resolve)),
      onEvent: (id, { type }) => told.push({ id, type }),
      onError: (error) => failures.push(error),
      ...options,
      ...changed,
    });
  const manager = over();
  const pass = async (ms: number) => {
    clock.pass(ms);
    await manager.sweep();
  };
  return {
    clock,
    stores,
    manager,
    close,
    failures,
    over,
    pass,
    told: (id) => told.filter((each) => id === undefined || each.id === id).map(({ type }) => type),
    async moveToArchive(id) {
      await manager.archiveConversation(id);
      await pass(25 * HOUR);
    },
    async kept(id) {
      await manager.deliver();
      return (await manager.events(id, { limit: 100 })).data.map(({ event }) => event);
    },
    readOnly: () => {
      const writes = ["create", "commit", "remove", "take", "outbox", "delivered", "put", "erase", "index", "record"];
      return over(faultyStores(stores, ({ method }) => (writes.includes(method) ? "fails" : null)).stores);
    },
  };
}

/** Declares a suite once for each kind of stores. `open` makes a world; what it opened is closed after each test. */
export function onEveryStore(title: string, suite: (open: (options?: ManagerOptions) => Promise<World>, name: string) => void): void {
  const declare = (kind: Kind, at: readonly string[]): void => {
    const opened: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const close of opened.splice(0)) await close();
    });
    suite(async (options = {}) => {
      const clock = new TestClock();
      const idPrefix = options.ids && options.ids.parse(options.ids.generate("D")).prefix;
      const { stores, dispose } = await kind.open(clock.now, at, idPrefix);
      const close = once(async () => {
        await stores.hot.close();
        await stores.archive.close();
        await dispose();
      });
      opened.push(close);
      return worldOver(stores, clock, options, close);
    }, kind.name);
  };
  for (const kind of KINDS) {
    const { name, needs = [] } = kind;
    DESCRIBE[needs.length]!(`${title} (${name})`, needs, (at) => declare(kind, at));
  }
}
