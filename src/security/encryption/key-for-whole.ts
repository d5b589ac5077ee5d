/** Under which key a conversation is stored whole. In one database it has the same for life, wherever it is. */
import { StoredDataError } from "../../core/errors.ts";
import type { Head } from "../../core/head.ts";
import type { ConversationKeys } from "./conversation-keys.ts";
import type { ConversationKey } from "./master-keys.ts";

/** The keyring under which this database has a conversation already, in whichever place; null: none. */
export type StoredKeyring = (id: string) => Promise<string | null>;

/** The key of a wrapped key; null: it is none of ours, as when it comes from another database. */
async function ours(keys: ConversationKeys, id: string, keyring: string | null): Promise<ConversationKey | null> {
  if (keyring === null) return null;
  try {
    return await keys.of(id, keyring);
  } catch (error) {
    if (error instanceof StoredDataError) return null;
    throw error;
  }
}

/** The key that the head brings, else the one that the conversation has here, else a new one. */
export async function keyForWhole(keys: ConversationKeys, { id, keyring, version }: Head, stored: StoredKeyring): Promise<ConversationKey> {
  const brought = await ours(keys, id, keyring);
  if (brought) return brought;
  // What is being created for the first time is nowhere yet.
  const there = version > 1 ? await stored(id) : null;
  return there === null ? keys.create(id) : keys.of(id, there);
}
