/** Encrypts a live conversation that was stored without encryption, where it is. */
import type { HotStore } from "../../core/hot-store.ts";
import type { ConversationKeys } from "./conversation-keys.ts";
import { hasContent, sealMessage, sealMetadata, sealSession } from "./sealed-parts.ts";

/**
 * Seals everything that is there in one commit, which holds only for what was read; tries again if it has changed. True: this
 * call did it. False: it is encrypted already, has nothing to encrypt, or is not here.
 */
export async function encryptInPlace(hot: HotStore, keys: ConversationKeys, id: string): Promise<boolean> {
  for (;;) {
    const whole = await hot.read(id, Number.MAX_SAFE_INTEGER);
    if (!whole || whole.head.keyring !== null || !hasContent(whole.head)) return false;
    const { head, messages } = whole;
    const { key, keyring } = await keys.create(id);
    const [metadata, session, sealed] = await Promise.all([
      sealMetadata(key, id, head.revision + 1, head.metadata),
      sealSession(key, id, head.session),
      Promise.all(messages.map((message) => sealMessage(key, id, message))),
    ]);
    const { now } = await hot.probe();
    const committed = await hot.commit(id, {
      now,
      require: { version: head.version, revision: head.revision },
      keyring,
      metadata,
      session,
      bodies: sealed.map(({ seq, body }) => ({ seq, body })),
    });
    if (committed.outcome === "done") return true;
    if (committed.outcome !== "conflict") return false;
  }
}
