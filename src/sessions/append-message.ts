/** Appending one message: what costs the same however long the chat is. */
import type { Message } from "../core/conversation.ts";
import type { AppendResult, State } from "../core/conversations.ts";
import { getOwn } from "../core/json.ts";
import type { SessionContext } from "./session-context.ts";
import type { Session } from "./session.ts";
import { textOf, textsOf } from "./transcript-texts.ts";
import { firstNewInOwn } from "./what-is-new.ts";

/** `append` of the store. */
export async function appendMessage(
  context: SessionContext,
  session: Session | string,
  message: Message,
  state: State | undefined,
): Promise<AppendResult> {
  const options = state === undefined ? {} : { state };
  if (typeof session === "string") return context.manager.appendMessages(session, [message], options);
  return context.inTurn(session, async () => {
    const result = await context.manager.appendMessages(session.id, [message], options);
    addTo(context, session, message);
    for (const key of ["context", "step", "leadData"] as const)
      if (state?.[key] !== undefined) Object.assign(session, { [key]: state[key] });
    return result;
  });
}

/** After what is known to be stored, and before what was said since and is still to be saved. */
function addTo(context: SessionContext, session: Session, message: Message): void {
  const { messages } = session;
  const text = textOf(message);
  // A repeat of a message that has an id was not stored again.
  const id = getOwn(message, "id");
  if (typeof id === "string" && id !== "" && messages.some((other) => getOwn(other, "id") === id && textOf(other) === text)) return;
  const known = context.known.get(session);
  if (!known) {
    messages.push(message);
    return;
  }
  const end = isKnown(messages, known.texts) ? messages.length : firstNewInOwn(known.texts, textsOf(messages));
  messages.splice(end, 0, message);
  known.texts.push(text);
  context.known.see(session, [message]);
}

/** A look at both ends, so that a long chat costs no more than a short one. */
function isKnown(messages: readonly Message[], texts: readonly string[]): boolean {
  const same = (i: number) => messages.length <= i || textOf(messages[i]!) === texts[i];
  return messages.length === texts.length && same(0) && same(Math.max(0, messages.length - 1));
}
