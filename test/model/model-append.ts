// Appending, as the specification has it: repeats by message id add nothing, keys replay, what is over becomes active again.

import type { Json, JsonObject } from "../../src/core/json.ts";
import { difference } from "./difference.ts";
import { activate, changed, DAY, expiredFirst, iso, touch, view, type ModelConversation, type Moment } from "./model-conversation.ts";
import { eitherWay, refusals, refused, type Possible, type Wanted } from "./possible.ts";

/** An append as it is sent. */
export interface AppendRequest {
  messages: JsonObject[];
  /** Their ids are plain data. */
  asTranscript: boolean;
  state: JsonObject | undefined;
  window: number | undefined;
  key: string | undefined;
  wanted: Wanted;
}

/** Whether two JSON values are equal, whatever the order of their keys. */
export function sameJson(a: unknown, b: unknown): boolean {
  return difference(a, b) === null;
}

/** An append. */
export function append(c: ModelConversation, request: AppendRequest, moment: Moment): Possible[] {
  const { now, rules } = moment;
  const { messages, asTranscript, state, key, wanted } = request;
  const content = { messages, state: state ?? null };
  const entry = key === undefined ? undefined : c.once.get(key);
  if (entry && entry.until > now) {
    if (!sameJson(entry.content, content)) return refused(c, now, ["idempotency_key_reused"]);
    return eitherWay(c, now).map((same) => ({
      state: same,
      answer: { value: { ...entry.answer, ...windowOf(same, request, entry.count) } },
    }));
  }

  const errors = refusals(c, wanted);
  const after = expiredFirst(c, now);
  const sorted = sortOut(after, messages, asTranscript);
  if (sorted === "conflict") errors.push("conflict");
  else if (sorted.fresh.length > 0 && after.count + sorted.fresh.length > rules.conversationMessages) errors.push("too_large");
  if (errors.length > 0 || sorted === "conflict") return refused(c, now, errors);

  const places = new Map(after.places);
  for (const [i, body] of sorted.fresh.entries()) {
    if (!asTranscript && isKnownById(body)) places.set(body["id"] as string, { seq: after.count + i + 1, body });
  }
  after.places = places;
  after.messages = [...after.messages, ...sorted.fresh.map((body) => ({ body, storedAt: now }))];
  after.count = after.messages.length;
  if (sorted.fresh.length > 0 || state !== undefined) {
    activate(after, now);
    after.lastActivity = now;
    touch(after, moment);
    if (state !== undefined) after.metadata = { ...after.metadata, ...state };
    changed(after);
  } else {
    touch(after, moment);
    if (after.place === "archive") after.place = "unsure";
  }
  const answer: JsonObject = {
    messages: sorted.seqs.map((seq) => ({ seq, storedAt: iso(after.messages[seq - 1]!.storedAt) })),
    messageCount: after.count,
    version: after.version,
  };
  if (key !== undefined) after.once = new Map([...after.once, [key, { content, until: now + DAY, answer, count: after.count }]]);
  return [{ state: after, answer: { value: { ...answer, ...windowOf(after, request, after.count) } } }];
}

/** The newest messages of those that were there when there were `count`. */
function windowOf(c: ModelConversation, { window = 0 }: AppendRequest, count: number): { window?: Json } {
  const messages = view(c, -Infinity)["messages"] as Json[];
  return window === 0 ? {} : { window: messages.slice(0, count).slice(-window) };
}

function isKnownById({ id }: JsonObject): boolean {
  return typeof id === "string" && id !== "";
}

/** Which messages are new, and where each one stands afterwards. */
function sortOut(
  c: ModelConversation,
  messages: readonly JsonObject[],
  asTranscript: boolean,
): { fresh: JsonObject[]; seqs: number[] } | "conflict" {
  if (asTranscript) return { fresh: [...messages], seqs: messages.map((_, i) => c.count + i + 1) };
  const fresh: JsonObject[] = [];
  const seqs: number[] = [];
  const known = new Map(c.places);
  for (const body of messages) {
    const there = isKnownById(body) ? known.get(body["id"] as string) : undefined;
    if (there && !sameJson(there.body, body)) return "conflict";
    if (!there) fresh.push(body);
    const seq = there?.seq ?? c.count + fresh.length;
    seqs.push(seq);
    if (isKnownById(body)) known.set(body["id"] as string, { seq, body });
  }
  return { fresh, seqs };
}
