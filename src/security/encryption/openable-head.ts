/** A head in a list: if it cannot be opened, the others are answered all the same, and it without its content. */
import { StoredDataError } from "../../core/errors.ts";
import type { Head } from "../../core/head.ts";
import type { ConversationKeys } from "./conversation-keys.ts";
import { openHead } from "./sealed-parts.ts";

/** The head with its content, or with none if that cannot be opened, which `onUnreadable` is told. */
export async function openableHead(keys: ConversationKeys, head: Head, onUnreadable: (id: string, error: unknown) => void): Promise<Head> {
  try {
    return await openHead(keys, head);
  } catch (error) {
    if (!(error instanceof StoredDataError)) throw error;
    onUnreadable(head.id, error);
    return { ...head, metadata: {}, session: null };
  }
}
