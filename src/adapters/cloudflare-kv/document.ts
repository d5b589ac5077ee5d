/**
 * A conversation as one KV value: the record that older code wrote, field by field, so that it can still read ours, with
 * what it has no field for under `more`. Records of older code are read as they are, whatever is missing in them.
 */
import { isoTime, joinMetadata, SESSION_KEYS, splitMetadata } from "../../core/conversation.ts";
import { StoredDataError } from "../../core/errors.ts";
import { STATUSES, type Head, type LifecycleEvent, type Status, type StoredMessage, type Whole } from "../../core/head.ts";
import type { Environment } from "../../core/id.ts";
import { getOwn, isJsonObject, type Json, type JsonObject } from "../../core/json.ts";

/** A conversation with its events, of which the newest 100 are kept, and fields that older code let its callers set. */
export interface Document {
  whole: Whole;
  events: LifecycleEvent[];
  others: JsonObject;
}

/** Of a message: key, time of storing, size, and digest if it has one. In the order of the transcript. */
type Entry = [key: string, storedAt: number, size: number, digest?: string];

/** What older code has no field for; it writes it back as it was. What is absent is 0, false, null or empty. */
interface More {
  incarnation: string;
  revision: number;
  source: string;
  entries: Entry[];
  events: LifecycleEvent[];
  wiped?: boolean;
  warnedFor?: number;
  hold?: boolean;
  tokenEpoch?: number;
  keyring?: string;
  subjects?: string[];
  /** Metadata and state where they are not the plain objects that `metadata` can show (sealed, for example). */
  sealed?: { metadata: Json; session: Json };
}

const MOST_EVENTS = 100;

/** The fields of a record. */
const KNOWN = new Set(
  "id created lastActivity status messageCount metadata messages lastAccess expiresAt completedAt archivedAt archiveReason version more".split(
    " ",
  ),
);

/** The incarnation of what older code made. */
const BEFORE_INCARNATIONS = "0";

const encoder = new TextEncoder();

/** The value to store. */
export function textOf({ whole: { head, messages }, events, others }: Document): string {
  const front = {
    ...others,
    id: head.id,
    created: isoTime(head.created),
    lastActivity: isoTime(head.lastActivity),
    status: head.status,
    // What was wiped keeps its count.
    messageCount: head.lastSeq,
    metadata: joinMetadata(head.metadata, head.session),
  };
  const times = {
    lastAccess: head.lastAccess,
    expiresAt: head.expiresAt,
    completedAt: head.completedAt,
    archivedAt: head.archivedAt,
  };
  const back = {
    ...Object.fromEntries(Object.entries(times).flatMap(([name, at]) => (at === null ? [] : [[name, isoTime(at)]]))),
    ...(head.archiveReason === null ? {} : { archiveReason: head.archiveReason }),
    version: head.version,
    more: moreOf(head, messages, events),
  };
  // Bodies are JSON already; they go in as they are.
  const bodies = messages.map(({ body }) => body).join(",");
  return `${JSON.stringify(front).slice(0, -1)},"messages":[${bodies}],${JSON.stringify(back).slice(1)}`;
}

function moreOf(head: Head, messages: readonly StoredMessage[], events: readonly LifecycleEvent[]): More {
  const more: More = {
    incarnation: head.incarnation,
    revision: head.revision,
    source: head.source,
    entries: messages.map(({ key, storedAt, size, digest }) => (digest === null ? [key, storedAt, size] : [key, storedAt, size, digest])),
    events: events.slice(-MOST_EVENTS),
  };
  if (head.wiped) more.wiped = true;
  if (head.warnedFor !== null) more.warnedFor = head.warnedFor;
  if (head.hold) more.hold = true;
  if (head.tokenEpoch !== 0) more.tokenEpoch = head.tokenEpoch;
  if (head.keyring !== null) more.keyring = head.keyring;
  if (head.subjects.length > 0) more.subjects = head.subjects;
  if (!isPlain(head.metadata, head.session)) more.sealed = { metadata: head.metadata, session: head.session };
  return more;
}

/** Whether metadata and state can be told apart again after they were joined. */
function isPlain(metadata: Json, session: Json): boolean {
  const isState = (key: string): boolean => (SESSION_KEYS as readonly string[]).includes(key);
  if (!isJsonObject(metadata) || Object.keys(metadata).some(isState)) return false;
  if (session === null) return true;
  return isJsonObject(session) && Object.keys(session).length > 0 && Object.keys(session).every(isState);
}

