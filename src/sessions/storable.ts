/** What a chatbot holds, as any store takes it: one value that cannot be stored must not keep everything else from being stored. */
import { checkJson, isJsonObject, type Json } from "../core/json.ts";
import type { Message } from "../core/conversation.ts";

/** Deeper than any store takes. */
const DEPTH = 64;

function isStorable(value: unknown): boolean {
  try {
    checkJson(value, "value", DEPTH);
    return true;
  } catch {
    return false;
  }
}

/** NUL and halves of characters, such as an emoji that was cut, become the replacement character. */
function cleanText(text: string): string {
  return text.replaceAll("\0", "\ufffd").toWellFormed();
}

function cleaned(value: unknown): unknown {
  if (typeof value === "string") return cleanText(value);
  if (Array.isArray(value)) return value.map(cleaned);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [cleanText(key), cleaned(each)]));
}

/** A value as it is, if it can be stored; else as JSON carries it (no number becomes null, a function nothing), with its texts mended. */
export function storable(value: unknown): Json {
  if (isStorable(value)) return value as Json;
  try {
    return cleaned(JSON.parse(JSON.stringify(value) ?? "null")) as Json;
  } catch {
    // It contains itself, or a number of a kind that JSON has no form for.
    return null;
  }
}

/** The messages of a session. What is no object was said all the same: it becomes the content of one. */
export function storableMessages(messages: unknown): Message[] {
  if (!Array.isArray(messages)) return [];
  return messages.map((message) => {
    const value = storable(message);
    return isJsonObject(value) ? value : { role: "unknown", content: value };
  });
}
