/** Messages as texts to compare, and as plain copies to keep. */
import type { Message } from "../core/conversation.ts";
import { storable } from "./storable.ts";
import { canonicalJson, encodeJson, type Json } from "../core/json.ts";

/** Deeper than any store takes; it ends what contains itself. */
const DEPTH = 64;

/** A text that is equal for messages that are stored alike: a `Date` is the text that it becomes. */
export function textOf(message: Message): string {
  return canonicalJson(JSON.parse(JSON.stringify(storable(message))) as Json);
}

/** The texts of messages, in their order. */
export function textsOf(messages: readonly Message[]): string[] {
  return messages.map(textOf);
}

/** Copies that later changes of the messages do not reach. Throws `InvalidInputError` for what JSON cannot carry. */
export function copiesOf(messages: readonly Message[]): Message[] {
  return messages.map((message, i) => JSON.parse(encodeJson(message, `messages[${i}]`, DEPTH)) as Message);
}
