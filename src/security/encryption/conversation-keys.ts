/** The keys of conversations, unwrapped once and kept for a while: unwrapping costs more than using. */
import type { ConversationKey, MasterKeys } from "./master-keys.ts";

/** Keys that are kept at most, the least lately used forgotten first. */
const KEPT = 10_000;

/** Gives the keys of conversations. */
export interface ConversationKeys {
  /** A new key for a conversation that has none. */
  create(conversation: string): Promise<ConversationKey>;
  /** The key that a head carries. Throws `StoredDataError`. */
  of(conversation: string, keyring: string): Promise<ConversationKey>;
  /** The key of a conversation whose head was seen before; undefined: it has to be read. */
  known(conversation: string): ConversationKey | undefined;
  /** It was wiped, erased or removed here. */
  forget(conversation: string): void;
}

/** Keys under master keys. */
export function createConversationKeys(master: MasterKeys): ConversationKeys {
  const kept = new Map<string, ConversationKey>();

  function keep(conversation: string, key: ConversationKey): ConversationKey {
    kept.delete(conversation);
    if (kept.size >= KEPT) kept.delete(kept.keys().next().value!);
    kept.set(conversation, key);
    return key;
  }

  return {
    // It is not known before it is stored: another server may have made one for the same ID.
    create: (conversation) => master.create(conversation),
    async of(conversation, keyring) {
      const known = kept.get(conversation);
      if (known?.keyring === keyring) return keep(conversation, known);
      return keep(conversation, await master.unwrap(conversation, keyring));
    },
    known(conversation) {
      const known = kept.get(conversation);
      return known && keep(conversation, known);
    },
    forget: (conversation) => void kept.delete(conversation),
  };
}
