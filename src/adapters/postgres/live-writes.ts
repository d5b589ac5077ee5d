/** Writes on live conversations: each is a call of one function in the database, which decides by the rules of `Change`. */
import { applyChange } from "../../core/apply-change.ts";
import { STATUSES, type Head, type LifecycleEvent, type Whole } from "../../core/head.ts";
import type { Change, Committed, Once } from "../../core/hot-store.ts";
import type { Engine, Statement } from "./engine.ts";
import { columnsOf, headOf, type HeadRow } from "./head-row.ts";
import { messagesOf, whole as wholeNumber, type MessageRow } from "./message-rows.ts";
import { onceParameters, replayedHead, type Answered } from "./once.ts";
import { numberArray, textArray } from "./pg-array.ts";
import { placesOf, type Run } from "./placed.ts";

/** What the functions answer. */
type Reply =
  | [outcome: "done", head: HeadRow, placed: Run[], window?: MessageRow[] | null]
  | [outcome: "replayed", head: HeadRow, placed: Run[], window: MessageRow[] | null, answered: Answered]
  | [outcome: "conflict" | "refused" | "full", head: HeadRow]
  | [outcome: "absent" | "key-reused"]
  | [outcome: "message-conflict", key: string]
  | [outcome: "erased", now: number];

/** A call by the names of the parameters, in the order in which their values are sent. */
function call(name: string, parameters: string): Statement {
  const given = parameters
    .split(/\s+/)
    .map((parameter, i) => `p_${parameter} => $${i + 1}`)
    .join(", ");
  return { name: name.replaceAll("_", "-"), text: `SELECT ${name}(${given}) AS answer` };
}

const CREATE = call(
  "itera_create",
  `head metadata session seqs stored_ats keys digests bodies sizes event_types event_ats event_details
   once_key once_fingerprint once_until window directory clock`,
);

const COMMIT = call(
  "itera_commit",
  `id now clock directory version revision incarnation open_at expired_at hold_free max_messages max_bytes
   step_from step_to step_reason cut_after cut_bytes count size lookup keys digests bodies sizes
   metadata session subjects body_seqs other_bodies hold token_epoch keyring warned_for activity wipe
   touch last_access expires_at cap_ms event_types event_ats event_details once_key once_fingerprint once_until window`,
);

const REMOVE = { name: "itera-remove", text: "SELECT to_json(itera_remove($1, $2))::TEXT AS answer" };

/** A number for the database: none, and one without an end, is null. */
function limit(given: number | undefined): number | null {
  return given === undefined || !Number.isFinite(given) ? null : given;
}

function jsonText(given: unknown): string | null {
  return given === undefined ? null : JSON.stringify(given);
}

/** Types, times and details of events, as three lists; nulls if there are none. */
function eventParameters(events: readonly LifecycleEvent[] | undefined): (string | null)[] {
  if (!events || events.length === 0) return [null, null, null];
  return [
    textArray(events.map(({ type }) => type)),
    numberArray(events.map(({ at }) => at)),
    textArray(events.map(({ details }) => JSON.stringify(details))),
  ];
}

/** How many messages, their size, whether keys must be looked up, and the messages as four lists. */
function appendParameters(append: Change["append"]): unknown[] {
  if (!append || append.length === 0) return [0, 0, false, null, null, null, null];
  return [
    append.length,
    append.reduce((sum, { size }) => sum + size, 0),
    append.some(({ digest }) => digest !== null),
    textArray(append.map(({ key }) => key)),
    textArray(append.map(({ digest }) => digest)),
    textArray(append.map(({ body }) => body)),
    numberArray(append.map(({ size }) => size)),
  ];
}

/** The part of a reply that every caller is answered in the same way. */
function committed(reply: Exclude<Reply, ["erased", number]>): Committed {
  switch (reply[0]) {
    case "done":
      return { outcome: "done", head: headOf(reply[1]), placed: placesOf(reply[2]), window: messagesOf(reply[3]) };
    case "replayed":
      return { outcome: "replayed", head: replayedHead(reply[1], reply[4]), placed: placesOf(reply[2]), window: messagesOf(reply[3]) };
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

/** What is left of an erased conversation. */
function tombstoneOf(head: Head, at: number): Head {
  return applyChange(head, { now: at, step: { from: STATUSES, to: "deleted" }, wipe: true }, { count: 0, bytes: 0 }, at).head;
}

/** `HotStore.create`. `directory`: archive and directory are in this database. */
export async function createLive(
  engine: Engine,
  { head, messages }: Whole,
  options: { events?: LifecycleEvent[]; once?: Once; window?: number },
  directory: boolean,
): Promise<Committed> {
  const reply = await engine.ask<Reply>(CREATE, [
    columnsOf(head),
    jsonText(head.metadata),
    jsonText(head.session),
    numberArray(messages.map(({ seq }) => seq)),
    numberArray(messages.map(({ storedAt }) => storedAt)),
    textArray(messages.map(({ key }) => key)),
    textArray(messages.map(({ digest }) => digest)),
    textArray(messages.map(({ body }) => body)),
    numberArray(messages.map(({ size }) => size)),
    ...eventParameters(options.events),
    ...onceParameters(options.once),
    wholeNumber(options.window ?? 0),
    directory,
    engine.now(),
  ]);
  return reply[0] === "erased" ? { outcome: "refused", head: tombstoneOf(head, reply[1]) } : committed(reply);
}

/** `HotStore.commit`. */
export async function commitLive(engine: Engine, id: string, change: Change, directory: boolean): Promise<Committed> {
  const { require = {}, step, cut, touch, subjects, bodies } = change;
  const reply = await engine.ask<Exclude<Reply, ["erased", number]>>(COMMIT, [
    id,
    change.now,
    engine.now(),
    directory,
    limit(require.version),
    limit(require.revision),
    require.incarnation ?? null,
    limit(require.openAt),
    limit(require.expiredAt),
    require.holdFree === true,
    limit(require.maxMessages),
    limit(require.maxBytes),
    step ? textArray(step.from) : null,
    step?.to ?? null,
    step?.reason ?? null,
    cut?.after ?? null,
    cut?.bytes ?? null,
    ...appendParameters(change.append),
    jsonText(change.metadata),
    jsonText(change.session),
    subjects ? textArray(subjects) : null,
    bodies ? numberArray(bodies.map(({ seq }) => seq)) : null,
    bodies ? textArray(bodies.map(({ body }) => body)) : null,
    change.hold ?? null,
    limit(change.tokenEpoch),
    change.keyring ?? null,
    limit(change.warnedFor),
    change.activity === true,
    change.wipe === true,
    touch !== undefined,
    limit(touch?.lastAccess),
    limit(touch?.expiresAt),
    limit(touch?.capMs),
    ...eventParameters(change.events),
    ...onceParameters(change.once),
    wholeNumber(change.window ?? 0),
  ]);
  return committed(reply);
}

/** `HotStore.remove`. */
export async function removeLive(engine: Engine, id: string, ifVersion: number): Promise<boolean> {
  return engine.ask<boolean>(REMOVE, [id, ifVersion]);
}
