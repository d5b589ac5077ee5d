// Updating, as the specification has it: a merge patch, a whole transcript, a status, and fields that must equal what is stored.

import type { Json, JsonObject } from "../../src/core/json.ts";
import { sameJson } from "./model-append.ts";
import {
  activate,
  changed,
  copy,
  expiredFirst,
  isExpired,
  say,
  touch,
  view,
  type ModelConversation,
  type Moment,
} from "./model-conversation.ts";
import { refusals, refused, type Possible, type Wanted } from "./possible.ts";
import type { Show } from "./command.ts";

/** An update as it is sent. */
export interface UpdateRequest {
  updates: { [field: string]: unknown };
  wanted: Wanted;
  show: Show;
}

const IGNORED = new Set(["lastAccess", "lastActivity", "expiresAt", "version"]);
const HANDLED = new Set(["metadata", "messages", "status", "messageCount"]);
const FIXED = ["source", "clientIP", "userAgent", "originalSessionId"];
const STATE = new Set(["context", "step", "leadData"]);

/** An update. */
export function update(c: ModelConversation, request: UpdateRequest, moment: Moment): Possible[] {
  const { now, rules } = moment;
  const { updates, wanted, show } = request;
  const patch = (updates["metadata"] ?? {}) as JsonObject;
  const transcript = updates["messages"] as JsonObject[] | undefined;

  const after = expiredFirst(c, now);
  const errors = refusals(c, wanted);
  if (otherFields(updates).some((field) => !isShown(c, after, field, updates[field], now))) errors.push("invalid_input");
  const status = updates["status"] === after.status ? undefined : updates["status"];
  if (status !== undefined && status !== "active" && status !== "completed") errors.push("invalid_input");
  if (FIXED.some((key) => key in patch && !sameJson(after.metadata[key] ?? null, patch[key]))) errors.push("invalid_input");

  const kept = transcript === undefined ? after.count : commonBeginning(after, transcript);
  const replaces = transcript !== undefined && kept < after.count;
  if (replaces && wanted.version === undefined) errors.push("conflict");
  const count = transcript?.length ?? after.count;
  if ("messageCount" in updates && updates["messageCount"] !== count) errors.push("invalid_input");
  const added = transcript?.slice(kept) ?? [];
  if (transcript !== undefined && count > rules.conversationMessages) errors.push("too_large");
  const changes = transcript !== undefined || Object.keys(patch).length > 0;
  if (!changes && status === "completed" && after.status === "archived") errors.push("conflict");
  if (errors.length > 0) return refused(c, now, errors);

  if (!changes && status === undefined) return nothingInIt(c, after, show, now);
  const before = after.status;
  if (before === "archived" || replaces || added.length > 0) activate(after, now);
  if (status === "active") activate(after, now);
  if (status === "completed" || (updates["status"] === "completed" && before === "completed" && after.status === "active")) {
    Object.assign(after, { status: "completed", completedAt: now });
    say(after, "completed", now);
  }
  if (transcript !== undefined) {
    after.messages = [...after.messages.slice(0, kept), ...added.map((body) => ({ body, storedAt: now }))];
    after.count = after.messages.length;
    after.places = new Map([...after.places].filter(([, { seq }]) => seq <= kept));
  }
  after.metadata = mergedMetadata(after.metadata, patch);
  after.lastActivity = now;
  touch(after, moment);
  changed(after);
  return [{ state: after, answer: { value: view(after, now, show) } }];
}

/** Nothing is changed; what had expired may have been archived on the way. */
function nothingInIt(c: ModelConversation, after: ModelConversation, show: Show, now: number): Possible[] {
  const states = isExpired(c, now) ? [copy(c), after] : [after];
  return states.map((state) => ({ state, answer: { value: view(state, now, show) } }));
}

function otherFields(updates: { [field: string]: unknown }): string[] {
  return Object.keys(updates).filter((field) => !IGNORED.has(field) && !HANDLED.has(field) && updates[field] !== undefined);
}

/** Whether a field equals what is stored. Of one that has expired the caller may have read either view. */
function isShown(c: ModelConversation, after: ModelConversation, field: string, value: unknown, now: number): boolean {
  return [view(c, now), view(after, now)].some((shown) => field in shown && sameJson(shown[field], value));
}

function commonBeginning(c: ModelConversation, transcript: readonly JsonObject[]): number {
  const differs = c.messages.findIndex(({ body }, i) => i >= transcript.length || !sameJson(body, transcript[i]));
  return differs < 0 ? c.count : differs;
}

/** RFC 7396 for all but the chatbot's state, which is set whole. */
function mergedMetadata(metadata: JsonObject, patch: JsonObject): JsonObject {
  const state = Object.entries(patch).filter(([key]) => STATE.has(key));
  const rest = Object.entries(patch).filter(([key]) => !STATE.has(key));
  const result = merged(metadata, Object.fromEntries(rest)) as JsonObject;
  for (const [key, value] of state) {
    if (value === null) delete result[key];
    else result[key] = value;
  }
  return result;
}

function merged(target: Json | undefined, patch: Json): Json {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const result: JsonObject = typeof target === "object" && target !== null && !Array.isArray(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  }
  return result;
}
