/** The hot store over PostgreSQL: each method is one statement, each write one function of the schema and so one transaction. */
import type { HotCapabilities, HotStore } from "../../core/hot-store.ts";
import { openEngine, type EngineOptions } from "./engine.ts";
import { liveHeads, readLive, readLiveMessages, scanLive } from "./live-reads.ts";
import { commitLive, createLive, removeLive } from "./live-writes.ts";
import { forgetOnce } from "./once.ts";
import { leaseItems, removeItems } from "./outbox.ts";
import type { PgPoolLike } from "./pool.ts";
import { scrubberOf } from "./scrub.ts";
import { takeDue } from "./take.ts";

const CAPABILITIES: HotCapabilities = {
  atomic: true,
  scan: true,
  due: "take",
  latency: "network",
  maxMessageBytes: 64 * 1024 * 1024,
  once: true,
  // The write-ahead log keeps what was wiped until its files are used again, and nobody can say when.
  overwrittenWithinMs: null,
};

/** Everything in which something that is wiped may have stood. */
const TABLES = ["conversation_live", "conversation_messages", "conversation_once", "conversation_outbox"];

const PROBE = { name: "itera-probe", text: "SELECT itera_now_ms($1)::TEXT AS answer" };

/** Options of `postgresHotStore`. */
export interface PostgresHotOptions extends EngineOptions {
  /** False where another engine keeps archive and directory: commits then keep no entries here. True by default. */
  directory?: boolean;
}

/**
 * A hot store over a pool, in the first schema of its search_path, which `itera migrate` has prepared. Closing it leaves the pool open,
 * which is the caller's.
 */
export function postgresHotStore(pool: PgPoolLike, { directory = true, ...options }: PostgresHotOptions = {}): HotStore {
  const engine = openEngine(pool, options);
  const scrubber = scrubberOf(engine, "hot", TABLES);
  return {
    capabilities: CAPABILITIES,

    read: (id, window) => readLive(engine, id, window),
    messages: (id, page) => readLiveMessages(engine, id, page),
    scan: (after, limit) => scanLive(engine, after, limit),
    async probe() {
      return { now: await engine.ask<number>(PROBE, [engine.now()]) };
    },
    scrub: () => scrubber.scrub(),
    close: () => scrubber.stop(),

    create: (whole, options = {}) => createLive(engine, whole, options, directory),
    commit: (id, change) => commitLive(engine, id, change, directory),
    remove: (id, ifVersion) => removeLive(engine, id, ifVersion),
    heads: (ids) => liveHeads(engine, ids),
    take: (what, before, limit, leaseMs) => takeDue(engine, what, before, limit, leaseMs),
    outbox: (limit, leaseMs) => leaseItems(engine, limit, leaseMs),
    delivered: (ns) => removeItems(engine, ns),
    forgetOnce: (now, limit) => forgetOnce(engine, now, limit),
  };
}
