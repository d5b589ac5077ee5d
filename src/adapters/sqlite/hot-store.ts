// The hot store over SQLite: what callers give becomes texts and flat arrays, the workers do the rest.

import type { Head } from "../../core/head.ts";
import type { Change, Committed, HotCapabilities, HotStore } from "../../core/hot-store.ts";
import type { Engine } from "./engine.ts";
import { headOf, rowOf } from "./head-row.ts";
import { inOrder, liveHeads, readLive, readLiveMessages, TOO_LONG } from "./live-reads.ts";
import type { CommitReply } from "./live-writes.ts";
import { flatten, flattenNew, inflate } from "./message-rows.ts";
import { itemOf } from "./outbox.ts";
import type { Row } from "./connection.ts";

/** So many heads are looked up on the calling thread. */
const SHORT_HEADS = 100;

/** Within this time the sweep's `scrub` has overwritten what was wiped, unless somebody reads without a pause. */
export const OVERWRITTEN_WITHIN_MS = 5 * 60_000;

const CAPABILITIES: HotCapabilities = {
  atomic: true,
  scan: true,
  due: "take",
  latency: "local",
  maxMessageBytes: 64 * 1024 * 1024,
  once: true,
  overwrittenWithinMs: OVERWRITTEN_WITHIN_MS,
};

function committed(reply: CommitReply): Committed {
  switch (reply[0]) {
    case "done":
    case "replayed": {
      const [outcome, row, flat, window] = reply;
      const placed = [];
      for (let i = 0; i < flat.length; i += 2) placed.push({ seq: flat[i]!, storedAt: flat[i + 1]! });
      return { outcome, head: headOf(row), placed, window: inflate(window) };
    }
    case "conflict":
    case "refused":
    case "full":
      return { outcome: reply[0], head: headOf(reply[1]) };
    case "absent":
    case "key-reused":
      return { outcome: reply[0] };
    case "message-conflict":
      return { outcome: reply[0], key: reply[1] };
  }
}

/** A row of one head among several: one that is damaged counts as not there, so that the others are answered. */
function readable(row: Row | null): Head | null {
  try {
    return row && headOf(row);
  } catch {
    return null;
  }
}

/** A hot store over an engine. */
export function sqliteHotStore(engine: Engine): HotStore {
  return {
    capabilities: CAPABILITIES,

    async read(id, window) {
      const here = engine.local((connection) => readLive(connection, id, window));
      if (here !== TOO_LONG) return here;
      const far = await engine.far("longLive", id, window);
      return far && { head: headOf(far[0]), messages: inflate(far[1]) };
    },

    async messages(id, page) {
      const here = engine.local((connection) => readLiveMessages(connection, id, page));
      if (here !== TOO_LONG) return here;
      const far = await engine.far("longLive", id, page);
      return far && inOrder(inflate(far[1]), page);
    },

    async scan(after, limit) {
      return (await engine.far("scanLive", after, limit)).map(headOf);
    },

    async probe() {
      return engine.probe();
    },

    async scrub() {
      return engine.scrub();
    },

    close: () => engine.close(),

    async create(whole, { events = [], once, window = 0 } = {}) {
      const messages = flatten(whole.messages);
      const reply = await engine.write(
        "create",
        whole.head.bytes,
        rowOf(whole.head),
        messages,
        JSON.stringify(events),
        once ?? null,
        window,
      );
      return committed(reply);
    },

    async commit(id, change) {
      const { append = [], metadata, session, ...rest } = change;
      const metadataText = metadata === undefined ? null : JSON.stringify(metadata);
      const sessionText = session === undefined ? null : JSON.stringify(session);
      let weight = (metadataText?.length ?? 0) + (sessionText?.length ?? 0);
      for (const { body } of append) weight += body.length;
      const text = JSON.stringify(rest satisfies Change);
      return committed(await engine.write("commit", weight, id, text, metadataText, sessionText, flattenNew(append)));
    },

    async remove(id, ifVersion) {
      return engine.write("remove", 0, id, ifVersion);
    },

    async heads(ids) {
      const rows =
        ids.length <= SHORT_HEADS ? engine.local((connection) => liveHeads(connection, ids)) : await engine.far("liveHeads", ids);
      return ids.length === 1 ? rows.map((row) => row && headOf(row)) : rows.map(readable);
    },

    async take(what, before, limit, leaseMs) {
      for (;;) {
        const rows = await engine.write("take", 0, what, before, limit, leaseMs);
        if (rows !== null) return rows.map(headOf);
      }
    },

    async outbox(limit, leaseMs) {
      return (await engine.write("outbox", 0, limit, leaseMs)).map((row) => itemOf(row, engine.databaseId));
    },

    async delivered(ns) {
      await engine.write("delivered", 0, ns);
    },

    async forgetOnce(now, limit) {
      return engine.write("forgetOnce", 0, now, limit);
    },
  };
}
