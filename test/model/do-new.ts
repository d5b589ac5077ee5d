// Commands that bring conversations into being: creating and importing.

import type { Conversation } from "../../src/core/conversation.ts";
import type { Json, JsonObject } from "../../src/core/json.ts";
import type { ImportLine, ImportResult } from "../../src/core/transfer.ts";
import type { CreateCommand, Fault, ImportCommand, Line } from "./command.ts";
import { difference } from "./difference.ts";
import { sameJson } from "./model-append.ts";
import { DAY, HOUR, iso, view, type ModelConversation } from "./model-conversation.ts";
import { created, imported, timeOf, type LineContent } from "./model-world.ts";
import { answerDifference, isUnavailable, type Session } from "./session.ts";

/** IDs under which lines are imported; some of them are old enough to be purged. */
const FIXED_IDS = [
  "ITERA_20160301_080000_IMPORT000000_P",
  "ITERA_20240229_235959_IMPORT000001_S",
  "ITERA_20250125_100000_IMPORT000002_P",
  "ITERA_20250125_100000_IMPORT000003_D",
  "ITERA_20171231_235959_IMPORT000004_P",
] as const;

/** Sends a request that can be sent again, and does so if no answer came. */
async function insist(session: Session, call: () => Promise<unknown>, fault: Fault | undefined): ReturnType<Session["attempt"]> {
  const first = await session.attempt(call, fault);
  return first.fired && isUnavailable(first.outcome) ? { ...(await session.attempt(call)), fired: true } : first;
}

export async function doCreate(session: Session, command: CreateCommand): Promise<void> {
  const { metadata, messages, key, fault } = command;
  if (key !== undefined) session.resends.push((again) => doCreate(session, { ...command, fault: again }));
  const { world } = session;
  const call = () => session.manager.createConversation({ metadata, messages }, key === undefined ? {} : { idempotencyKey: key });

  const known = key === undefined ? undefined : world.createKeys.get(key);
  if (known && known.until > world.now) return recreate(session, command, call);
  const { outcome, fired } = key === undefined ? await session.attempt(call, fault) : await insist(session, call, fault);
  if (messages.length > world.rules.conversationMessages) {
    const found = answerDifference({ errors: ["too_large"] }, outcome);
    return found ? session.fail(found) : undefined;
  }
  if (fired && key === undefined && isUnavailable(outcome)) return adopt(session, metadata, messages);
  if ("error" in outcome) return session.fail(`creating: expected an answer, got the error ${outcome.error}`);
  const { id } = outcome.value as Conversation;
  checkNewId(session, id, world.now, "P");
  const c = created(id, metadata, messages, world.moment);
  const found = difference(view(c, world.now), outcome.value);
  if (found) session.fail(`created ${found}`);
  if (key !== undefined) {
    const { messages: _, ...answer } = view(c, world.now);
    const content = { metadata, messages };
    world.createKeys.set(key, { content, until: world.now + DAY, id, answer: answer as JsonObject, count: c.count });
  }
  world.add(c);
  await session.check(c);
}

/** A creation under a key that is known: the first answer once more, or a refusal. What was removed does not come back. */
async function recreate(session: Session, { key, metadata, messages, fault }: CreateCommand, call: () => Promise<unknown>): Promise<void> {
  const { world } = session;
  const known = world.createKeys.get(key!)!;
  const { outcome } = await insist(session, call, fault);
  const c = world.conversations.get(known.id)!;
  const same = sameJson(known.content, { metadata, messages });
  const replayed = { value: { ...known.answer, messages: c.messages.slice(0, known.count).map(({ body }) => body) } };
  const answer = !same
    ? { errors: ["idempotency_key_reused"] }
    : c.status === "deleted"
      ? { errors: ["gone"] }
      : c.wiped
        ? { errors: ["conflict"] }
        : replayed;
  const found = answerDifference(answer, outcome);
  if (found) session.fail(`creating again: ${found}`);
  await session.check(c);
}

/** After a creation whose answer was lost: it may have happened, once. */
async function adopt(session: Session, metadata: JsonObject, messages: readonly JsonObject[]): Promise<void> {
  const { world } = session;
  const unknown = (await idsListed(session)).filter((id) => !world.conversations.has(id) && !world.ghosts.has(id));
  if (unknown.length > 1) session.fail(`one creation made ${unknown.join(" and ")}`);
  for (const id of unknown) {
    checkNewId(session, id, world.now, "P");
    const c = created(id, metadata, messages, world.moment);
    world.add(c);
    await session.check(c);
  }
}

async function idsListed(session: Session): Promise<string[]> {
  if (!session.together) await session.manager.deliver();
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const page = await session.manager.listConversations({
      status: ["active", "completed", "archived", "deleted"],
      limit: 100,
      ...(cursor === null ? {} : { cursor }),
    });
    ids.push(...page.data.map(({ id }) => id));
    cursor = page.nextCursor;
  } while (cursor !== null);
  return ids;
}

