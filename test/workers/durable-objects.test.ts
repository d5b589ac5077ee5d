import { env } from "cloudflare:workers";
import { durableObjectStores, type DurableObjectNamespaceLike } from "../../src/adapters/durable-objects/durable-object-stores.ts";
import { hotStoreCases } from "../../src/conformance/index.ts";
import type { Head } from "../../src/core/head.ts";
import type { HotStore } from "../../src/core/hot-store.ts";
import { runConformance } from "./run-conformance.ts";

/** Cases that look into the outbox although they are about something else. */
const NEED_OUTBOX = [
  "hot store: of 20 creations of one ID at once one is done, and the others are in conflict with it",
  "hot store: commit: of 20 steps from active at once one is done, and the others are refused",
];

const namespace = env["CONVERSATIONS"] as DurableObjectNamespaceLike;

runConformance("durable objects", {
  open: () => durableObjectStores({ namespace }),
  skip: {
    archive: "objects are a hot store; what is over goes to a database",
    directory: "objects cannot be listed, counted or searched; the directory is a database",
    records: "they are beside it; their own suite is in records.test.ts",
    together: "the directory and the archive are another database",
    scan: "objects cannot be listed",
    take: "each object sees to what is due by its own alarm",
    ...Object.fromEntries(NEED_OUTBOX.map((name) => [name, "it looks into the outbox, which each object empties by its own alarm"])),
    outbox: "each object passes on by its own alarm",
    "hot store: once: forgetOnce removes what has ended, at most so many, and answers how many":
      "each object forgets what has ended by its own alarm",
    "hot store: wipe: idempotency entries of the conversation go, and those of others stay":
      "it counts by forgetOnce, which each object does by its own alarm",
  },
});

/** The object of a conversation, whose own store is asked. */
interface OpenObject {
  own<M extends keyof HotStore>(method: M, given: unknown[]): Promise<unknown>;
}

const open = env["OPEN_OBJECTS"] as { getByName(name: string): OpenObject };

/** The stores that objects hold of their own conversations, as one: what cannot be asked in production, a test can. */
function gathered(): HotStore {
  const ids = new Set<string>();
  const ask = <T>(id: string, method: keyof HotStore, ...given: unknown[]) => {
    ids.add(id);
    return open.getByName(id).own(method, given) as Promise<T>;
  };
  /** Asks each in turn until `limit` things are there. */
  async function each<T>(method: keyof HotStore, limit: number, given: (rest: number) => unknown[], order = [...ids]): Promise<T[]> {
    const all: T[] = [];
    for (const id of order) if (all.length < limit) all.push(...(await ask<T[]>(id, method, ...given(limit - all.length))));
    return all;
  }
  const heads = async () =>
    (await Promise.all([...ids].map((id) => ask<[Head | null]>(id, "heads", [id])))).flat().filter((head) => head !== null);

  return {
    ...durableObjectStores({ namespace }).hot,
    read: (id, window) => ask(id, "read", id, window),
    messages: (id, page) => ask(id, "messages", id, page),
    create: (whole, options) => ask(whole.head.id, "create", whole, options),
    commit: (id, change) => ask(id, "commit", id, change),
    remove: (id, ifVersion) => ask(id, "remove", id, ifVersion),
    heads: async (asked) => (await Promise.all(asked.map((id) => ask<[Head | null]>(id, "heads", [id])))).flat(),
    scan: (after, limit) => each("scan", limit, (rest) => [after, rest], [...ids].toSorted()),
    async take(what, before, limit, leaseMs) {
      const at = ({ expiresAt, archivedAt }: Head) => (what === "move" ? archivedAt : expiresAt) ?? Infinity;
      const order = (await heads()).toSorted((a, b) => at(a) - at(b)).map(({ id }) => id);
      return each("take", limit, (rest) => [what, before, rest, leaseMs], order);
    },
    outbox: (limit, leaseMs) => each("outbox", limit, (rest) => [rest, leaseMs]),
    delivered: async (ns) => void (await Promise.all([...ids].map((id) => ask(id, "delivered", ns)))),
    async forgetOnce(now, limit) {
      let removed = 0;
      for (const id of ids) removed += await ask<number>(id, "forgetOnce", now, limit - removed);
      return removed;
    },
  };
}

runConformance("the own stores of objects", {
  open: () => ({ hot: gathered(), archive: null, directory: null, records: null }),
  cases: hotStoreCases,
  skip: { archive: "objects are a hot store", together: "the directory is another database" },
});
