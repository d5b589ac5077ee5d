/** Heads and messages as they are stored under encryption: metadata, state and bodies sealed, everything else as it is. */
import type { Head, NewMessage, StoredMessage, Whole } from "../../core/head.ts";
import type { Json } from "../../core/json.ts";
import type { ConversationKeys } from "./conversation-keys.ts";
import type { ConversationKey } from "./master-keys.ts";
import { openText, sealText, type SealedField } from "./sealed-text.ts";

/** What stands in the place of metadata: bound to the revision that it is. */
export async function sealMetadata(key: CryptoKey, conversation: string, revision: number, metadata: Json): Promise<Json> {
  return sealText(key, metadataField(conversation, revision), JSON.stringify(metadata));
}

/** What stands in the place of the chatbot's state. */
export async function sealSession(key: CryptoKey, conversation: string, session: Json): Promise<Json> {
  return session === null ? null : sealText(key, { conversation, field: "session", of: "" }, JSON.stringify(session));
}

/** A message with its body sealed. */
export async function sealMessage<M extends Pick<NewMessage, "key" | "body">>(
  key: CryptoKey,
  conversation: string,
  message: M,
): Promise<M> {
  const body = await sealText(key, { conversation, field: "message", of: message.key }, message.body);
  return { ...message, body: JSON.stringify(body) };
}

/** The head as it is stored under a key. */
export async function sealHead(head: Head, { key, keyring }: ConversationKey): Promise<Head> {
  const [metadata, session] = await Promise.all([
    sealMetadata(key, head.id, head.revision, head.metadata),
    sealSession(key, head.id, head.session),
  ]);
  return { ...head, metadata, session, keyring };
}

/** The whole of it as it is stored under a key. */
export async function sealWhole({ head, messages }: Whole, key: ConversationKey): Promise<Whole> {
  const [sealedHead, sealed] = await Promise.all([
    sealHead(head, key),
    Promise.all(messages.map((message) => sealMessage(key.key, head.id, message))),
  ]);
  return { head: sealedHead, messages: sealed };
}

/** The head as it was given. What has no key was stored without encryption, or has nothing left. Throws `StoredDataError`. */
export async function openHead(keys: ConversationKeys, head: Head): Promise<Head> {
  if (head.keyring === null) return head;
  const { key } = await keys.of(head.id, head.keyring);
  const [metadata, session] = await Promise.all([
    openText(key, metadataField(head.id, head.revision), head.metadata),
    head.session === null ? "null" : openText(key, { conversation: head.id, field: "session", of: "" }, head.session),
  ]);
  return { ...head, metadata: JSON.parse(metadata) as Json, session: JSON.parse(session) as Json };
}

/** Messages as they were given. Throws `StoredDataError`. */
export async function openMessages(key: CryptoKey, conversation: string, messages: readonly StoredMessage[]): Promise<StoredMessage[]> {
  return Promise.all(
    messages.map(async (message) => {
      const field: SealedField = { conversation, field: "message", of: message.key };
      return { ...message, body: await openText(key, field, asJson(message.body)) };
    }),
  );
}

/** The whole of it as it was given. Throws `StoredDataError`. */
export async function openWhole(keys: ConversationKeys, { head, messages }: Whole): Promise<Whole> {
  if (head.keyring === null) return { head, messages };
  const { key } = await keys.of(head.id, head.keyring);
  const [opened, open] = await Promise.all([openHead(keys, head), openMessages(key, head.id, messages)]);
  return { head: opened, messages: open };
}

/** Whether there is anything to seal: what was wiped or erased has no content, and needs no key. */
export function hasContent({ wiped, status }: Head): boolean {
  return !wiped && status !== "deleted";
}

const metadataField = (conversation: string, revision: number): SealedField => ({ conversation, field: "metadata", of: String(revision) });

/** What is no JSON is no sealed text either, and opening it says so. */
function asJson(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}
