// One conversation of the model: what section 3 of the specification says of it, and nothing of how the product does it.

import type { Json, JsonObject } from "../../src/core/json.ts";
import type { Rules } from "./command.ts";
import type { Matcher } from "./difference.ts";

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Receipts say when the last backup expires; in these tests backups are kept so long. */
export const BACKUP_DAYS = 30;

/** When something happens, and how long things last. */
export interface Moment {
  now: number;
  rules: Rules;
}

/** `at`: the times at which it may have happened. `details`: one of these. `delivered`: whether the directory has it. `sure`: it happened. */
export interface ModelEvent {
  type: string;
  at: number[];
  details: JsonObject[];
  delivered: "yes" | "no" | "perhaps";
  sure: boolean;
}

/** What an idempotency key stands for: the answer, and how many messages there were. */
export interface OnceEntry {
  content: unknown;
  until: number;
  answer: JsonObject;
  count: number;
}

/** What lists show; `lastAccess` and `expiresAt` may lag, so they are looked at apart. */
export type Entry = Record<string, unknown>;

export interface ModelConversation {
  readonly id: string;
  /** Tells two lives under the same ID apart. */
  readonly birth: symbol;
  readonly created: number;
  readonly source: string;
  lastActivity: number;
  lastAccess: number | null;
  expiresAt: number | null;
  status: "active" | "completed" | "archived" | "deleted";
  count: number;
  /** Never changed in place. */
  metadata: JsonObject;
  messages: readonly { body: JsonObject; storedAt: number }[];
  version: number;
  completedAt: number | null;
  archivedAt: number | null;
  archiveReason: string | null;
  wiped: boolean;
  held: boolean;
  /** The expiry for which `expiring` was said, and by expiry the times at which a sweep that failed may have said it. */
  warnedFor: number | null;
  warnings: ReadonlyMap<number, number[]>;
  subjects: ReadonlySet<string>;
  /** Where the messages stand that were appended with an id. */
  places: ReadonlyMap<string, { seq: number; body: JsonObject }>;
  once: ReadonlyMap<string, OnceEntry>;
  events: ModelEvent[];
  /** The entry of each version. */
  history: ReadonlyMap<number, Entry>;
  /** The version that the directory has at least. */
  indexed: number;
  place: "hot" | "archive" | "unsure";
  /** It has been in the archive: an old copy may still be there while it lives. */
  copied: boolean;
  /** The most messages that it ever had: more than an old copy in the archive cannot have. */
  most: number;
  /** When a sweep last took it up to archive it, to warn, or to move it. */
  taken: { expire: number; warn: number; move: number };
  receipts: { wiped: unknown; erased: unknown };
}

/** ISO 8601, UTC, milliseconds. */
export function iso(at: number): string {
  return new Date(at).toISOString();
}

/** A new conversation. `metadata` as it was given. */
export function born(
  id: string,
  created: number,
  metadata: JsonObject,
  messages: readonly JsonObject[],
  moment: Moment,
): ModelConversation {
  const { source } = metadata;
  const c: ModelConversation = {
    id,
    birth: Symbol(id),
    created,
    source: typeof source === "string" && source !== "" ? source : "unknown",
    lastActivity: created,
    lastAccess: null,
    expiresAt: created + moment.rules.ttlHours * HOUR,
    status: "active",
    count: messages.length,
    metadata,
    messages: messages.map((body) => ({ body, storedAt: created })),
    version: 0,
    completedAt: null,
    archivedAt: null,
    archiveReason: null,
    wiped: false,
    held: false,
    warnedFor: null,
    warnings: new Map(),
    subjects: new Set(),
    places: new Map(),
    once: new Map(),
    events: [],
    history: new Map(),
    indexed: 0,
    place: "hot",
    copied: false,
    most: 0,
    taken: { expire: -Infinity, warn: -Infinity, move: -Infinity },
    receipts: { wiped: null, erased: null },
  };
  changed(c);
  return c;
}

/** A copy to try something on. */
export function copy(c: ModelConversation): ModelConversation {
  return { ...c, events: c.events.map((event) => ({ ...event })), taken: { ...c.taken }, receipts: { ...c.receipts } };
}

/** To be called after each change: the version grows, and what people can be found by is noted. */
export function changed(c: ModelConversation): void {
  c.version += 1;
  c.place = "hot";
  c.most = Math.max(c.most, c.count);
  c.subjects = c.wiped ? new Set() : new Set([...c.subjects, ...subjectsIn(c.metadata)]);
  c.history = new Map([...c.history, [c.version, entryOf(c)]]);
}

export function say(c: ModelConversation, type: string, at: number, details: JsonObject = {}): void {
  c.events.push({ type, at: [at], details: [details], delivered: "no", sure: true });
}

