/** How a verb reaches the stores: planned from where the conversation stands, committed, and planned again when it has moved on. */
import type { ExpectedVersion } from "./conversations.ts";
import {
  ConflictError,
  ConversationNotFoundError,
  GoneError,
  IdempotencyKeyReusedError,
  InvalidConversationIdError,
  InvalidInputError,
  StoreUnavailableError,
  TooLargeError,
  VersionMismatchError,
} from "./errors.ts";
import type { Head, StoredMessage, Whole } from "./head.ts";
import type { Change, Committed, Requirement } from "./hot-store.ts";
import { phaseOf, planVerb, type Phase } from "./lifecycle.ts";
import { verbInput, type Settings } from "./settings.ts";
import type { MessagePage } from "./store.ts";
import type { Stores } from "./stores.ts";

/** What every verb works with. */
export interface Context {
  stores: Stores;
  settings: Settings;
}

/** The commit that happened, or that nothing was to do (`as stored`). */
export type Outcome = (Extract<Committed, { outcome: "done" | "replayed" }> & { change: Change }) | { outcome: "as stored"; head: Head };

/** Makes the change from where the conversation stands. `head` is null on the first, hopeful attempt of a verb that reads nothing first. */
export type Plan = (phase: Phase, head: Head | null) => Change | "as stored" | Promise<Change | "as stored">;

const ATTEMPTS = 200;
/** More messages than any conversation has, and a number for every engine. */
const ALL = 2 ** 31 - 1;

/** Throws `InvalidConversationIdError` for whatever is no ID of this service. */
export function checkId({ settings }: Context, id: unknown): asserts id is string {
  if (!settings.ids.validate(id)) throw new InvalidConversationIdError();
}

/** What `expectedVersion` demands of the commit. */
export function expecting(expected: ExpectedVersion | undefined): Requirement {
  if (expected === undefined) return {};
  if (typeof expected === "number") {
    if (!Number.isSafeInteger(expected) || expected < 0) throw new InvalidInputError("expectedVersion must be a whole number of 0 or more");
    return { version: expected };
  }
  const dot = expected.lastIndexOf(".");
  const version = Number(expected.slice(dot + 1));
  if (dot < 1 || !/^\d{1,15}$/.test(expected.slice(dot + 1))) {
    throw new InvalidInputError("expectedVersion must be a version number, or incarnation and version joined by a dot");
  }
  return { incarnation: expected.slice(0, dot), version };
}

/** Whether a head is what was expected. */
export function isExpected(head: Head, wanted: Requirement): boolean {
  return (
    (wanted.version === undefined || wanted.version === head.version) &&
    (wanted.incarnation === undefined || wanted.incarnation === head.incarnation)
  );
}

/** Reads from where the conversation is: hot first, else the archive. Null: unknown. */
export async function readWhole(
  { stores }: Context,
  id: string,
  window: number,
): Promise<{ whole: Whole; place: "hot" | "archive" } | null> {
  const hot = await stores.hot.read(id, window);
  if (hot) return { whole: hot, place: "hot" };
  const archived = (await stores.archive?.read(id, window)) ?? null;
  return archived && { whole: archived, place: "archive" };
}

/** A stretch of the transcript from where the conversation is. Null: unknown. */
export async function readPage({ stores }: Context, id: string, page: MessagePage): Promise<StoredMessage[] | null> {
  return (await stores.hot.messages(id, page)) ?? (await stores.archive?.messages(id, page)) ?? null;
}

/** The head from where the conversation is. Throws if it is unknown. */
export async function readHead(context: Context, id: string): Promise<Head> {
  const found = await readWhole(context, id, 0);
  if (!found) throw new ConversationNotFoundError(id);
  return found.whole.head;
}

/** Brings a conversation back from the archive to the hot store, as it is. Throws if it is unknown or erased. */
export async function bringBack({ stores }: Context, id: string): Promise<Head> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const whole = (await stores.archive?.read(id, Infinity)) ?? null;
    if (!whole) throw new ConversationNotFoundError(id);
    if (whole.head.status === "deleted") throw new GoneError();
    const created = await stores.hot.create(whole);
    if (created.outcome !== "done") return "head" in created ? created.head : whole.head;
    // While we were reading, it may have come back, changed, and gone to the archive again: what we brought would hide that.
    const now = await stores.archive!.read(id, 0);
    if (now && now.head.version === whole.head.version && now.head.status !== "deleted") return created.head;
    await stores.hot.remove(id, whole.head.version);
  }
  throw new StoreUnavailableError("The conversation is moving between stores; try again in a moment");
}

/** Archives what has expired. `done`: it was this call that did. `head`: what is there afterwards; null: nothing. */
export async function expire(context: Context, id: string, version?: number): Promise<{ done: boolean; head: Head | null }> {
  const plan = planVerb("expire", "active", verbInput(context.settings)) as Change;
  const change = version === undefined ? plan : { ...plan, require: { ...plan.require, version } };
  const result = await context.stores.hot.commit(id, change);
  if (result.outcome === "done") tell(context, id, change);
  return { done: result.outcome === "done", head: "head" in result ? result.head : null };
}

