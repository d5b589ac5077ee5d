/** Answers that carry a conversation's state: its ETag, and whether they repeat an earlier one. */
import { originOf } from "../core/conversation.ts";
import { etagOf } from "./etag.ts";
import { json, type Reply } from "./reply.ts";

/** A success with the headers of what it was made from. `window` is how much of the transcript it shows. */
export function stateReply(body: object, madeFrom: object, window: string | number): Reply {
  const origin = originOf(madeFrom);
  const headers: Record<string, string> = {};
  if (origin) headers["etag"] = etagOf(origin.head, window);
  if (origin?.replayed) headers["idempotency-replayed"] = "true";
  return json({ success: true, ...body }, 200, headers);
}
