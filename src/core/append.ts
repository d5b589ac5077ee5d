/** Appending: one commit, with the chatbot's state and the window in the same round trip. Nothing is read first. */
import { isoTime, toMessage, withOrigin, type Message } from "./conversation.ts";
import type { AppendOptions, AppendResult } from "./conversations.ts";
import { checkId, commitPlan, expecting, readHead, tell, type Context, type Plan } from "./commit.ts";
import { ConflictError, InvalidInputError } from "./errors.ts";
import type { Change } from "./hot-store.ts";
import { checkSize, incomingMessages, incomingState, utf8Length, wholeTranscript } from "./incoming.ts";
import { canonicalJson, encodeJson, isJsonObject, type Json } from "./json.ts";
import { planVerb } from "./lifecycle.ts";
import { onceFrom } from "./once.ts";
import { verbInput, type Settings } from "./settings.ts";

/** The newest N messages to answer. */
function windowSize(window: unknown, settings: Settings): number {
  const { limits } = settings;
  if (window === undefined) return 0;
  if (typeof window !== "number" || !Number.isSafeInteger(window) || window < 0 || window > limits.window) {
    throw new InvalidInputError(`window must be a whole number from 0 to ${limits.window}`);
  }
  return window;
}

/** `appendMessages` of the interface. */
export async function appendMessages(
  context: Context,
  id: string,
  messages: Message[],
  options: AppendOptions = {},
): Promise<AppendResult> {
  const { settings } = context;
  checkId(context, id);
  const append = options.asTranscript ? wholeTranscript(messages, settings) : await incomingMessages(messages, settings);
  const state = options.state === undefined ? null : incomingState(options.state, settings.limits);
  if (append.length === 0 && !state)
    throw new InvalidInputError("messages must hold at least one message, unless there is a state to save");
  const window = windowSize(options.window, settings);
  const wanted = expecting(options.expectedVersion);
  const once =
    options.idempotencyKey === undefined
      ? undefined
      : await onceFrom(settings, options.idempotencyKey, `append\n${id}`, () =>
          canonicalJson(JSON.parse(encodeJson({ messages, state: options.state }, "messages", 64)) as Json),
        );
  const subjects = state ? await settings.subjects.of(null, state.session) : [];

  const { conversationMessages: maxMessages, conversationBytes: maxBytes } = settings.limits;
  const plan: Plan = (phase, head) => {
    const verb = planVerb("append", phase, verbInput(settings)) as Change;
    const require = { ...verb.require, maxMessages, maxBytes };
    const change: Change = { ...verb, require, window, ...(subjects.length > 0 ? { subjects } : {}), ...(once ? { once } : {}) };
    if (append.length > 0) change.append = append;
    if (!state) return change;
    if (state.complete || !head) return { ...change, session: state.session };
    // Some keys only: the others are kept, so it is merged onto what was read, which must still be there.
    const session = isJsonObject(head.session) ? { ...head.session, ...state.session } : state.session;
    checkSize("The session's state", utf8Length(JSON.stringify(session)), settings.limits.sessionBytes);
    return { ...change, session, require: { ...require, version: head.version } };
  };

  const first = state && !state.complete ? await readHead(context, id) : null;
  const result = await commitPlan(context, id, first, plan, { wanted, replayable: once !== undefined });
  if (result.outcome === "as stored") throw new ConflictError("Nothing was stored");
  const { head, placed } = result;
  // A mere repeat has changed nothing.
  const changed = head.status === "active" && (state !== null || placed.some(({ storedAt }) => storedAt === result.change.now));
  if (result.outcome === "done" && changed) tell(context, id, result.change, true);
  return withOrigin(
    {
      messages: placed.map(({ seq, storedAt }) => ({ seq, storedAt: isoTime(storedAt) })),
      messageCount: head.lastSeq,
      version: head.version,
      ...(window > 0 ? { window: result.window.map((stored) => toMessage(id, stored)) } : {}),
    },
    { head, replayed: result.outcome === "replayed" },
  );
}
