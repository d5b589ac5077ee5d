// The hot store over Redis: what callers give becomes texts, one script does each commit, what it answers becomes heads and messages.

import { StoredDataError } from "../../core/errors.ts";
import type { Committed, HotCapabilities, HotStore } from "../../core/hot-store.ts";
import { changeArguments, eventTexts, windowText } from "./change-arguments.ts";
import type { Engine } from "./engine.ts";
import { firstOfAll } from "./first-of-all.ts";
import { HEAD_FIELDS, headOf, readableHead, textsOf, type HeadTexts } from "./head-core.ts";
import { digestText, keyText, messageText, messageOf, messagesOf } from "./message-texts.ts";
import { forgetOnce } from "./once.ts";
import { outboxItems, removeDelivered } from "./outbox.ts";
import type { Scrubber } from "./scrub.ts";
import { takeDue } from "./take.ts";

/** No message may be larger: its text travels inside one command, together with others. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** What the scripts of `create` and `commit` answer. Of a repeated creation the texts of the head are JSON. */
type Reply =
  | [outcome: "done" | "replayed", ...head: HeadTexts, placed: string, lastSeq: number, window: string[]]
  | [outcome: "created before", head: string, lastSeq: number, window: string[]]
  | [outcome: "conflict" | "refused" | "full", ...head: HeadTexts]
  | [outcome: "absent" | "key-reused" | "damaged"]
  | [outcome: "message-conflict", key: string];

function committed(id: string, reply: Reply): Committed {
  switch (reply[0]) {
    case "done":
    case "replayed": {
      const [outcome, core, metadata, session, placed, lastSeq, window] = reply;
      const places = placed === "" ? [] : placed.split(",").map((place) => place.split(" ").map(Number) as [number, number]);
      return {
        outcome,
        head: headOf(id, core, metadata, session),
        placed: places.map(([seq, storedAt]) => ({ seq, storedAt })),
        window: messagesOf(id, lastSeq, window),
      };
    }
    case "created before": {
      const [, texts, lastSeq, window] = reply;
      return {
        outcome: "replayed",
        head: headOf(id, ...(JSON.parse(texts) as HeadTexts)),
        placed: [],
        window: messagesOf(id, lastSeq, window),
      };
    }
    case "conflict":
    case "refused":
    case "full":
      return { outcome: reply[0], head: headOf(id, reply[1], reply[2], reply[3]) };
    case "absent":
    case "key-reused":
      return { outcome: reply[0] };
    case "message-conflict":
      return { outcome: reply[0], key: JSON.parse(reply[1]) as string };
    case "damaged":
      throw new StoredDataError(`The stored state of conversation ${id} cannot be read; restore this conversation from a backup`);
  }
}

/** A hot store over an engine. */
export function redisHotStore(engine: Engine, scrubber: Scrubber): HotStore {
  const { keys } = engine;
  const capabilities: HotCapabilities = {
    atomic: true,
    scan: true,
    due: "take",
    latency: "network",
    maxMessageBytes: MAX_MESSAGE_BYTES,
    once: true,
    overwrittenWithinMs: scrubber.overwrittenWithinMs,
  };

  // The casts of this function: what the scripts answer.
  return {
    capabilities,

    async read(id, window) {
      const { head, messages } = keys.ofConversation(id);
      const found = (await engine.run("read", [head, messages], [windowText(window)])) as [HeadTexts, number, string[]] | null;
      return found && { head: headOf(id, ...found[0]), messages: messagesOf(id, found[1], found[2]) };
    },

    async messages(id, { after = 0, before = Infinity, limit, order }) {
      const { head, messages } = keys.ofConversation(id);
      const args = [String(Math.max(1, after + 1)), windowText(before - 1), windowText(limit), order];
      const found = (await engine.run("messages", [head, messages], args)) as [number, string[]] | null;
      if (!found) return null;
      const stretch = found[1].map((text, i) => messageOf(id, found[0] + i, text));
      return order === "desc" ? stretch.toReversed() : stretch;
    },

    async scan(after, limit) {
      const buckets = keys.ofBucket.map((_, bucket) => bucket);
      const found = await firstOfAll<string>(
        buckets,
        limit,
        (a, b) => (a < b ? -1 : Number(a > b)),
        async (bucket, count) => {
          const { ids } = keys.ofBucket[bucket]!;
          const start = after === null ? "-" : `(${after}`;
          return (await engine.send(ids, ["ZRANGEBYLEX", ids, start, "+", "LIMIT", "0", String(count)])) as string[];
        },
      );
      const heads = await this.heads(found.map(({ item }) => item));
      return heads.filter((head) => head !== null);
    },

    async probe() {
      return { now: await engine.now() };
    },

    scrub: () => scrubber.scrub(),

    // The client is its owner's to close.
    async close() {},

    async create(whole, { events = [], once, window = 0 } = {}) {
      const { id } = whole.head;
      const { head, messages, places, once: entries, bucket } = keys.ofConversation(id);
      const { ids, expire, warn, move, leases, ends, outbox, items } = bucket;
      const texts = textsOf(whole.head);
      const stored = whole.messages.map((message) => messageText(message, message.storedAt));
      const placed = whole.messages.flatMap(({ key, digest, seq, storedAt }) =>
        digest === null ? [] : [keyText(key), `${seq} ${storedAt} ${digestText(digest)}`],
      );
      const entry = once
        ? [JSON.stringify(once.key), JSON.stringify(once.fingerprint), String(once.until), JSON.stringify(texts)]
        : ["", "", "", ""];
      const reply = await engine.write(
        "create",
        [head, messages, places, entries, ids, expire, warn, move, leases, ends, outbox, items],
        [
          id,
          engine.clockText(),
          windowText(window),
          String(stored.length),
          String(placed.length / 2),
          String(events.length),
          ...entry,
          ...texts,
        ].concat(stored, placed, eventTexts(events)),
      );
      return committed(id, reply as Reply);
    },

    async commit(id, change) {
      const { head, messages, places, once, bucket } = keys.ofConversation(id);
      const { expire, warn, move, leases, ends, outbox, items } = bucket;
      const reply = await engine.write(
        "commit",
        [head, messages, places, once, expire, warn, move, leases, ends, outbox, items],
        [id, ...changeArguments(change, engine.clockText())],
      );
      return committed(id, reply as Reply);
    },

    async remove(id, ifVersion) {
      const { head, messages, places, once, bucket } = keys.ofConversation(id);
      const { ids, expire, warn, move, leases, ends } = bucket;
      const script = [head, messages, places, once, ids, expire, warn, move, leases, ends];
      return (await engine.write("remove", script, [id, String(ifVersion)])) === 1;
    },

    async heads(ids) {
      const values = await Promise.all(
        ids.map((id) => {
          const { head } = keys.ofConversation(id);
          return engine.send(head, ["HMGET", head, ...HEAD_FIELDS]) as Promise<(string | null)[]>;
        }),
      );
      return values.map((value, i) => {
        if (value[0] === null) return null;
        return ids.length === 1 ? headOf(ids[i]!, value[0], value[1], value[2]) : readableHead(ids[i]!, value);
      });
    },

    take: (what, before, limit, leaseMs) => takeDue(engine, what, before, limit, leaseMs),
    outbox: (limit, leaseMs) => outboxItems(engine, limit, leaseMs),
    delivered: (ns) => removeDelivered(engine, ns),
    forgetOnce: (now, limit) => forgetOnce(engine, now, limit),
  };
}
