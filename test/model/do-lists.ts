// Commands that look: lists, search, pages of messages, events, analytics.

import type { Analytics, EventPage, ListPage, ListQuery, MessagePageResult } from "../../src/core/conversations.ts";
import type { DirectoryEntry } from "../../src/core/conversation.ts";
import type { Command, ListCommand, MessagesCommand, Target } from "./command.ts";
import { difference } from "./difference.ts";
import { DAY, iso, perhapsWarned, type ModelConversation, type ModelEvent } from "./model-conversation.ts";
import { dayOf, timeOf } from "./model-world.ts";
import { answerDifference, type Session } from "./session.ts";

export async function doList(session: Session, command: ListCommand): Promise<void> {
  const { world, manager } = session;
  if (command.deliverFirst || !session.together) {
    await manager.deliver();
    world.delivered(true);
  }
  const followed = [...world.conversations.values()].every((c) => c.indexed === c.version);
  if (!session.together && !followed) return;
  const query: ListQuery = {};
  if (command.status !== undefined) query.status = command.status as NonNullable<ListQuery["status"]>;
  if (command.source !== undefined) query.source = command.source;
  if (command.environment !== undefined) query.environment = command.environment;
  if (command.limit !== undefined) query.limit = command.limit;
  const bounds = [command.from, command.to].map((bound) => secondOf(session, bound));
  const [from, to] = bounds;
  if (from !== undefined) query.from = iso(from);
  if (to !== undefined) query.to = iso(to);
  // What was said is found when it has been passed on.
  if (command.words !== undefined && followed) query.q = command.words;

  const entries = await allEntries(session, query);
  if (query.q !== undefined && entries === "not_supported" && session.stores.directory?.capabilities.search === false) return;
  if (from !== undefined && to !== undefined && from > to) {
    if (entries !== "invalid_input") session.fail("a list from after to was answered");
    return;
  }
  if (typeof entries === "string") session.fail(`listing answered the error ${entries}`);
  const statuses = query.status === undefined || query.status.length === 0 ? ["active", "completed", "archived"] : query.status;
  const letter = command.environment?.slice(0, 1).toUpperCase();
  const expected = [...world.conversations.values()]
    .filter((c) => (statuses as string[]).includes(c.status))
    .filter((c) => command.source === undefined || c.source === command.source)
    .filter((c) => letter === undefined || c.id.endsWith(letter))
    .filter((c) => (from === undefined || timeOf(c.id) >= from) && (to === undefined || timeOf(c.id) < to))
    .filter((c) => query.q === undefined || saysAll(c, query.q))
    .toSorted((a, b) => (a.id < b.id ? 1 : -1));
  const listed = entries.filter(({ id }) => world.conversations.has(id) || !world.ghosts.has(id));
  const found = difference(
    expected.map(({ id }) => id),
    listed.map(({ id }) => id),
    "the IDs of a list",
  );
  if (found) session.fail(found);
  for (const [i, entry] of listed.entries()) checkEntry(session, expected[i]!, entry, query.q);
}

function secondOf(session: Session, bound: ListCommand["from"]): number | undefined {
  const id = bound && session.world.idAt(bound.on);
  return id ? timeOf(id) + bound.seconds * 1000 : undefined;
}

/** All pages, one after another; each but the last is full. Those of a search may be short: it gives up for now when it has taken long. */
async function allEntries(session: Session, query: ListQuery): Promise<DirectoryEntry[] | string> {
  const entries: DirectoryEntry[] = [];
  for (let cursor: string | null = null; ;) {
    const page: ListQuery = { ...query, ...(cursor === null ? {} : { cursor }) };
    const { outcome } = await session.attempt(() => session.manager.listConversations(page));
    if ("error" in outcome) return outcome.error;
    const { data, nextCursor } = outcome.value as ListPage;
    entries.push(...data);
    if (nextCursor === null) return entries;
    if (query.q === undefined && data.length !== (query.limit ?? 25))
      session.fail(`a page of ${query.limit ?? 25} has ${data.length} entries, and is not the last`);
    cursor = nextCursor;
  }
}