export function isOpen(c: ModelConversation): boolean {
  return c.status === "active" || c.status === "completed";
}

export function isExpired(c: ModelConversation, now: number): boolean {
  return isOpen(c) && c.expiresAt !== null && c.expiresAt <= now;
}

/** Access or change moves the expiry to at least now + twice the TTL (`hours`: or that), never back, never beyond the maximum. */
export function touch(c: ModelConversation, { now, rules }: Moment, hours = 0): void {
  if (!isOpen(c)) return;
  c.lastAccess = now;
  const wanted = now + Math.max(2 * rules.ttlHours, hours) * HOUR;
  c.expiresAt = Math.min(Math.max(c.expiresAt ?? 0, wanted), now + rules.maxExtensionHours * HOUR);
}

/** The warnings that may have been given. */
export function perhapsWarned(c: ModelConversation): ModelEvent[] {
  return [...c.warnings].map(([expiresAt, at]) => ({
    type: "expiring",
    at,
    details: [{ expiresAt: iso(expiresAt) }, {}],
    delivered: "no",
    sure: false,
  }));
}

export function archive(c: ModelConversation, now: number, reason: string): void {
  Object.assign(c, { status: "archived", archivedAt: now, archiveReason: reason, expiresAt: null, copied: true });
  say(c, "archived", now, { reason });
}

/** Active again; an archived one says so. */
export function activate(c: ModelConversation, now: number): void {
  if (c.status === "archived") {
    say(c, "reactivated", now);
    Object.assign(c, { archivedAt: null, archiveReason: null });
  }
  c.status = "active";
}

/** A copy, archived if it has expired. */
export function expiredFirst(c: ModelConversation, now: number): ModelConversation {
  const after = copy(c);
  if (isExpired(c, now)) {
    archive(after, now, "expired");
    changed(after);
  }
  return after;
}

/** The conversation as reads answer it: expired ones show as archived. */
export function view(c: ModelConversation, now: number, show: "all" | "none" | number = "all"): JsonObject & { [field: string]: unknown } {
  const expired = isExpired(c, now);
  const archivedAt = expired ? c.expiresAt : c.archivedAt;
  const archiveReason = expired ? "expired" : c.archiveReason;
  const bodies = c.messages.map(({ body }) => body);
  return {
    id: c.id,
    created: iso(c.created),
    lastActivity: iso(c.lastActivity),
    lastAccess: c.lastAccess === null ? null : iso(c.lastAccess),
    expiresAt: expired || c.expiresAt === null ? null : iso(c.expiresAt),
    status: expired ? "archived" : c.status,
    messageCount: c.count,
    metadata: c.metadata,
    messages: show === "all" ? bodies : show === "none" || show === 0 ? [] : bodies.slice(-show),
    version: c.version,
    ...(c.completedAt === null ? {} : { completedAt: iso(c.completedAt) }),
    ...(archivedAt === null ? {} : { archivedAt: iso(archivedAt) }),
    ...(archiveReason === null ? {} : { archiveReason }),
  };
}

/** The stored conversation as lists show it. */
export function entryOf(c: ModelConversation): Entry {
  const { messages: _m, lastAccess: _l, expiresAt: _e, ...rest } = view(c, -Infinity);
  return { ...rest, source: c.source, environment: c.id.slice(-1) };
}

/** What an answer to wiping or erasing proves. */
export function receiptOf(c: ModelConversation, action: "wiped" | "erased", now: number): { [field: string]: Json | Matcher } {
  const stored = c.wiped ? 0 : c.count;
  return {
    id: c.id,
    action,
    at: iso(now),
    removed: (actual) => {
      const { hot, archive: archived } = actual as { hot: number; archive: number };
      return (hot === 0 || hot === stored) && archived >= 0 && archived <= c.most && (stored === 0 || hot + archived >= stored);
    },
    overwrittenBy: (actual) => actual === null || (typeof actual === "string" && Date.parse(actual) >= now),
    backupsExpireAt: iso(now + BACKUP_DAYS * DAY),
  };
}

const SUBJECT_KEYS = ["email", "phone", "visitorId"];

/** One text for all spellings of the same person's datum. */
export function subject(key: string, value: string): string {
  const plain = value.trim();
  if (key === "email") return `email ${plain.toLowerCase()}`;
  if (key === "phone") return `phone ${plain.startsWith("+") ? "+" : ""}${plain.replaceAll(/[^0-9]/g, "")}`;
  return `${key} ${plain}`;
}

function subjectsIn(metadata: JsonObject): string[] {
  const lead = metadata["leadData"];
  const places = [metadata, ...(typeof lead === "object" && lead !== null && !Array.isArray(lead) ? [lead] : [])];
  return places.flatMap((place) => SUBJECT_KEYS.flatMap((key) => (typeof place[key] === "string" ? [subject(key, place[key])] : [])));
}
