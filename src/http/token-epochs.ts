/** The epochs of conversations, against which tokens are held: read from the store, and remembered for a few seconds. */
import { originOf } from "../core/conversation.ts";
import type { Conversations } from "../core/conversations.ts";

/** Less than the 5 s in which a revocation has to be known everywhere. */
const REMEMBERED_MS = 4_000;
const REMEMBERED = 10_000;

/** Asks for epochs. */
export interface TokenEpochs {
  /** Null: the conversation is unknown. Throws `GoneError` for an erased one. */
  of(id: string): Promise<number | null>;
  /** It has been moved on here. */
  forget(id: string): void;
}

/** The epochs of a manager's conversations. */
export function createTokenEpochs(manager: Conversations, clock: () => number): TokenEpochs {
  const remembered = new Map<string, { epoch: number; at: number }>();
  return {
    async of(id) {
      const now = clock();
      const known = remembered.get(id);
      if (known && Math.abs(now - known.at) < REMEMBERED_MS) return known.epoch;
      const conversation = await manager.peekConversation(id, { messages: "none" });
      const epoch = (conversation && originOf(conversation)?.head.tokenEpoch) ?? null;
      if (epoch === null) return null;
      if (remembered.size >= REMEMBERED) remembered.clear();
      remembered.set(id, { epoch, at: now });
      return epoch;
    },
    forget: (id) => void remembered.delete(id),
  };
}
