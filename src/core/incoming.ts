/** What callers give, checked against the limits and made ready for the stores: messages, metadata, state, reasons. */
import { SESSION_KEYS, splitMetadata } from "./conversation.ts";
import type { State } from "./conversations.ts";
import { InvalidInputError, TooLargeError } from "./errors.ts";
import type { NewMessage } from "./head.ts";
import { canonicalJson, checkJson, encodeJson, getOwn, isJsonObject, type Json, type JsonObject } from "./json.ts";
import type { Limits } from "./limits.ts";
import type { Settings } from "./settings.ts";

const encoder = new TextEncoder();

/** The length of a text in UTF-8 bytes. */
export function utf8Length(text: string): number {
  // Most texts are short; a text of n units has at least n and at most 3n bytes.
  return encoder.encode(text).length;
}

/** Refuses what is larger than its limit with a sentence that says which, and how large. */
export function checkSize(what: string, bytes: number, limit: number): void {
  if (bytes > limit)
    throw new TooLargeError(`${what} is too large: ${bytes} bytes; at most ${limit} bytes are taken`, { details: { bytes, limit } });
}

/** A text of `least` to `limit` characters; throws `InvalidInputError` naming the field. */
export function checkText(value: unknown, field: string, limit: number, least = 0): string {
  if (typeof value !== "string" || value.length < least || value.length > limit) {
    throw new InvalidInputError(`${field} must be a text of ${least} to ${limit} characters`);
  }
  checkJson(value, field, 1);
  return value;
}

function checkedBody(message: unknown, field: string, limits: Limits): { body: string; size: number } {
  if (!isJsonObject(message)) throw new InvalidInputError(`${field} must be a JSON object`);
  const body = encodeJson(message, field, limits.jsonDepth);
  if (!body.startsWith("{")) throw new InvalidInputError(`${field} must be a JSON object`);
  const size = utf8Length(body);
  checkSize(field, size, limits.messageBytes);
  return { body, size };
}

/** What tells a repeat of a message from another one under the same id: a digest of its content in canonical form. */
export async function digestOf(body: string, settings: Pick<Settings, "digest">): Promise<string> {
  return (await settings.digest(`message\n${canonicalJson(JSON.parse(body) as Json)}`)).slice(0, 22);
}

/** Messages of an append: one whose `id` is a text is known by it, so that a repeat adds nothing. */
export async function incomingMessages(messages: unknown, settings: Settings): Promise<NewMessage[]> {
  if (!Array.isArray(messages)) throw new InvalidInputError("messages must be a list");
  const { limits } = settings;
  if (messages.length > limits.batch) throw new InvalidInputError(`messages must hold at most ${limits.batch} messages`);
  const incoming: NewMessage[] = [];
  for (const [i, message] of messages.entries()) {
    const field = messages.length === 1 ? "message" : `messages[${i}]`;
    const { body, size } = checkedBody(message, field, limits);
    const id = getOwn(message as JsonObject, "id");
    if (typeof id !== "string" || id === "") {
      incoming.push({ key: `r:${settings.randomText()}`, digest: null, body, size });
    } else {
      checkText(id, `${field}.id`, limits.messageId, 1);
      const digest = await digestOf(body, settings);
      incoming.push({ key: `i:${id}`, digest, body, size });
    }
  }
  return incoming;
}

/** Messages of a whole transcript (create, update, import): kept as they are, repeated ids included. */
export function wholeTranscript(messages: unknown, settings: Settings): NewMessage[] {
  if (!Array.isArray(messages)) throw new InvalidInputError("messages must be a list");
  const { limits } = settings;
  let bytes = 0;
  const transcript = messages.map((message, i) => {
    const { body, size } = checkedBody(message, `messages[${i}]`, limits);
    bytes += size;
    return { key: `r:${settings.randomText()}`, digest: null, body, size };
  });
  if (transcript.length > limits.conversationMessages || bytes > limits.conversationBytes) {
    throw new TooLargeError(
      `The conversation is too large: ${transcript.length} messages and ${bytes} bytes; ` +
        `at most ${limits.conversationMessages} messages and ${limits.conversationBytes} bytes fit`,
    );
  }
  return transcript;
}

/** The keys of metadata that are set at creation and stay. */
export const FIXED_KEYS = ["source", "clientIP", "userAgent", "originalSessionId"] as const;

/** Metadata as it is stored: a plain copy and the state in it, within their limits. */
export function incomingMetadata(metadata: unknown, limits: Limits): { metadata: JsonObject; session: JsonObject | null } {
  if (!isJsonObject(metadata)) throw new InvalidInputError("metadata must be a JSON object");
  const copy = JSON.parse(encodeJson(metadata, "metadata", limits.jsonDepth)) as Json;
  if (!isJsonObject(copy)) throw new InvalidInputError("metadata must be a JSON object");
  const split = splitMetadata(copy);
  checkStored(split.metadata, split.session as JsonObject | null, limits);
  for (const [key, limit] of [
    ["source", limits.source],
    ["userAgent", limits.userAgent],
  ] as const) {
    const value = getOwn(copy, key);
    if (value !== undefined && value !== null) checkText(value, `metadata.${key}`, limit);
  }
  return { metadata: split.metadata, session: split.session as JsonObject | null };
}

/** Refuses metadata and state that are too large to keep. */
export function checkStored(metadata: Json, session: Json, limits: Limits): void {
  checkSize("metadata", utf8Length(JSON.stringify(metadata)), limits.metadataBytes);
  if (session !== null) checkSize("The session's state", utf8Length(JSON.stringify(session)), limits.sessionBytes);
}

/** The chatbot's state as it is stored, and whether it is all of it: then it can be set without reading. */
export function incomingState(state: State, limits: Limits): { session: JsonObject; complete: boolean } {
  if (!isJsonObject(state)) throw new InvalidInputError("state must be a JSON object");
  const session: JsonObject = {};
  for (const key of Object.keys(state)) {
    if (!(SESSION_KEYS as readonly string[]).includes(key)) {
      throw new InvalidInputError(`state takes ${SESSION_KEYS.join(", ")}; it must not hold other fields`);
    }
    const value = state[key];
    if (value !== undefined) session[key] = JSON.parse(encodeJson(value, `state.${key}`, limits.jsonDepth - 1)) as Json;
  }
  checkSize("The session's state", utf8Length(JSON.stringify(session)), limits.sessionBytes);
  return { session, complete: SESSION_KEYS.every((key) => key in session) };
}
