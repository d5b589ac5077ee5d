/** Reads of live conversations, each one statement and so one moment of the database. */
import type { Head, StoredMessage, Whole } from "../../core/head.ts";
import type { MessagePage } from "../../core/store.ts";
import type { Engine } from "./engine.ts";
import { headOf, readableHeadOf, type HeadRow } from "./head-row.ts";
import { textArray } from "./pg-array.ts";
import { messagesOf, whole, type MessageRow } from "./message-rows.ts";

const READ = {
  name: "itera-live-read",
  text: `
    SELECT json_build_array(itera_live_head(l), CASE WHEN $2::INTEGER > 0 THEN (
        SELECT json_agg(json_build_array(m.seq, m.stored_at, m.key, m.digest, m.body, m.size) ORDER BY m.seq)
          FROM conversation_messages m WHERE m.n = l.n AND m.seq > l.last_seq - $2::INTEGER
      ) END)::TEXT AS answer
      FROM conversation_live l WHERE l.id = $1`,
};

// The seqs have no gap, so both ends of a page are known before its messages are looked at. $2: after, $3: before; $4: how many of the
// newest before that end, or null.
const PAGE = {
  name: "itera-live-page",
  text: `
    SELECT (
        SELECT coalesce(json_agg(json_build_array(m.seq, m.stored_at, m.key, m.digest, m.body, m.size) ORDER BY m.seq), '[]')
          FROM conversation_messages m
          WHERE m.n = l.n AND m.seq > greatest($2::INTEGER, least($3::INTEGER - 1, l.last_seq) - $4::INTEGER) AND m.seq < $3::INTEGER
      )::TEXT AS answer
      FROM conversation_live l WHERE l.id = $1`,
};

const SCAN = {
  name: "itera-live-scan",
  text: `
    SELECT json_agg(itera_live_head(l) ORDER BY l.id)::TEXT AS answer
      FROM (SELECT * FROM conversation_live WHERE id > $1 ORDER BY id LIMIT $2) l`,
};

const HEADS = {
  name: "itera-live-heads",
  text: `
    SELECT json_agg(CASE WHEN l.n IS NOT NULL THEN itera_live_head(l) END ORDER BY wanted.i)::TEXT AS answer
      FROM unnest($1::TEXT[]) WITH ORDINALITY AS wanted (id, i) LEFT JOIN conversation_live l ON l.id = wanted.id`,
};

/** `HotStore.read`. */
export async function readLive(engine: Engine, id: string, window: number): Promise<Whole | null> {
  const found = await engine.ask<[HeadRow, MessageRow[] | null] | null>(READ, [id, whole(window)]);
  return found && { head: headOf(found[0]), messages: messagesOf(found[1]) };
}

/** `HotStore.messages`. */
export async function readLiveMessages(engine: Engine, id: string, page: MessagePage): Promise<StoredMessage[] | null> {
  const { after = 0, before = Infinity, limit, order } = page;
  const newest = order === "desc";
  const end = newest ? before : Math.min(before, after + limit + 1);
  const rows = await engine.ask<MessageRow[] | null>(PAGE, [id, whole(after), whole(end), newest ? whole(limit) : null]);
  if (rows === null) return null;
  const messages = messagesOf(rows);
  return newest ? messages.toReversed() : messages;
}

/** `HotStore.scan`. */
export async function scanLive(engine: Engine, after: string | null, limit: number): Promise<Head[]> {
  return ((await engine.ask<HeadRow[] | null>(SCAN, [after ?? "", whole(limit)])) ?? []).map(headOf);
}

/** `HotStore.heads`. */
export async function liveHeads(engine: Engine, ids: readonly string[]): Promise<(Head | null)[]> {
  if (ids.length === 0) return [];
  const rows = (await engine.ask<(HeadRow | null)[] | null>(HEADS, [textArray(ids)])) ?? [];
  return ids.length === 1 ? rows.map((row) => row && headOf(row)) : rows.map(readableHeadOf);
}
