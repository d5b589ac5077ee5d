/** What is needed of a binding of objects. Cloudflare's `DurableObjectNamespace` has it, and so has a namespace of one jurisdiction. */
import type { ConversationObjectLike } from "./replies.ts";

export interface DurableObjectNamespaceLike<T = ConversationObjectLike> {
  /** The object of this name, which exists as soon as it is asked something. */
  getByName(name: string): T;
}