/** Tells the listener of the events of a commit. `updated`: also of the change that is no event of its own; it follows `reactivated`. */
export function tell({ settings }: Context, id: string, { now, events = [] }: Change, updated = false): void {
  const told = [...events];
  if (updated) told.splice(told[0]?.type === "reactivated" ? 1 : 0, 0, { type: "updated", at: now, details: {} });
  for (const event of told) settings.onEvent(id, event);
}

/** A pause that grows, with jitter, between attempts that lost a race. */
async function pause(settings: Settings, attempt: number): Promise<void> {
  if (attempt > 0) await settings.sleep(Math.random() * Math.min(50, 2 ** attempt));
}

/**
 * Commits what `plan` makes. `head`: what the caller has read already, or null to try first and read only when refused.
 * `wanted`: the expected version. `expireFirst`: an expired conversation is archived before the plan is asked again
 * (false for verbs that go from `expired` themselves). `replayable`: the plan carries an idempotency key, so the store is
 * asked before anything is held against the request: a repeat is answered whatever has become of the conversation since.
 * Throws the error of what stands in the way.
 */
export async function commitPlan(
  context: Context,
  id: string,
  head: Head | null,
  plan: Plan,
  { wanted = {}, expireFirst = true, replayable = false }: { wanted?: Requirement; expireFirst?: boolean; replayable?: boolean } = {},
): Promise<Outcome> {
  const { stores, settings } = context;
  let current = head;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const phase = current ? phaseOf(current, settings.clock()) : "active";
    // What is closed for good says so, whatever version was expected.
    const closed = phase === "wiped" || phase === "erased";
    const asksFirst = replayable && attempt === 0;
    if (current && !closed && !asksFirst && !isExpected(current, wanted)) throw new VersionMismatchError(current);
    if (phase === "expired" && expireFirst && !asksFirst) {
      const expired = await expire(context, id, wanted.version);
      // It is a change of its own: what was expected was there, and from now on what it left is expected.
      if (expired.done && wanted.version !== undefined) wanted = { ...wanted, version: wanted.version + 1 };
      current = expired.head ?? (await bringBack(context, id));
      continue;
    }
    const planned = await plan(phase, current);
    if (planned === "as stored") return { outcome: "as stored", head: current! };
    const change: Change = { ...planned, require: { ...planned.require, ...wanted } };
    // A change must be able to travel as JSON, which has no Infinity.
    if (change.window === Infinity) change.window = ALL;
    const result = await stores.hot.commit(id, change);
    switch (result.outcome) {
      case "done":
      case "replayed":
        return { ...result, change };
      case "absent":
        current = await bringBack(context, id);
        continue;
      case "key-reused":
        throw new IdempotencyKeyReusedError();
      case "message-conflict":
        throw new ConflictError(
          `A message with the id ${JSON.stringify(result.key.slice(2))} is stored with other content; nothing was stored`,
        );
      case "full":
        throw new TooLargeError(
          `The conversation is full: ${result.head.lastSeq} messages and ${result.head.bytes} bytes are stored; ` +
            `at most ${settings.limits.conversationMessages} messages and ${settings.limits.conversationBytes} bytes fit`,
        );
      case "conflict":
        if (!isExpected(result.head, wanted)) throw new VersionMismatchError(result.head);
        break;
      case "refused":
        if (change.require?.holdFree && result.head.hold && result.head.status !== "deleted") throw onHold();
        break;
    }
    current = result.head;
    await pause(settings, attempt);
  }
  throw new ConflictError("The conversation is changing too fast; try again in a moment");
}

/** The refusal of wiping and erasing under a legal hold. */
export function onHold(): ConflictError {
  return new ConflictError("The conversation is under a legal hold; release it first");
}

/** Takes what is over into the archive, as far as the archive has not got it. False: there is no archive, or it is not over. */
export async function settle({ stores }: Context, id: string): Promise<boolean> {
  const { archive, hot } = stores;
  // A hot store that cannot compare has put it into the archive first (`non-atomic.ts`).
  if (!archive || !hot.capabilities.atomic) return false;
  const head = (await hot.read(id, 0))?.head;
  if (!head || (head.status !== "archived" && head.status !== "deleted")) return false;
  const there = (await archive.read(id, 0))?.head;
  if (there && there.version >= head.version && there.incarnation === head.incarnation) return true;
  if (head.status === "deleted") {
    const entry = { at: head.archivedAt ?? head.lastActivity, by: "erase" };
    const erased = await archive.erase(id, entry);
    await archive.put({ head, messages: [] });
    // The archive had not heard yet that the hold was released; the tombstone has told it.
    if (erased === "held") await archive.erase(id, entry);
    return true;
  }
  const whole = await hot.read(id, Infinity);
  // It may have become active in between; then there is nothing to take.
  if (!whole || whole.head.status !== "archived") return false;
  return (await archive.put(whole)) !== "erased";
}
