/** Importing and exporting conversations whole, one after another. */
import { isoTime, joinMetadata, toConversation, type Conversation, type Message } from "./conversation.ts";
import { readWhole, settle, tell, type Context } from "./commit.ts";
import { firstHead, storedFrom, UNKNOWN_SOURCE } from "./create.ts";
import { ConflictError, GoneError, InvalidInputError, NotSupportedError } from "./errors.ts";
import { STATUSES, type Head, type Status, type Whole } from "./head.ts";
import { checkText, incomingMetadata, wholeTranscript } from "./incoming.ts";
import { instant } from "./instant.ts";
import { canonicalJson, isJsonObject, setOwn, type Json, type JsonObject } from "./json.ts";
import { scanIds } from "./scan-ids.ts";

/** A line of an export, or of somebody else's transcripts: then `messages` alone is needed, and `source` and `ref` make repeats known. */
export interface ImportLine {
  id?: string;
  source?: string;
  ref?: string;
  created?: string;
  lastActivity?: string;
  status?: Status;
  completedAt?: string;
  archivedAt?: string;
  archiveReason?: string;
  metadata?: JsonObject;
  messages: Message[];
  /** When each message was stored. */
  times?: string[];
}

/** What came of a line: its ID, and whether it was there already. */
export interface ImportResult {
  id: string;
  outcome: "imported" | "skipped";
}

/** A line of an export. */
export interface ExportLine extends Conversation {
  source: string;
  environment: string;
  times: string[];
}

function time(value: unknown, field: string): number | null {
  return value === undefined || value === null ? null : instant(value, field);
}

interface Content {
  metadata: JsonObject;
  session: JsonObject | null;
  messages: ReturnType<typeof wholeTranscript>;
  times: number[];
  created: number;
}

/** Fields of a line that have a place of their own; what else a line without an ID holds goes to its metadata. */
const KNOWN_FIELDS = new Set(
  "id source environment created lastActivity lastAccess expiresAt status messageCount version completedAt archivedAt archiveReason metadata messages times".split(
    " ",
  ),
);

/** Metadata as the line gives it. A source that is too long to be one is cut, and kept whole beside it. */
function metadataOf(line: ImportLine, longest: number): JsonObject {
  const given: JsonObject = { ...line.metadata };
  if (line.id === undefined) {
    for (const key of Object.keys(line)) {
      if (!KNOWN_FIELDS.has(key) && !Object.hasOwn(given, key)) setOwn(given, key, (line as unknown as JsonObject)[key]!);
    }
  }
  const { source } = line;
  if (source === undefined || source === UNKNOWN_SOURCE || given["source"] !== undefined) return given;
  if (typeof source !== "string") throw new InvalidInputError("source must be a text");
  given["source"] = source.slice(0, longest).toWellFormed();
  if (source.length > longest) given["sourceName"] = source;
  return given;
}

function content({ settings }: Context, line: ImportLine): Content {
  const now = settings.clock();
  const given = metadataOf(line, settings.limits.source);
  const messages = wholeTranscript(line.messages, settings);
  const created = time(line.created, "created") ?? (line.id === undefined ? now : settings.ids.parse(line.id).timestamp.getTime());
  if (line.times !== undefined && (!Array.isArray(line.times) || line.times.length !== messages.length))
    throw new InvalidInputError("times must hold one time for each message");
  const times = (line.times ?? []).map((each, i) => instant(each, `times[${i}]`));
  return { ...incomingMetadata(given, settings.limits), messages, times, created };
}

/** How often each `source` and `ref` came in one run, by a hash of the two. */
export type SeenLines = Map<number, number>;

/** What a line without an ID is known by: `source` and `ref`, else what was said. */
function identityOf(line: ImportLine, messages: Content["messages"]): string {
  const source = typeof line.source === "string" ? line.source : "";
  if (line.ref !== undefined) return `ref\n${source}\n${checkText(line.ref, "ref", 256)}`;
  return `content\n${source}\n${canonicalJson(messages.map((message) => JSON.parse(message.body) as Json))}`;
}

/** FNV-1a over UTF-16 units, twice, as one number of 53 bits: small enough to keep for every line of a long file. */
function hashOf(text: string): number {
  let low = 0x811c9dc5;
  let high = 0x01000193;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x85ebca6b);
  }
  return (high >>> 11) * 0x100000000 + (low >>> 0);
}

/** How many lines like this one came before it in this run. */
function countSeen(seen: SeenLines | undefined, identity: string): number {
  if (!seen) return 0;
  const hash = hashOf(identity);
  const before = seen.get(hash) ?? 0;
  seen.set(hash, before + 1);
  return before;
}

