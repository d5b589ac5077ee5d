// Overwriting what was wiped: Redis frees its memory at once, but its files keep old commands and states until they are written anew.

import type { Engine } from "./engine.ts";
import { replyCode } from "./redis-errors.ts";

/** What the server's files ask for. */
export interface Files {
  /** Commands are logged, states are saved. */
  appendOnly: boolean;
  snapshots: boolean;
  /** This user may have both written anew, and can see when it is done. */
  rewritable: boolean;
}

/** Overwrites what was wiped. */
export interface Scrubber {
  readonly overwrittenWithinMs: number | null;
  /** True: nothing is left to do. False: a file is being written, or was so a short while ago; ask again later. */
  scrub(): Promise<boolean>;
}

/** A rewrite writes all data there are: not more often than this, whatever is wiped meanwhile. */
const BETWEEN_REWRITES_MS = 10 * 60_000;

/** Once begun, a rewrite is given so long. */
const REWRITE_MS = 20 * 60_000;

const POLL_MS = 100;
const POLLS = 10;

/** The fields of an answer of INFO. */
export function infoOf(text: unknown): Map<string, string> {
  const lines = String(text).split(/\r?\n/);
  return new Map(
    lines.flatMap((line) => (line.includes(":") ? [[line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]] : [])),
  );
}

/** A scrubber for servers with these files. */
export function scrubberOver(engine: Engine, files: Files): Scrubber {
  const { keys } = engine;
  let lastRewrite: number | null = null;

  async function unfinished(): Promise<boolean> {
    const infos = (await engine.sendToAll(["INFO", "persistence"])).map(infoOf);
    return infos.some((info) =>
      ["aof_rewrite_in_progress", "aof_rewrite_scheduled", "rdb_bgsave_in_progress"].some((name) => info.get(name) === "1"),
    );
  }

  async function failed(): Promise<boolean> {
    const infos = (await engine.sendToAll(["INFO", "persistence"])).map(infoOf);
    return infos.some(
      (info) =>
        (files.appendOnly && info.get("aof_last_bgrewrite_status") !== "ok") ||
        (files.snapshots && info.get("rdb_last_bgsave_status") !== "ok"),
    );
  }

  async function rest(): Promise<boolean> {
    for (let i = 0; i < POLLS; i++) {
      if (!(await unfinished())) return true;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return false;
  }

  /** Begins to write one kind of file anew on every server. False: something else is being written. */
  async function began(command: string): Promise<boolean> {
    if (await unfinished()) return false;
    try {
      await engine.sendToAll([command]);
    } catch (error) {
      // Another process has begun in between: a rewrite of which it is not known what it holds.
      if (replyCode(error) === "ERR") return false;
      throw error;
    }
    return rest();
  }

  return {
    overwrittenWithinMs: !files.appendOnly && !files.snapshots ? 0 : files.rewritable ? BETWEEN_REWRITES_MS + REWRITE_MS : null,

    async scrub() {
      const noted = (await engine.ofEach(({ items }) => ["HGET", items, "wiped"])) as (string | null)[];
      const wiped = noted.flatMap((at, bucket) => (at === null ? [] : [[at, keys.ofBucket[bucket]!.items] as const]));
      if (wiped.length === 0) return true;
      if (files.appendOnly || files.snapshots) {
        if (!files.rewritable) return true;
        const now = Date.now();
        if (lastRewrite !== null && now - lastRewrite < BETWEEN_REWRITES_MS) return false;
        if (files.appendOnly && !(await began("BGREWRITEAOF"))) return false;
        if (files.snapshots && !(await began("BGSAVE"))) return false;
        if (await failed()) return false;
        lastRewrite = now;
      }
      await Promise.all(wiped.map(([at, items]) => engine.run("forgetWiped", [items], [at])));
      return true;
    },
  };
}
