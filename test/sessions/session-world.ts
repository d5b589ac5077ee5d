// Where sessions are tried: stores that can be away or lose an answer, and a place for bare sessions that keeps Cloudflare's rule for TTLs.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe } from "vitest";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { sqliteStores } from "../../src/adapters/sqlite/sqlite-stores.ts";
import type { Conversation, Message } from "../../src/core/conversation.ts";
import { ConversationIDGenerator } from "../../src/core/id.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import type { ManagerOptions } from "../../src/core/settings.ts";
import { createSessionStore, type BareSessions, type SessionStore, type SessionStoreOptions } from "../../src/sessions/index.ts";
import { faultyStores, isWrite, type Call, type Fault, type FullStores } from "../faulty-stores.ts";
import { HOUR, START, TestClock } from "../manager/worlds.ts";

/** Bare sessions in a map. A put without a TTL of whole seconds, 60 at least, is refused. */
export class BareDouble implements BareSessions {
  readonly writes: string[] = [];
  /** What an operation throws, before it has any effect; null: nothing. */
  fault: (what: "get" | "put" | "delete", key: string) => Error | null = () => null;
  readonly #clock: () => number;
  readonly #stored = new Map<string, { value: string; endsAt: number }>();

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  async get(key: string): Promise<string | null> {
    await this.#door("get", key);
    return this.text(key);
  }

  async put(key: string, value: string, options: { expirationTtl?: number } = {}): Promise<void> {
    await this.#door("put", key);
    const ttl = options.expirationTtl;
    if (ttl === undefined || !Number.isInteger(ttl) || ttl < 60) throw new Error(`400 Invalid expiration_ttl of ${ttl}`);
    this.writes.push(key);
    this.#stored.set(key, { value, endsAt: this.#clock() + ttl * 1000 });
  }

  async delete(key: string): Promise<void> {
    await this.#door("delete", key);
    this.#stored.delete(key);
  }

  /** What is stored, without an operation. */
  text(key: string): string | null {
    const stored = this.#stored.get(key);
    return stored && stored.endsAt > this.#clock() ? stored.value : null;
  }

  value(key: string): Record<string, unknown> | null {
    const text = this.text(key);
    return text === null ? null : (JSON.parse(text) as Record<string, unknown>);
  }

  /** Stores something as another program would. */
  fill(key: string, value: unknown): void {
    this.#stored.set(key, { value: typeof value === "string" ? value : JSON.stringify(value), endsAt: Infinity });
  }

