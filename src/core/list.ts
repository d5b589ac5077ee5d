/** What the directory answers: lists, search, events and analytics; and the pages of a transcript. */
import { isoTime, toDirectoryEntry, toMessage } from "./conversation.ts";
import type { Analytics, DayStatistics, EventPage, ListPage, ListQuery, MessagePageResult, MessageQuery } from "./conversations.ts";
import { checkId, readHead, readPage, type Context } from "./commit.ts";
import type { DayCount, Directory, DirectoryQuery } from "./directory.ts";
import { ConversationNotFoundError, GoneError, InvalidInputError, NotSupportedError } from "./errors.ts";
import { STATUSES, type Status } from "./head.ts";
import { checkText } from "./incoming.ts";
import { instant } from "./instant.ts";
import type { JsonObject } from "./json.ts";

const DAY = 86_400_000;
const MAX_DAYS = 366;
const ENVIRONMENT_NAMES = /^(?:[psd]|production|staging|development)$/i;

function directoryOf({ stores }: Context, ability: string): Directory {
  if (!stores.directory) throw new NotSupportedError(`This store cannot ${ability}`);
  return stores.directory;
}

function wholeNumber(value: unknown, field: string, least: number, most: number): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least || value > most) {
    throw new InvalidInputError(`${field} must be a whole number from ${least} to ${most}`);
  }
  return value;
}

/** The lowest ID of a second: those of before are less. A part of a second counts as the next one. */
function lowestId({ settings }: Context, ms: number): string {
  const second = Math.ceil(ms / 1000) * 1000;
  return settings.ids.range(second, second).from;
}

/** `listConversations` of the interface. `from` and `to` are to the second, as IDs are. */
export async function listConversations(context: Context, query: ListQuery = {}): Promise<ListPage> {
  const { settings } = context;
  const directory = directoryOf(context, "list conversations");
  const { limits } = settings;
  const wanted: DirectoryQuery = {
    limit: query.limit === undefined ? limits.listDefault : wholeNumber(query.limit, "limit", 1, limits.list),
  };
  wanted.status = listedStatuses(query.status);
  if (query.source !== undefined) wanted.source = checkText(query.source, "source", limits.source);
  if (query.environment !== undefined) {
    if (!ENVIRONMENT_NAMES.test(query.environment))
      throw new InvalidInputError("environment must be production, staging, development, P, S or D");
    wanted.environment = settings.ids.getEnvironment(query.environment);
  }
  const from = query.from === undefined ? null : instant(query.from, "from");
  const to = query.to === undefined ? null : instant(query.to, "to");
  if (from !== null && to !== null && from > to) throw new InvalidInputError("from must not be after to");
  if (from !== null) wanted.from = lowestId(context, from);
  if (to !== null) wanted.before = lowestId(context, to);
  if (query.cursor !== undefined) {
    if (!settings.ids.validate(query.cursor)) throw new InvalidInputError("cursor is not one of this list; start again without it");
    if (wanted.before === undefined || query.cursor < wanted.before) wanted.before = query.cursor;
  }
  if (query.q !== undefined) {
    if (!directory.capabilities.search) throw new NotSupportedError("This store cannot search what was said");
    const text = checkText(query.q, "q", 200, 1);
    if (!/[\p{L}\p{N}]/u.test(text)) throw new InvalidInputError("q must hold at least one letter or digit");
    wanted.text = text;
  }
  const page = await directory.list(wanted);
  return { data: page.heads.map((head, i) => toDirectoryEntry(head, page.snippets?.[i])), nextCursor: page.next };
}

function listedStatuses(status: ListQuery["status"]): readonly Status[] {
  if (status === undefined || status.length === 0) return STATUSES.filter((each) => each !== "deleted");
  for (const each of status) if (!STATUSES.includes(each)) throw new InvalidInputError(`status must be of ${STATUSES.join(", ")}`);
  return [...new Set(status)];
}

