/** The conversation as callers see it, the same in library, API and client, and how it is made from a stored head. */
import { StoredDataError } from "./errors.ts";
import type { Head, SessionState, Status, StoredMessage } from "./head.ts";
import { getOwn, isJsonObject, setOwn, type Json, type JsonObject } from "./json.ts";

/** One entry of a transcript: any JSON object, in practice `{role, content, timestamp?, …}`. A string `id` makes repeats known. */
export type Message = JsonObject;

/** One chat. Times are ISO 8601 UTC with milliseconds. */
export interface Conversation {
  id: string;
  created: string;
  lastActivity: string;
  /** Null: not accessed since creation. */
  lastAccess: string | null;
  /** Null when archived. */
  expiresAt: string | null;
  status: Status;
  messageCount: number;
  /** With the chatbot's state as `context`, `step` and `leadData`. */
  metadata: JsonObject;
  /** The transcript or the part that was asked for, oldest first. */
  messages: Message[];
  version: number;
  completedAt?: string;
  archivedAt?: string;
  archiveReason?: string;
}

/** An entry of the directory: a conversation without messages. */
export interface DirectoryEntry extends Omit<Conversation, "messages"> {
  source: string;
  environment: "P" | "S" | "D";
  /** Where the searched words were said. */
  snippet?: string;
}

/** The keys of metadata that are the chatbot's state: kept apart, set whole. */
export const SESSION_KEYS = ["context", "step", "leadData"] as const;

/** An instant in epoch milliseconds as text. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** Splits metadata as callers give it into the part that merges and the session's state (null if it has none of it). */
export function splitMetadata(metadata: JsonObject): { metadata: JsonObject; session: SessionState | null } {
  const rest: JsonObject = {};
  let session: SessionState | null = null;
  for (const key of Object.keys(metadata)) {
    const value = metadata[key];
    if (value === undefined) continue;
    if ((SESSION_KEYS as readonly string[]).includes(key)) (session ??= {})[key as keyof SessionState] = value;
    else setOwn(rest, key, value);
  }
  return { metadata: rest, session };
}

/** The reverse of `splitMetadata`: metadata and state as one object. */
export function joinMetadata(metadata: Json, session: Json): JsonObject {
  const whole: JsonObject = {};
  if (isJsonObject(metadata)) for (const key of Object.keys(metadata)) setOwn(whole, key, metadata[key]!);
  if (isJsonObject(session)) {
    for (const key of SESSION_KEYS) {
      const value = getOwn(session, key);
      if (value !== undefined) whole[key] = value as Json;
    }
  }
  return whole;
}

/** A stored message of the conversation `id` as the caller gave it. Throws `StoredDataError` if it is damaged. */
export function toMessage(id: string, { seq, body }: StoredMessage): Message {
  try {
    return JSON.parse(body) as Message;
  } catch (cause) {
    throw new StoredDataError(`The stored message ${seq} of conversation ${id} cannot be read; restore this conversation from a backup`, {
      cause,
    });
  }
}

function headFields(head: Head): Omit<Conversation, "messages"> {
  return {
    id: head.id,
    created: isoTime(head.created),
    lastActivity: isoTime(head.lastActivity),
    lastAccess: head.lastAccess === null ? null : isoTime(head.lastAccess),
    expiresAt: head.expiresAt === null ? null : isoTime(head.expiresAt),
    status: head.status,
    messageCount: head.lastSeq,
    metadata: joinMetadata(head.metadata, head.session),
    version: head.version,
    ...(head.completedAt === null ? {} : { completedAt: isoTime(head.completedAt) }),
    ...(head.archivedAt === null ? {} : { archivedAt: isoTime(head.archivedAt) }),
    ...(head.archiveReason === null ? {} : { archiveReason: head.archiveReason }),
  };
}

/** What an answer was made from, for doors that need more than is shown: the ETag, whether it is a replay. */
export interface Origin {
  head: Head;
  replayed: boolean;
}

const origins = new WeakMap<object, Origin>();

/** Notes what an answer of the manager was made from. */
export function withOrigin<T extends object>(answer: T, origin: Origin): T {
  origins.set(answer, origin);
  return answer;
}

/** What an answer of the manager was made from; undefined for any other object. */
export function originOf(answer: object): Origin | undefined {
  return origins.get(answer);
}

/** A conversation from its head and messages. */
export function toConversation(head: Head, messages: readonly StoredMessage[], replayed = false): Conversation {
  return withOrigin({ ...headFields(head), messages: messages.map((stored) => toMessage(head.id, stored)) }, { head, replayed });
}

/** A directory entry from a head. */
export function toDirectoryEntry(head: Head, snippet?: string): DirectoryEntry {
  return { ...headFields(head), source: head.source, environment: head.environment, ...(snippet === undefined ? {} : { snippet }) };
}
