/** The outbox: events to pass on, and for each conversation at most one mark that it has changed. */
import type { OutboxItem } from "../../core/hot-store.ts";
import type { Json } from "../../core/json.ts";
import type { Engine } from "./engine.ts";
import { numberArray, textArray } from "./pg-array.ts";

type ItemRow = [n: number, name: string, id: string, version: number, type: string | null, at: number, details: string, cut: number | null];

// A mark that is leased is free again as soon as its conversation has changed once more.
const LEASE = {
  name: "itera-outbox",
  text: `
    WITH free AS (
      SELECT o.n, CASE WHEN o.type IS NULL THEN (SELECT l.version FROM conversation_live l WHERE l.id = o.id) END AS version
        FROM conversation_outbox o
        WHERE o.leased_until <= (SELECT itera_now_ms($3))
          OR (o.type IS NULL AND (SELECT l.version FROM conversation_live l WHERE l.id = o.id) > o.version)
        ORDER BY o.n LIMIT $1 FOR UPDATE SKIP LOCKED
    ), leased AS (
      UPDATE conversation_outbox o SET leased_until = (SELECT itera_now_ms($3)) + $2, version = coalesce(free.version, o.version)
        FROM free WHERE o.n = free.n
        RETURNING o.n, o.name, o.id, o.version, o.type, o.at, o.details, o.cut
    )
    SELECT json_agg(json_build_array(n, name, id, version, type, at, details, cut) ORDER BY n)::TEXT AS answer FROM leased`,
};

const DELIVERED = { name: "itera-delivered", text: "SELECT 'null' AS answer FROM itera_delivered($1, $2, $3, $4)" };

const EVENT = /^e:(\d{1,18}):([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
const MARK = /^m:(\d{1,18}):(\d{1,18})$/;

/** Details as they were stored; a damaged text is passed on as none, so that it does not stop what comes behind it. */
function detailsOf(text: string): { [key: string]: Json } {
  try {
    return JSON.parse(text) as { [key: string]: Json };
  } catch {
    return {};
  }
}

function itemOf([n, name, id, version, type, at, details, cut]: ItemRow): OutboxItem {
  if (type !== null) return { n: `e:${n}:${name}`, id, version, event: { type, at, details: detailsOf(details) } };
  return { n: `m:${n}:${version}`, id, version, event: null, ...(cut === null ? {} : { cut }) };
}

/** `HotStore.outbox`. */
export async function leaseItems(engine: Engine, limit: number, leaseMs: number): Promise<OutboxItem[]> {
  return ((await engine.ask<ItemRow[] | null>(LEASE, [limit, leaseMs, engine.now()])) ?? []).map(itemOf);
}

/** `HotStore.delivered`. */
export async function removeItems(engine: Engine, ns: readonly string[]): Promise<void> {
  const events = ns.map((n) => EVENT.exec(n)).filter((match) => match !== null);
  const marks = ns.map((n) => MARK.exec(n)).filter((match) => match !== null);
  if (events.length + marks.length === 0) return;
  await engine.ask(DELIVERED, [
    numberArray(events.map(([, n]) => Number(n))),
    textArray(events.map(([, , name]) => name!)),
    numberArray(marks.map(([, n]) => Number(n))),
    numberArray(marks.map(([, , version]) => Number(version))),
  ]);
}