/** The ID that a line without one was given before, or is given now. */
async function idFor({ stores, settings }: Context, identity: string, before: number, created: number): Promise<string> {
  if (!stores.records) throw new NotSupportedError("This store cannot tell repeats of lines without an id; give each an id");
  const key = await settings.digest(`import\n${before === 0 ? "" : `${before}\n`}${identity}`);
  const id = settings.ids.generate(settings.environment, { now: created });
  const claimed = await stores.records.put("import", key, { id }, { ifVersion: 0 });
  return (claimed.value as { id: string }).id;
}

/**
 * Takes a conversation whole. With an ID it is kept; the same again is skipped, other content under it is a conflict.
 * Without one, a repeat is known by `source` and `ref`, else by what was said; with `seen` (one for all lines of a file, given
 * in their order) the second line of the same `source` and `ref` in one run is another conversation, since some files name a
 * topic there, and the same file again adds nothing.
 * It is archived (reason `imported`, unless the line tells), or `active` if wanted. All of it is stored, or nothing.
 */
export async function importConversation(
  context: Context,
  line: ImportLine,
  options: { active?: boolean; seen?: SeenLines } = {},
): Promise<ImportResult> {
  const { stores, settings } = context;
  if (!isJsonObject(line)) throw new InvalidInputError("a line must be a JSON object");
  if (line.id !== undefined && !settings.ids.validate(line.id)) throw new InvalidInputError("id is not a valid conversation ID");
  if (line.status !== undefined && !STATUSES.includes(line.status))
    throw new InvalidInputError(`status must be one of ${STATUSES.join(", ")}`);
  if (line.status === "deleted") throw new InvalidInputError("an erased conversation cannot be imported");
  if (line.metadata !== undefined && !isJsonObject(line.metadata)) throw new InvalidInputError("metadata must be a JSON object");
  const given = content(context, line);
  let id = line.id;
  if (id === undefined) {
    const identity = identityOf(line, given.messages);
    id = await idFor(context, identity, line.ref === undefined ? 0 : countSeen(options.seen, identity), given.created);
  }
  if (await stores.archive?.erased(id)) throw new GoneError();

  const head = importedHead(await firstHead(context, id, given.created, given), given, line, options.active === true, context);
  const whole: Whole = { head, messages: storedFrom(given.messages, (i) => given.times[i] ?? given.created) };
  const there = await readWhole(context, id, Infinity);
  if (there) return sameAgain(whole, there.whole);
  const events = [
    { type: "created", at: head.created, details: { source: head.source } },
    ...(head.status === "archived" ? [{ type: "archived", at: head.archivedAt!, details: { reason: head.archiveReason } }] : []),
  ];
  const created = await stores.hot.create(whole, { events });
  if (created.outcome !== "done") {
    const now = await readWhole(context, id, Infinity);
    if (!now) throw new ConflictError("The conversation is changing; import the line again");
    return sameAgain(whole, now.whole);
  }
  tell(context, id, { now: settings.clock(), events });
  await settle(context, id);
  return { id, outcome: "imported" };
}

function importedHead(first: Head, given: Content, line: ImportLine, active: boolean, { settings }: Context): Head {
  const now = settings.clock();
  const lastActivity = Math.max(time(line.lastActivity, "lastActivity") ?? given.times.at(-1) ?? given.created, given.created);
  const completedAt = time(line.completedAt, "completedAt");
  const shared = { ...first, lastActivity, completedAt };
  if (active) return { ...shared, status: "active", expiresAt: now + Math.min(2 * settings.ttlMs, settings.maxExtensionMs) };
  const archiveReason =
    line.archiveReason === undefined ? "imported" : checkText(line.archiveReason, "archiveReason", settings.limits.archiveReason, 1);
  return { ...shared, status: "archived", expiresAt: null, archivedAt: time(line.archivedAt, "archivedAt") ?? now, archiveReason };
}

function sameAgain(given: Whole, stored: Whole): ImportResult {
  const { id } = stored.head;
  if (stored.head.status === "deleted") throw new GoneError();
  const text = ({ head, messages }: Whole) =>
    canonicalJson([joinMetadata(head.metadata, head.session), messages.map((message) => JSON.parse(message.body) as Json)]);
  if (text(given) !== text(stored)) throw new ConflictError(`${id} is stored with other content`);
  return { id, outcome: "skipped" };
}

/** All conversations whole, those of the hot store and the archive each once, in ID order; what was wiped or erased is left out. */
export async function* exportConversations(context: Context, options: { after?: string } = {}): AsyncGenerator<ExportLine> {
  for await (const ids of scanIds(context.stores, options.after ?? null)) {
    for (const id of ids) {
      const found = await readWhole(context, id, Infinity);
      if (found && !found.whole.head.wiped && found.whole.head.status !== "deleted") yield exportLine(found.whole);
    }
  }
}

function exportLine({ head, messages }: Whole): ExportLine {
  return {
    ...toConversation(head, messages),
    source: head.source,
    environment: head.environment,
    times: messages.map((message) => isoTime(message.storedAt)),
  };
}
