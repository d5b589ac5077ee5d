/** The session: how a chatbot sees its conversation. */
import type { Conversation, Message } from "../core/conversation.ts";
import { getOwn, isJsonObject, setOwn, type Json, type JsonObject } from "../core/json.ts";
import { storable } from "./storable.ts";

/** A chatbot's session. `created` is epoch milliseconds; `messages` is the whole transcript, to which the bot adds. */
export interface Session {
  id: string;
  created: number;
  messages: Message[];
  context: JsonObject;
  step: Json;
  leadData: JsonObject;
  /** Of a fallback session: the ID that was asked for. */
  originalSessionId?: string;
}

/** The state of a session: what is replaced whole when it is saved. */
export type SessionState = Pick<Session, "context" | "step" | "leadData">;

/** The step of a chat that has not begun. */
export const FIRST_STEP = "greeting";

/** Metadata that is never context, in records that keep their context spread over metadata. */
const NOT_CONTEXT = ["source", "created", "lastActivity", "originalSessionId", "step", "leadData", "userAgent", "clientIP"];

/** A chat that has not begun. */
export function emptySession(id: string, created: number): Session {
  return { id, created, messages: [], context: {}, step: FIRST_STEP, leadData: {} };
}

/** The context of a record: `metadata.context`, or in older records every key of metadata that is nothing else. */
function contextOf(metadata: JsonObject): JsonObject {
  const context = getOwn(metadata, "context");
  if (context !== undefined) return isJsonObject(context) ? context : {};
  const spread: JsonObject = {};
  for (const key of Object.keys(metadata)) if (!NOT_CONTEXT.includes(key)) setOwn(spread, key, metadata[key]!);
  return spread;
}

/** A session from a conversation read whole. */
export function sessionFrom(conversation: Conversation): Session {
  const { metadata } = conversation;
  const leadData = getOwn(metadata, "leadData");
  return {
    id: conversation.id,
    created: Date.parse(conversation.created),
    messages: conversation.messages,
    context: contextOf(metadata),
    step: (getOwn(metadata, "step") as Json | undefined) ?? FIRST_STEP,
    leadData: isJsonObject(leadData) ? leadData : {},
  };
}

/** The state of a session, whole: what it lacks is empty. */
export function stateOf(session: Partial<Session>): SessionState {
  const [context, step, leadData] = [session.context, session.step, session.leadData].map(storable);
  return {
    context: isJsonObject(context) ? context : {},
    step: step ?? FIRST_STEP,
    leadData: isJsonObject(leadData) ? leadData : {},
  };
}

/** The state of a session that comes to a conversation which is not its own: what was gathered there before stays. */
export function mergedState(stored: Conversation, session: Partial<Session>): SessionState {
  const before = stateOf(sessionFrom(stored));
  const state = stateOf(session);
  return {
    context: { ...before.context, ...state.context },
    step: state.step === FIRST_STEP ? before.step : state.step,
    leadData: { ...before.leadData, ...state.leadData },
  };
}
