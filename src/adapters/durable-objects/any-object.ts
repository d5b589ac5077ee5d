/** Everything that Workers call on the objects of one class: of a conversation, or of the service's own. */
import type { RatesObjectLike } from "./rates-object.ts";
import type { RecordsObjectLike } from "./records-object.ts";
import type { ConversationObjectLike } from "./replies.ts";

export interface AnyObjectLike extends ConversationObjectLike, RecordsObjectLike, RatesObjectLike {}