function checkNewId(session: Session, id: string, at: number, letter: string): void {
  if (!/^ITERA_\d{8}_\d{6}_[A-Z0-9]{12}_[PSD]$/.test(id) || !id.endsWith(letter)) session.fail(`${id} is no ID of this service`);
  if (timeOf(id) !== Math.floor(at / 1000) * 1000) session.fail(`${id} was created at ${iso(at)}`);
  if (session.world.ids.includes(id)) session.fail(`${id} was given a second time`);
}

function contentOf(session: Session, line: Line, id: string | null): LineContent {
  const { world } = session;
  const c = id === null || !line.same ? undefined : world.conversations.get(id);
  const metadata = c ? c.metadata : line.metadata;
  const source = line.source !== undefined && metadata["source"] === undefined ? { source: line.source } : {};
  const at = id === null ? world.now - (line.age ?? 0) : timeOf(id);
  // What else a line without an ID says is kept with it.
  const ref = id === null && line.ref !== undefined ? { ref: line.ref } : {};
  const messages = c ? c.messages.map(({ body }) => body) : line.messages;
  const after = (ms: number) => Math.min(world.now, at + ms);
  return {
    metadata: { ...metadata, ...ref, ...source },
    messages,
    created: at,
    times: line.apart === undefined ? null : messages.map((_, i) => after(i * line.apart!)),
    completedAt: line.past ? after(HOUR) : null,
    archivedAt: line.past ? after(2 * HOUR) : null,
  };
}

export async function doImport(session: Session, { line, active, fault }: ImportCommand): Promise<void> {
  const { world } = session;
  const given = line.id === null ? null : "fixed" in line.id ? FIXED_IDS[line.id.fixed]! : world.idAt(line.id.on);
  if (given === null && line.id !== null) return;
  const content = contentOf(session, line, given);
  const identity = given ?? identityOf(line, content.messages);
  const id = given ?? world.identities.get(identity) ?? null;
  const sent = lineOf(line, given, content, world.now);
  session.note(`   ${JSON.stringify(sent)}`);
  const call = () => session.manager.importConversation(sent, { active });
  const before = id === null ? undefined : world.conversations.get(id);

  const { outcome, fired } = await insist(session, call, fault);
  if (before) return judgeRepeat(session, before, content, given !== null, outcome);
  if ("error" in outcome) return session.fail(`importing: expected an answer, got the error ${outcome.error}`);
  const result = outcome.value as ImportResult;
  if (result.outcome !== "imported" && !(fired && result.outcome === "skipped"))
    session.fail(`importing what is new answered ${result.outcome}`);
  if (id === null) checkNewId(session, result.id, content.created, "P");
  else if (result.id !== id) session.fail(`${id} was imported as ${result.id}`);
  world.identities.set(identity, result.id);
  const c = imported(result.id, content, line, active, world.moment);
  // It may have been here before, and have been purged; its events are kept for a while.
  c.events.unshift(...(world.oldEvents.get(c.id) ?? []).map((event) => ({ ...event, sure: false })));
  if (fired) c.place = c.status === "archived" ? "unsure" : "hot";
  world.add(c);
  await session.check(c);
}

async function judgeRepeat(
  session: Session,
  c: ModelConversation,
  content: LineContent,
  hasId: boolean,
  outcome: Awaited<ReturnType<Session["attempt"]>>["outcome"],
): Promise<void> {
  const skipped = { value: { id: c.id, outcome: "skipped" } };
  const same = sameJson([c.metadata, c.messages.map(({ body }) => body)], [content.metadata, content.messages]);
  const answers: Parameters<typeof answerDifference>[0][] =
    c.status === "deleted" ? [{ errors: ["gone"] }] : same ? [skipped] : [{ errors: ["conflict"] }];
  // A line that is known by its source and ref may say something else than what became of it.
  if (!hasId && !same && c.status !== "deleted") answers.push(skipped);
  const found = answers.map((answer) => answerDifference(answer, outcome));
  if (!found.includes(null)) session.fail(`importing again: ${found.join(" or ")}`);
  await session.check(c);
}

function lineOf(line: Line, id: string | null, content: LineContent, now: number): ImportLine {
  return {
    ...(id === null ? {} : { id }),
    ...(line.source === undefined ? {} : { source: line.source }),
    ...(line.ref === undefined ? {} : { ref: line.ref }),
    ...(line.archiveReason === undefined ? {} : { archiveReason: line.archiveReason }),
    ...(id === null && content.created !== now ? { created: iso(content.created) } : {}),
    ...(content.times === null ? {} : { times: content.times.map(iso) }),
    ...(content.completedAt === null ? {} : { completedAt: iso(content.completedAt) }),
    ...(content.archivedAt === null ? {} : { archivedAt: iso(content.archivedAt) }),
    metadata: content.metadata,
    messages: content.messages,
  };
}

/** Lines without an ID are known by source and ref, else by what was said. */
function identityOf({ source, ref }: Line, messages: readonly JsonObject[]): string {
  return JSON.stringify(ref === undefined ? ["content", source ?? "", sorted(messages as Json[])] : ["ref", source ?? "", ref]);
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map((key) => [key, sorted(value[key]!)]),
  );
}