  keys(): string[] {
    return [...this.#stored.keys()].filter((key) => this.text(key) !== null);
  }

  secondsLeft(key: string): number {
    return ((this.#stored.get(key)?.endsAt ?? 0) - this.#clock()) / 1000;
  }

  async #door(what: "get" | "put" | "delete", key: string): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    const error = this.fault(what, key);
    if (error) throw error;
  }
}

/** Session stores over one set of stores, and what happens to them. */
export interface Sessions {
  readonly clock: TestClock;
  readonly bare: BareDouble;
  /** Reads and changes what is stored, whatever happens to the sessions' own stores. */
  readonly manager: ConversationManager;
  readonly stores: FullStores;
  /** IDs in the right form that nobody has used. */
  readonly unknownId: string;
  readonly fallbackId: string;
  /** The types of all events, in order. */
  readonly told: string[];
  /** What was survived: the sentences of errors, and during what. */
  readonly survived: string[];
  readonly calls: readonly Call[];
  /** What happens at the next calls of session stores to the ports. */
  fault: (call: Call) => Fault | null;
  /** Another process: a session store of its own over the same stores. */
  open: (options?: SessionStoreOptions) => SessionStore;
  down: () => void;
  /** The next write happens, and its answer is lost; after that the store is away. */
  loseNextAnswer: () => void;
  up: () => void;
  /** The `content` of what is stored in a conversation, in order. */
  said: (id: string) => Promise<string[]>;
  read: (id: string) => Promise<Conversation>;
  /** All conversations that sessions began, without those that hold nothing or were erased. */
  conversations: () => Promise<Conversation[]>;
  /** Archives it, and lets time pass until the archive alone has it. */
  moveToArchive: (id: string) => Promise<void>;
  /** So much time, then the sweep. */
  pass: (ms: number) => Promise<void>;
}

/** A message. */
export function user(content: string): Message {
  return { role: "user", content };
}

/** The `content` of messages. */
export function textsIn(messages: readonly Message[]): string[] {
  return messages.map(({ content }) => content as string);
}

/** A copy as it comes back from a browser or a cache: equal, and another object. */
export function copyOf<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

function sessionsOver(stores: FullStores, clock: TestClock, options: ManagerOptions): Sessions {
  const bare = new BareDouble(clock.now);
  const survived: string[] = [];
  const told: string[] = [];
  const watched = faultyStores(stores, (call) => sessions.fault(call));
  const managerOver = (others: FullStores) =>
    new ConversationManager(others, {
      environment: "D",
      clock: clock.now,
      sleep: () => new Promise((resolve) => setImmediate(resolve)),
      onEvent: (_, { type }) => told.push(type),
      ...options,
    });
  const manager = managerOver(stores);
  const reached = managerOver(watched.stores);
  const none = () => null;
  const pass = async (ms: number) => {
    clock.pass(ms);
    await manager.sweep();
  };
  const sessions: Sessions = {
    clock,
    bare,
    manager,
    stores,
    // Unique: some stores are shared by all tests of a suite, and remember.
    unknownId: ConversationIDGenerator.generate("D", { now: Date.parse("2024-02-29T12:00:00Z") }),
    fallbackId: `fallback_${START}_${ConversationIDGenerator.generate().slice(22, 31).toLowerCase()}`,
    told,
    survived,
    calls: watched.calls,
    fault: none,
    open: (more = {}) =>
      createSessionStore(reached, {
        bare,
        clock: clock.now,
        onError: (error, during) => survived.push(`${during}: ${error instanceof Error ? error.message : String(error)}`),
        ...more,
      }),
    down() {
      sessions.fault = () => "fails";
    },
    loseNextAnswer() {
      let lost = false;
      sessions.fault = (call) => {
        if (lost) return "fails";
        lost = isWrite(call);
        return lost ? "loses the answer" : null;
      };
    },
    up() {
      sessions.fault = none;
    },
    async said(id) {
      return textsIn((await sessions.read(id)).messages);
    },
    async read(id) {
      const conversation = await manager.peekConversation(id);
      if (!conversation) throw new Error(`${id} is not there`);
      return conversation;
    },
    async conversations() {
      const created = watched.calls
        .filter(({ method }) => method === "create")
        .map(({ args }) => (args[0] as { head: { id: string } }).head.id);
      const all: Conversation[] = [];
      for (const id of new Set(created)) {
        const there = await manager.peekConversation(id).catch(none);
        if (there && there.messages.length > 0) all.push(there);
      }
      return all;
    },
    async moveToArchive(id) {
      await manager.archiveConversation(id);
      await pass(25 * HOUR);
    },
    pass,
  };
  return sessions;
}

/** Opens stores for a test. */
type Opening = (clock: TestClock) => Promise<FullStores>;

/** A database that the tests of a suite share: opening one takes longer than a test. Each brings its own clock. */
function sharedSqlite(): { open: Opening; close(): Promise<void> } {
  let clock = new TestClock();
  let folder: string | null = null;
  let opened: ReturnType<typeof sqliteStores> | null = null;
  return {
    async open(own) {
      clock = own;
      // Not before a test asks: a suite that is left out leaves nothing behind.
      folder ??= mkdtempSync(join(tmpdir(), "sessions-"));
      opened ??= sqliteStores({ path: join(folder, "conversations.db"), clock: () => clock.now() });
      const { hot, archive, directory, records } = await opened;
      return { hot, archive, directory, records };
    },
    async close() {
      await (await opened)?.close();
      if (folder !== null) rmSync(folder, { recursive: true });
    },
  };
}

/** Declares a suite of sessions once for each kind of stores. */
export function sessionsOnEveryStore(title: string, suite: (open: (options?: ManagerOptions) => Promise<Sessions>) => void): void {
  const declare = (open: Opening) =>
    suite(async (options = {}) => {
      const clock = new TestClock();
      return sessionsOver(await open(clock), clock, options);
    });
  describe(`${title} (memory)`, () => {
    declare(async (clock) => memoryStores({ clock: clock.now }));
  });
  describe(`${title} (sqlite)`, () => {
    const shared = sharedSqlite();
    afterAll(() => shared.close());
    declare(shared.open);
  });
}