function checkEntry(session: Session, c: ModelConversation, entry: DirectoryEntry, q: string | undefined): void {
  const { lastAccess, expiresAt, snippet, ...rest } = entry;
  const then = c.history.get(entry.version);
  if (!then || entry.version < c.indexed)
    session.fail(`${c.id} is listed in version ${entry.version}; it must be from ${c.indexed} to ${c.version}`);
  const found = difference({ ...then, status: c.status }, rest, `the entry of ${c.id}`);
  if (found) session.fail(found);
  // Touches are no changes, so the list may not know of the latest.
  if (lastAccess !== null && Date.parse(lastAccess) > (c.lastAccess ?? 0)) session.fail(`${c.id} is listed with the access ${lastAccess}`);
  if (expiresAt !== null && Date.parse(expiresAt) > (c.expiresAt ?? 0)) session.fail(`${c.id} is listed with the expiry ${expiresAt}`);
  if ((q !== undefined) !== (typeof snippet === "string"))
    session.fail(`${c.id} is listed ${q === undefined ? "with" : "without"} a snippet`);
  if (q !== undefined && snippet !== undefined && !wordsIn(q).some((word) => wordsIn(snippet).includes(word)))
    session.fail(`the snippet of ${c.id} shows nothing of ${q}: ${snippet}`);
}

function wordsIn(text: string): string[] {
  const plain = text.normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase();
  return plain.match(/[\p{L}\p{N}]+/gu) ?? [];
}

function saysAll(c: ModelConversation, q: string): boolean {
  const said = new Set(
    c.messages.flatMap(({ body }) => wordsIn([body["content"], body["text"]].filter((text) => typeof text === "string").join(" "))),
  );
  return wordsIn(q).every((word) => said.has(word));
}

export async function doMessages(session: Session, { on, after, before, limit, order }: MessagesCommand): Promise<void> {
  const { id, conversation: c, malformed } = session.target(on);
  const query = {
    ...(after === undefined ? {} : { after }),
    ...(before === undefined ? {} : { before }),
    ...(limit === undefined ? {} : { limit }),
    ...(order === undefined ? {} : { order }),
  };
  const { outcome } = await session.attempt(() => session.manager.listMessages(id, query));
  const errors = malformed ? "invalid_id" : c === null ? "not_found" : c.status === "deleted" ? "gone" : null;
  const found = answerDifference(errors === null ? { value: pageOf(c!, query) } : { errors: [errors] }, outcome);
  if (found) session.fail(`the messages of ${id} ${JSON.stringify(query)}: ${found}`);
}

function pageOf(c: ModelConversation, query: { after?: number; before?: number; limit?: number; order?: string }): MessagePageResult {
  const { after = 0, before = Infinity, limit = 100, order = "asc" } = query;
  const all = c.messages.map(({ body, storedAt }, i) => ({ seq: i + 1, storedAt: iso(storedAt), message: body }));
  const asked = all.filter(({ seq }) => seq > after && seq < before);
  if (order === "desc") asked.reverse();
  const data = asked.slice(0, limit);
  return { data, nextCursor: asked.length > limit ? data.at(-1)!.seq : null };
}

export async function doEvents(session: Session, { on, limit }: { on: Target; limit?: number | undefined }): Promise<void> {
  const { id, conversation: c, malformed } = session.target(on);
  const data: EventPage["data"] = [];
  for (let cursor: string | null = null; ;) {
    const query = { ...(cursor === null ? {} : { cursor }), ...(limit === undefined ? {} : { limit }) };
    const { outcome } = await session.attempt(() => session.manager.events(id, query));
    if ("error" in outcome) {
      const errors = malformed ? "invalid_id" : c === null ? "not_found" : c.status === "deleted" ? "gone" : "none";
      return outcome.error === errors ? undefined : session.fail(`the events of ${id}: expected the error ${errors}, got ${outcome.error}`);
    }
    const page = outcome.value as EventPage;
    data.push(...page.data);
    if (page.nextCursor === null) break;
    if (page.data.length !== (limit ?? 25)) session.fail("a page of events is not full, and is not the last");
    cursor = page.nextCursor;
  }
  if (!c || c.status === "deleted") session.fail(`the events of ${id} were answered`);
  checkEvents(session, c, data);
}

