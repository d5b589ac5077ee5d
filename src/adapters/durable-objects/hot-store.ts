/**
 * The hot store over Durable Objects: each conversation is an object of its own, named by its ID, and every method one call to it. What is
 * due, and what there is to pass on, each object sees to by itself, so that nothing here can list them.
 */
import { NotSupportedError } from "../../core/errors.ts";
import type { StoredMessage, Whole } from "../../core/head.ts";
import type { Change, HotStore } from "../../core/hot-store.ts";
import { call, pause } from "./calls.ts";
import type { DurableObjectNamespaceLike } from "./durable-object-namespace.ts";
import { CAPABILITIES } from "./own-store.ts";
import { packMessages, unpackMessages, type PackedMessages } from "./packed-messages.ts";
import { packWhole, unpackCommitted, unpackWhole, type ConversationObjectLike, type PackedCommitted, type Reply } from "./replies.ts";

/** Options of the hot store. */
export interface DurableObjectHotStoreOptions {
  namespace: DurableObjectNamespaceLike;
  /** Waits before a call that failed is repeated. */
  sleep?: (ms: number) => Promise<void>;
}

/** The object that is asked for its clock. It is no conversation, and stores nothing. */
const PROBE = "probe";

/** The parts of a change that do no more when they come twice. */
const PLAIN = new Set(["now", "require", "window", "touch"]);

/** Whether a change can be asked for twice: it is known by its idempotency key, or is no more than a touch. */
function isRepeatable(change: Change): boolean {
  return change.once !== undefined || Object.keys(change).every((part) => PLAIN.has(part));
}

/** A hot store over a namespace whose class is a `ConversationObject`. */
export function durableObjectHotStore({ namespace, sleep = pause }: DurableObjectHotStoreOptions): HotStore {
  function ask<T>(
    id: string,
    repeatable: boolean,
    method: (object: ConversationObjectLike, again: boolean) => Promise<Reply<T>>,
  ): Promise<T> {
    return call(namespace, id, method, { repeatable, sleep });
  }

  async function head(id: string) {
    return (await ask(id, true, (object) => object.read(id, 0)))?.head ?? null;
  }

  return {
    capabilities: CAPABILITIES,

    async read(id, window) {
      const whole = await ask(id, true, (object) => object.read(id, window));
      return whole && unpackWhole(whole);
    },
    async messages(id, page) {
      const packed = await ask(id, true, (object) => object.messages(id, page));
      return packed && unpackMessages(packed);
    },
    async scan() {
      throw new NotSupportedError("Durable Objects cannot be listed; the directory lists their conversations");
    },

    async create(whole, options = {}) {
      const { copyForMs: _, ...creation } = options;
      const packed = packWhole(whole);
      const { id, incarnation, version } = whole.head;
      const committed = await ask(id, true, async (object, again): Promise<Reply<PackedCommitted>> => {
        const reply = await object.create(packed, creation);
        const answer = "value" in reply ? reply.value : null;
        // The first attempt may have been stored, with its answer lost: then what is there is the very one, as it was given.
        const isOurs =
          again && answer?.outcome === "conflict" && answer.head.incarnation === incarnation && answer.head.version === version;
        if (!isOurs) return reply;
        return { value: { outcome: "done", head: answer.head, placed: [], window: newest(whole, creation.window) } };
      });
      return unpackCommitted(committed);
    },
    async commit(id, change) {
      const { append = [], ...rest } = change;
      const packed = packMessages(append.map((message) => ({ ...message, seq: 0, storedAt: 0 })));
      // Most changes are short, and go as they are.
      const given: [Change, PackedMessages?] = Array.isArray(packed) ? [change] : [rest, packed];
      return unpackCommitted(await ask(id, isRepeatable(change), (object) => object.commit(id, ...given)));
    },
    async remove(id, ifVersion) {
      return ask(id, false, (object) => object.remove(id, ifVersion));
    },
    async heads(ids) {
      return Promise.all(ids.map(head));
    },

    async take() {
      throw new NotSupportedError("Durable Objects see to what is due by themselves");
    },
    async outbox() {
      return [];
    },
    async delivered() {},
    async forgetOnce() {
      return 0;
    },

    async probe() {
      return { now: await ask(PROBE, true, async (object) => ({ value: await object.now() })) };
    },
    async scrub() {
      return true;
    },
    async close() {},
  };
}

function newest({ messages }: Whole, window = 0): StoredMessage[] {
  return window > 0 ? messages.slice(-window) : [];
}