/** `listMessages` of the interface. */
export async function listMessages(context: Context, id: string, query: MessageQuery = {}): Promise<MessagePageResult> {
  checkId(context, id);
  const { limits } = context.settings;
  const limit = query.limit === undefined ? limits.messagesDefault : wholeNumber(query.limit, "limit", 1, limits.messages);
  const order = query.order ?? "asc";
  if (order !== "asc" && order !== "desc") throw new InvalidInputError("order must be asc or desc");
  const page = {
    ...(query.after === undefined ? {} : { after: wholeNumber(query.after, "after", 0, Number.MAX_SAFE_INTEGER) }),
    ...(query.before === undefined ? {} : { before: wholeNumber(query.before, "before", 0, Number.MAX_SAFE_INTEGER) }),
    // One more than asked for tells whether there is a next page.
    limit: limit + 1,
    order,
  };
  const found = await readPage(context, id, page);
  if (!found) throw new ConversationNotFoundError(id);
  // An empty page may be that of a tombstone.
  if (found.length === 0 && (await readHead(context, id)).status === "deleted") throw new GoneError();
  const data = found
    .slice(0, limit)
    .map((stored) => ({ seq: stored.seq, storedAt: isoTime(stored.storedAt), message: toMessage(id, stored) }));
  return { data, nextCursor: found.length > limit ? data.at(-1)!.seq : null };
}

/** `events` of the interface. */
export async function listEvents(context: Context, id: string, query: { cursor?: string; limit?: number } = {}): Promise<EventPage> {
  checkId(context, id);
  const directory = directoryOf(context, "list events");
  const { limits } = context.settings;
  const limit = query.limit === undefined ? limits.listDefault : wholeNumber(query.limit, "limit", 1, limits.list);
  if ((await readHead(context, id)).status === "deleted") throw new GoneError();
  const page = await directory.events(id, query.cursor ?? null, limit);
  return {
    data: page.events.map(({ type, at, details }) => ({ event: type, at: isoTime(at), details: details as JsonObject })),
    nextCursor: page.next,
  };
}

/** `analytics` of the interface. */
export async function analytics(context: Context, query: { from?: string; to?: string } = {}): Promise<Analytics> {
  const directory = directoryOf(context, "count conversations");
  const to = query.to === undefined ? Math.floor(context.settings.clock() / DAY) * DAY : Math.floor(instant(query.to, "to") / DAY) * DAY;
  const from = query.from === undefined ? to - 29 * DAY : Math.floor(instant(query.from, "from") / DAY) * DAY;
  if (from > to) throw new InvalidInputError("from must not be after to");
  if ((to - from) / DAY + 1 > MAX_DAYS) throw new InvalidInputError(`from and to must span at most ${MAX_DAYS} days`);
  const [counts, live] = await Promise.all([directory.analytics(dayOf(from), dayOf(to)), directory.live()]);
  const byDay = Map.groupBy(counts, (count) => count.day);
  const days: Analytics["days"] = [];
  for (let day = from; day <= to; day += DAY) days.push({ date: dayOf(day), ...statistics(byDay.get(dayOf(day)) ?? []) });
  return { days, totals: statistics(counts), live };
}

function dayOf(ms: number): string {
  return isoTime(ms).slice(0, 10);
}

function statistics(counts: readonly DayCount[]): DayStatistics {
  const sum = (of: (count: DayCount) => number) => counts.reduce((total, count) => total + of(count), 0);
  const total = sum((count) => count.total);
  const bySource: DayStatistics["bySource"] = {};
  for (const { source, total: of } of counts) {
    const before = Object.hasOwn(bySource, source) ? bySource[source]! : 0;
    Object.defineProperty(bySource, source, { value: before + of, writable: true, enumerable: true, configurable: true });
  }
  return {
    total,
    completed: sum((count) => count.completed),
    archived: sum((count) => count.archived),
    averageMessages: total === 0 ? null : sum((count) => count.messages) / total,
    averageDurationSeconds: total === 0 ? null : sum((count) => count.seconds) / total,
    bySource,
  };
}
