/** Conversations made up for the cases: heads, messages and wholes that could have come from a manager. */
import type { Head, NewMessage, StoredMessage, Whole } from "../core/head.ts";
import { ConversationIDGenerator, type Environment } from "../core/id.ts";
import type { JsonObject } from "../core/json.ts";

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const encoder = new TextEncoder();

/** A random text, for message keys and incarnations. */
export function randomText(): string {
  return crypto.randomUUID().replaceAll("-", "").slice(0, 16);
}

/** The head of a conversation that was created at `created` and has no messages yet; its ID agrees with time and environment. */
export function makeHead(created: number, fields: Partial<Head> = {}): Head {
  const environment: Environment = fields.environment ?? "P";
  return {
    id: ConversationIDGenerator.generate(environment, { now: created }),
    status: "active",
    source: "conformance",
    environment,
    incarnation: randomText(),
    version: 1,
    revision: 1,
    lastSeq: 0,
    bytes: 0,
    created,
    lastActivity: created,
    lastAccess: null,
    expiresAt: created + DAY,
    completedAt: null,
    archivedAt: null,
    archiveReason: null,
    wiped: false,
    warnedFor: null,
    hold: false,
    tokenEpoch: 0,
    keyring: null,
    subjects: [],
    metadata: { source: "conformance", topic: "printer" },
    session: null,
    ...fields,
  };
}

/** Fields of a conversation that was archived at this time. */
export function archivedAt(at: number, fields: Partial<Head> = {}): Partial<Head> {
  return { status: "archived", version: 4, archivedAt: at, archiveReason: "expired", expiresAt: null, lastActivity: at, ...fields };
}

/** Some JSON object on its way into a store. With `id` it is known by that ID, and a repeat is told by its content. */
export function makeMessage(content: string | JsonObject, id?: string): NewMessage {
  const body = JSON.stringify(typeof content === "string" ? { role: "user", content } : content);
  const size = encoder.encode(body).length;
  return id === undefined
    ? { key: `r:${randomText()}`, digest: null, body, size }
    : { key: `i:${id}`, digest: `digest of ${body}`, body, size };
}

/** The sum of their sizes. */
export function bytesOf(messages: readonly NewMessage[]): number {
  return messages.reduce((sum, { size }) => sum + size, 0);
}

/** A conversation with these messages, a second between each and the next. */
export function makeWhole(created: number, messages: readonly (string | NewMessage)[] = [], fields: Partial<Head> = {}): Whole {
  const stored: StoredMessage[] = messages.map((message, i) => ({
    ...(typeof message === "string" ? makeMessage(message) : message),
    seq: i + 1,
    storedAt: created + i * 1000,
  }));
  return { head: makeHead(created, { lastSeq: stored.length, bytes: bytesOf(stored), ...fields }), messages: stored };
}

/** So many texts, `said 1` first. */
export function texts(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `said ${i + 1}`);
}