/** Reads a value. The key, not the record, says whose it is. Throws `StoredDataError` for what is no record. */
export function documentFrom(text: string, id: string): Document {
  let record: unknown;
  try {
    record = JSON.parse(text);
  } catch (cause) {
    throw new StoredDataError("The stored conversation is not readable: its value in KV is not JSON", { cause });
  }
  if (!isJsonObject(record)) throw new StoredDataError("The stored conversation is not readable: its value in KV is not an object");
  const found = getOwn(record, "more");
  const more = (isJsonObject(found) ? found : {}) as unknown as Partial<More>;
  const messages = storedMessages(record, Array.isArray(more.entries) ? more.entries : []);
  const head = headFrom(record, more, id, messages);
  const others = Object.entries(record).filter(([field]) => !KNOWN.has(field));
  return { whole: { head, messages }, events: Array.isArray(more.events) ? more.events : [], others: Object.fromEntries(others) };
}

function storedMessages(record: JsonObject, entries: readonly Entry[]): StoredMessage[] {
  const messages = getOwn(record, "messages");
  if (!Array.isArray(messages)) return [];
  const written = timeIn(record, "lastActivity") ?? 0;
  return messages.map((message: Json, i) => {
    const body = JSON.stringify(message);
    const entry = entries[i];
    // Older code may have put in another message since: then the entry speaks of one that is gone.
    if (!entry || !speaksOf(entry, message)) {
      return { seq: i + 1, storedAt: written, key: `k:${i + 1}`, digest: null, body, size: encoder.encode(body).length };
    }
    const [key, storedAt, size, digest = null] = entry;
    return { seq: i + 1, storedAt, key, digest, body, size };
  });
}

function speaksOf([key]: Entry, message: Json): boolean {
  const id = isJsonObject(message) ? getOwn(message, "id") : undefined;
  return !key.startsWith("i:") || typeof id !== "string" || key === `i:${id}`;
}

function headFrom(record: JsonObject, more: Partial<More>, id: string, messages: readonly StoredMessage[]): Head {
  const shown = getOwn(record, "metadata");
  const plain = splitMetadata(isJsonObject(shown) ? shown : {});
  const { metadata, session } = more.sealed ?? { metadata: plain.metadata as Json, session: plain.session as Json };
  const wiped = more.wiped === true;
  const created = timeIn(record, "created") ?? timeOfId(id);
  const version = getOwn(record, "version");
  const status = getOwn(record, "status") as Status;
  const reason = getOwn(record, "archiveReason");
  const source = more.source ?? getOwn(plain.metadata, "source");
  const count = getOwn(record, "messageCount");
  return {
    id,
    status: STATUSES.includes(status) ? status : "active",
    source: typeof source === "string" && source !== "" ? source : "unknown",
    environment: id.slice(-1) as Environment,
    incarnation: more.incarnation ?? BEFORE_INCARNATIONS,
    version: typeof version === "number" ? version : 0,
    revision: more.revision ?? 0,
    lastSeq: (wiped || status === "deleted") && typeof count === "number" ? count : messages.length,
    bytes: messages.reduce((sum, { size }) => sum + size, 0),
    created,
    lastActivity: timeIn(record, "lastActivity") ?? created,
    lastAccess: timeIn(record, "lastAccess"),
    expiresAt: timeIn(record, "expiresAt"),
    completedAt: timeIn(record, "completedAt"),
    archivedAt: timeIn(record, "archivedAt"),
    archiveReason: typeof reason === "string" ? reason : null,
    wiped,
    warnedFor: more.warnedFor ?? null,
    hold: more.hold === true,
    tokenEpoch: more.tokenEpoch ?? 0,
    keyring: more.keyring ?? null,
    subjects: more.subjects ?? [],
    metadata,
    session,
  };
}

/** A time in a record, as ISO 8601 or epoch milliseconds; null: none. */
function timeIn(record: JsonObject, field: string): number | null {
  const value = getOwn(record, field);
  const ms = typeof value === "string" ? Date.parse(value) : typeof value === "number" ? value : Number.NaN;
  return Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? ms : null;
}

/** The time that every ID carries, whatever its prefix. */
function timeOfId(id: string): number {
  const [, year, month, day, hour, minute, second] = /_(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)(\d\d)_/.exec(id) ?? [];
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) || 0;
}
