// The Worker in which steps on objects are measured: the objects of ours, those of the yardstick, and routes that run a slice of time.

import { DurableObject } from "cloudflare:workers";
import { ConversationObjectCore } from "../src/adapters/durable-objects/conversation-object.ts";
import type { DurableObjectStateLike } from "../src/adapters/durable-objects/durable-object-state.ts";
import { durableObjectStores, type DurableObjectNamespaceLike } from "../src/adapters/durable-objects/durable-object-stores.ts";
import type { ConversationObjectLike } from "../src/adapters/durable-objects/replies.ts";
import { memoryStores } from "../src/adapters/memory/memory-stores.ts";
import { ConversationManager } from "../src/core/manager.ts";
import { rate } from "./race.ts";
import { CLIENTS, fill, localContest, readyMessages, FILLED, step, UNLIMITED, type Contest, type StepMessage } from "./step.ts";
import { METADATA, SESSION, WINDOW } from "./what-is-said.ts";

const DAY = 86_400_000;
/** What an object passes on later is not part of a step. */
const LATER_MS = DAY;

type Arguments<Method extends keyof ConversationObjectLike> = Parameters<ConversationObjectLike[Method]>;
type Answer<Method extends keyof ConversationObjectLike> = ReturnType<ConversationObjectLike[Method]>;

/** The object of one conversation, as the product has it. */
export class OurObject extends DurableObject<object> {
  readonly #core: ConversationObjectCore;

  constructor(ctx: DurableObjectStateLike, env: object) {
    super(ctx, env);
    this.#core = new ConversationObjectCore(ctx, {
      manager: (hot) => new ConversationManager({ ...memoryStores(), hot }),
      deliverAfterMs: LATER_MS,
    });
  }

  create(...given: Arguments<"create">): Answer<"create"> {
    return this.#core.create(...given);
  }

  commit(...given: Arguments<"commit">): Answer<"commit"> {
    return this.#core.commit(...given);
  }

  alarm(): Promise<void> {
    return this.#core.alarm();
  }
}

const TABLES = `
  CREATE TABLE IF NOT EXISTS state (
    one INTEGER PRIMARY KEY, status TEXT NOT NULL, version INTEGER NOT NULL, last_seq INTEGER NOT NULL, bytes INTEGER NOT NULL,
    created INTEGER NOT NULL, last_activity INTEGER NOT NULL, last_access INTEGER, expires_at INTEGER,
    metadata TEXT NOT NULL, session TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS messages (
    seq INTEGER PRIMARY KEY, stored_at INTEGER NOT NULL, key TEXT NOT NULL, digest TEXT, body TEXT NOT NULL, size INTEGER NOT NULL
  ) STRICT;`;
const READ = "SELECT status, version, last_seq, bytes, expires_at, metadata FROM state";
const INSERT = "INSERT INTO messages VALUES (?, ?, ?, NULL, ?, ?)";
const UPDATE = "UPDATE state SET version = ?, last_seq = ?, bytes = ?, last_activity = ?, last_access = ?, expires_at = ?, session = ?";
const NEWEST = "SELECT body FROM messages WHERE seq > ? ORDER BY seq";

type Row = [status: string, version: number, lastSeq: number, bytes: number, expiresAt: number, metadata: string];

/** The same by hand. */
export class HandObject extends DurableObject<object> {
  readonly #state: DurableObjectStateLike;

  constructor(ctx: DurableObjectStateLike, env: object) {
    super(ctx, env);
    this.#state = ctx;
    ctx.storage.sql.exec(TABLES);
  }

  async add(messages: readonly StepMessage[], metadata: string, session: string): Promise<void> {
    const { sql } = this.#state.storage;
    const now = Date.now();
    this.#state.storage.transactionSync(() => {
      const times = [now, now, now, now + DAY];
      sql.exec("INSERT INTO state VALUES (1, 'active', 1, ?, 0, ?, ?, ?, ?, ?, ?)", messages.length, ...times, metadata, session);
      for (const [i, { key, body, size }] of messages.entries()) sql.exec(INSERT, i + 1, now, key, body, size);
    });
  }

  async step(messages: readonly StepMessage[], session: string): Promise<{ metadata: string; session: string; messages: string[] } | null> {
    const { storage } = this.#state;
    const { sql } = storage;
    return storage.transactionSync(() => {
      const now = Date.now();
      // The cast: the columns of the table above.
      const [status, version, lastSeq, bytes, expiresAt, metadata] = [...sql.exec(READ).raw()][0] as Row;
      if (status !== "active" || expiresAt <= now) return null;
      let [seq, size] = [lastSeq, bytes];
      for (const message of messages) {
        sql.exec(INSERT, ++seq, now, message.key, message.body, message.size);
        size += message.size;
      }
      sql.exec(UPDATE, version + 1, seq, size, now, now, now + 2 * DAY, session);
      const window = [...sql.exec(NEWEST, seq - WINDOW).raw()].map(([body]) => String(body));
      return { metadata, session, messages: window };
    });
  }
}

interface Env {
  OURS: DurableObjectNamespaceLike;
  HAND: { getByName(name: string): HandObject };
}

let calls = 0;
let seen = 0;
let made: Promise<{ contest: Contest; manager: ConversationManager }> | undefined;
const ids = new Map<number, string>();

async function make({ OURS, HAND }: Env): Promise<{ contest: Contest; manager: ConversationManager }> {
  const namespace: DurableObjectNamespaceLike = {
    getByName(name) {
      calls++;
      return OURS.getByName(name);
    },
  };
  const { archive, directory, records } = memoryStores();
  const stores = durableObjectStores({ namespace, archive, directory, records });
  const manager = new ConversationManager(stores, { limits: UNLIMITED });
  const contest = await localContest({
    engine: "an object",
    yardstick: "a hand-written object",
    trips: "calls",
    manager,
    counted: () => calls,
    addHand: (number) => HAND.getByName(`hand-${number}`).add(readyMessages(FILLED), JSON.stringify(METADATA), JSON.stringify(SESSION)),
    async hand(number) {
      const done = await HAND.getByName(`hand-${number}`).step(readyMessages(2), JSON.stringify(SESSION));
      if (done?.messages.length !== WINDOW) throw new Error("the window is wrong");
      seen += Object.keys(JSON.parse(done.metadata) as object).length + Object.keys(JSON.parse(done.session) as object).length;
    },
  });
  return { contest, manager };
}

async function answer(url: URL, env: Env): Promise<number> {
  const number = (name: string): number => Number(url.searchParams.get(name));
  const { contest, manager } = await (made ??= make(env));
  switch (url.pathname) {
    case "/trips":
      return contest.countTrips();
    case "/ours":
      return contest.ours(number("clients"), number("ms"));
    case "/library":
      return contest.library(number("clients"), number("ms"));
    case "/theirs":
      return contest.theirs(number("clients"), number("ms"));
    case "/fill":
      ids.set(number("size"), await fill(manager, number("size")));
      return ids.size;
    case "/at-size": {
      const id = ids.get(number("size"))!;
      return rate(1, number("ms"), () => step(manager, id));
    }
    default:
      throw new Error(`no such route for ${CLIENTS} clients, who have seen ${seen}: ${url.pathname}`);
  }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    try {
      return Response.json(await answer(new URL(request.url), env));
    } catch (error) {
      // The platform's own error says what the store's leaves to it.
      return new Response(`${String(error)}: ${String(error instanceof Error ? error.cause : "")}`, { status: 500 });
    }
  },
};
