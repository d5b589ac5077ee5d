/** The archive over PostgreSQL: a transcript and the entry of its conversation are one row, and each method is one statement. */
import type { Archive, Erasure, PurgeResult } from "../../core/archive.ts";
import type { Head } from "../../core/head.ts";
import type { MessagePage } from "../../core/store.ts";
import { openEngine, type EngineOptions } from "./engine.ts";
import { partitionKeeper } from "./partitions.ts";
import type { PgPoolLike } from "./pool.ts";
import { scrubberOf } from "./scrub.ts";
import { entriesOf, storedMessages, transcriptOf, type MessageCells } from "./transcript.ts";

/** Everything in which something that is erased may have stood. */
const TABLES = ["conversations", "conversation_texts", "conversation_events"];

/** More messages than any conversation has. */
const ALL = 2 ** 31 - 1;

// The newest $2 messages; none of the transcript is touched for none.
const READ = {
  name: "itera-archive-read",
  text: `
    SELECT json_build_array(
      coalesce(c.archived_head, itera_head(c)),
      itera_stretch(c.messages, c.entries, greatest(its.last_seq - $2::INTEGER + 1, 1), its.last_seq)
    )::TEXT AS answer
    FROM conversations c
    CROSS JOIN LATERAL (SELECT coalesce((c.archived_head ->> 'lastSeq')::INTEGER, c.message_count) AS last_seq) its
    WHERE c.id = $1 AND c.archived_version IS NOT NULL`,
};

// From $2 to before $3, at most $4 of them: the first, or ($5) the last. With the time of the conversation's last activity.
const PAGE = {
  name: "itera-archive-messages",
  text: `
    SELECT json_build_array(
      itera_ms(c.last_activity),
      itera_stretch(
        c.messages, c.entries,
        CASE WHEN $5 THEN greatest($2::BIGINT, its.last_seq - $4::BIGINT + 1) ELSE $2::BIGINT END::INTEGER,
        CASE WHEN $5 THEN its.last_seq ELSE least(its.last_seq, $2::BIGINT + $4::BIGINT - 1) END::INTEGER
      )
    )::TEXT AS answer
    FROM conversations c
    CROSS JOIN LATERAL (
      SELECT least(coalesce((c.archived_head ->> 'lastSeq')::BIGINT, c.message_count), $3::BIGINT - 1) AS last_seq
    ) its
    WHERE c.id = $1 AND c.archived_version IS NOT NULL`,
};

const SCAN = {
  name: "itera-archive-scan",
  text: `
    SELECT coalesce(json_agg(page.head ORDER BY page.id), '[]')::TEXT AS answer FROM (
      SELECT c.id, coalesce(c.archived_head, itera_head(c)) AS head FROM conversations c
      WHERE c.id > $1 AND c.archived_version IS NOT NULL ORDER BY c.id LIMIT $2
    ) page`,
};

const PUT = { name: "itera-archive-put", text: "SELECT to_json(itera_put($1::JSONB, $2::JSONB, $3::JSONB, $4))::TEXT AS answer" };
const ERASE = { name: "itera-archive-erase", text: "SELECT itera_erase($1, $2, $3)::TEXT AS answer" };
const ERASURES = {
  name: "itera-archive-erasures",
  text: `
    SELECT coalesce(json_agg(json_build_object('n', log.n, 'id', log.id, 'at', itera_ms(log.at)) ORDER BY log.n), '[]')::TEXT AS answer
    FROM (SELECT e.n, e.id, e.at FROM conversation_erasures e WHERE e.n > $1 ORDER BY e.n LIMIT $2) log`,
};
const ERASED = { name: "itera-archive-erased", text: "SELECT itera_is_erased($1)::TEXT AS answer" };
const PURGE = { name: "itera-archive-purge", text: "SELECT itera_purge($1, $2, $3)::TEXT AS answer" };
const PROBE = { name: "itera-archive-probe", text: "SELECT itera_ms(itera_now($1))::TEXT AS answer" };

/** A seq as a number that PostgreSQL takes. */
function bounded(seq: number): number {
  return Math.min(Math.max(Math.ceil(seq), 0), ALL);
}

/**
 * An archive over a pool, in the first schema of its search_path, which `itera migrate` has prepared. Its writes change the directory's
 * entry too. `purge` drops a month of which all may go whole, however many conversations it holds: then it answers more than `limit`.
 * Closing it leaves the pool open, which is the caller's.
 */
export function postgresArchive(pool: PgPoolLike, options: EngineOptions = {}): Archive {
  const engine = openEngine(pool, options);
  const scrubber = scrubberOf(engine, "archive", TABLES);
  const keeper = partitionKeeper(engine);
  return {
    // The files of the write-ahead log and the freed space of a table keep what was there until they are used again: nobody can say when.
    capabilities: { maxMessageBytes: 64 * 1024 * 1024, overwrittenWithinMs: null },

    async read(id, window) {
      const found = await engine.ask<[Head, MessageCells[]] | null>(READ, [id, bounded(window)]);
      return found && { head: found[0], messages: storedMessages(found[1], found[0].lastActivity) };
    },

    async messages(id, { after = 0, before = Infinity, limit, order }: MessagePage) {
      const values = [id, bounded(after + 1), bounded(before), bounded(limit), order === "desc"];
      const found = await engine.ask<[lastActivity: number, MessageCells[]] | null>(PAGE, values);
      if (found === null) return null;
      const messages = storedMessages(found[1], found[0]);
      return order === "desc" ? messages.toReversed() : messages;
    },

    scan: (after, limit) => engine.ask<Head[]>(SCAN, [after ?? "", limit]),
    async probe() {
      return { now: await engine.ask<number>(PROBE, [engine.now()]) };
    },
    scrub: () => scrubber.scrub(),
    close: () => scrubber.stop(),

    put: ({ head, messages }, { replace } = {}) =>
      engine.ask<"stored" | "older" | "erased">(PUT, [
        JSON.stringify(head),
        transcriptOf(head.id, messages),
        entriesOf(messages),
        replace === true,
      ]),
    erase: (id, { at, by }) => engine.ask<{ removed: number } | "held">(ERASE, [id, at, by]),
    erasures: (after, limit) => engine.ask<Erasure[]>(ERASURES, [after, limit]),
    erased: (id) => engine.ask<boolean>(ERASED, [id]),
    async purge(before, limit, dryRun) {
      const result = await engine.ask<PurgeResult>(PURGE, [before, limit, dryRun]);
      // The end of a purge: a month that is about to go is not made first.
      if (!dryRun && result.rows === 0) await keeper.keepUp();
      return result;
    },
  };
}