/** Each event that was passed on is there once, and nothing else, in the order of time. */
function checkEvents(session: Session, c: ModelConversation, data: EventPage["data"]): void {
  // What must be there is looked for first.
  const left = [...c.events, ...perhapsWarned(c)].toSorted((a, b) => Number(b.sure) - Number(a.sure));
  const matched: ModelEvent[] = [];
  let last = -Infinity;
  for (const { event, at, details } of data) {
    const time = Date.parse(at);
    if (time < last) session.fail(`the events of ${c.id} are not in the order of time`);
    last = time;
    const i = left.findIndex(
      (each) => each.type === event && each.at.includes(time) && each.details.some((one) => difference(one, details) === null),
    );
    if (i < 0) session.fail(`${c.id} has the event ${event} ${JSON.stringify(details)} at ${at}, which is one too many`);
    matched.push(...left.splice(i, 1));
  }
  const missing = left.find(({ sure, delivered }) => sure && delivered === "yes");
  if (missing) session.fail(`${c.id} lacks the event ${missing.type} ${JSON.stringify(missing.details)}`);
  if (session.world.faulted) return;
  // At the same time, events stand in the order in which they happened.
  const known = matched.filter((event) => event.sure && event.at.length === 1);
  const order = known.map((event) => [event.at[0]!, c.events.indexOf(event)] as const);
  const wrong = order.findIndex(([at, place], i) => i > 0 && order[i - 1]![0] === at && order[i - 1]![1] > place);
  if (wrong >= 0) session.fail(`the event ${known[wrong]!.type} of ${c.id} stands after one that it came before`);
}

export async function doAnalytics(session: Session, { around }: Command & { do: "analytics" }): Promise<void> {
  const { world } = session;
  const middle = (around && world.idAt(around.on)) ?? null;
  const from = middle === null ? world.now - 29 * DAY : timeOf(middle) - around!.before * DAY;
  const to = middle === null ? world.now : timeOf(middle) + around!.after * DAY;
  const query = middle === null ? {} : { from: dayOf(from), to: dayOf(to) };
  const { outcome } = await session.attempt(() => session.manager.analytics(query));
  if ("error" in outcome) session.fail(`analytics answered the error ${outcome.error}`);
  const all = [...world.conversations.values(), ...world.purged];
  const counted = all.filter(({ created }) => dayOf(created) >= dayOf(from) && dayOf(created) <= dayOf(to));
  // Counts of messages and durations follow when the outbox has been passed on.
  const exact = all.every((c) => c.indexed === c.version);
  if (!session.together && !exact) return;
  const days: object[] = [];
  for (let day = from; dayOf(day) <= dayOf(to); day += DAY) {
    const those = counted.filter(({ created }) => dayOf(created) === dayOf(day));
    days.push({ date: dayOf(day), ...statistics(those, exact) });
  }
  const live = [...world.conversations.values()].filter(({ status }) => status === "active" || status === "completed").length;
  const expected: Record<keyof Analytics, unknown> = { days, totals: statistics(counted, exact), live };
  const found = difference(expected, outcome.value, `analytics ${JSON.stringify(query)}`);
  if (found) session.fail(found);
}

function statistics(those: readonly ModelConversation[], exact: boolean): object {
  const bySource: { [source: string]: number } = {};
  for (const { source } of those) bySource[source] = (bySource[source] ?? 0) + 1;
  const average = (of: (c: ModelConversation) => number) => {
    if (those.length === 0) return null;
    const wanted = those.reduce((sum, c) => sum + of(c), 0) / those.length;
    return (actual: unknown) => typeof actual === "number" && (!exact || Math.abs(actual - wanted) <= 1e-6 * Math.max(1, wanted));
  };
  return {
    total: those.length,
    completed: those.filter(({ completedAt }) => completedAt !== null).length,
    archived: those.filter(({ status }) => status === "archived" || status === "deleted").length,
    averageMessages: average(({ count }) => count),
    averageDurationSeconds: average(({ lastActivity, created }) => (lastActivity - created) / 1000),
    bySource,
  };
}
