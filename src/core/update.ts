/** Updating: a merge of metadata, a whole transcript, a status, onto the newest state. */
import { SESSION_KEYS, splitMetadata, toConversation, type Conversation } from "./conversation.ts";
import type { ConversationUpdate, ExpectedVersion, Messages } from "./conversations.ts";
import { checkId, commitPlan, expecting, isExpected, readWhole, tell, type Context } from "./commit.ts";
import { ConflictError, ConversationNotFoundError, InvalidInputError, VersionMismatchError } from "./errors.ts";
import type { Head, NewMessage, StoredMessage } from "./head.ts";
import type { Change } from "./hot-store.ts";
import { checkStored, FIXED_KEYS, incomingMetadata, wholeTranscript } from "./incoming.ts";
import { checkJson, equalJson, getOwn, isJsonObject, mergePatch, type Json, type JsonObject } from "./json.ts";
import { phaseOf, planVerb, refuseClosed, type Phase } from "./lifecycle.ts";
import { peekConversation, seenAsArchived, windowOf } from "./read.ts";
import { verbInput } from "./settings.ts";

/** What is in an update; what the caller may send along without effect (`lastAccess` and the like) is left out. */
interface Wanted {
  patch: JsonObject | null;
  transcript: NewMessage[] | null;
  /** Where it shall be in the end; null: not told, or archived as it is. */
  status: "active" | "completed" | null;
}

const IGNORED = ["lastAccess", "lastActivity", "expiresAt", "version"];
const HANDLED = ["metadata", "messages", "status", "messageCount"];

/** `updateConversation` of the interface. */
export async function updateConversation(
  context: Context,
  id: string,
  updates: ConversationUpdate,
  options: { expectedVersion?: ExpectedVersion; messages?: Messages } = {},
): Promise<Conversation> {
  const { settings } = context;
  checkId(context, id);
  if (!isJsonObject(updates)) throw new InvalidInputError("An update must be a JSON object");
  const window = windowOf(options.messages);
  const expected = expecting(options.expectedVersion);
  const transcript = updates.messages === undefined ? null : wholeTranscript(updates.messages, settings);
  const patch = updates.metadata === undefined ? null : checkedPatch(context, updates.metadata);

  const first = await readWhole(context, id, 0);
  if (!first) throw new ConversationNotFoundError(id);
  const seen = phaseOf(first.whole.head, settings.clock()) === "expired" ? seenAsArchived(first.whole.head) : null;

  const plan = async (_: Phase, current: Head | null): Promise<Change | "as stored"> => {
    // With a transcript to compare, head and messages must be of one moment.
    const whole = transcript || !current ? (await readWhole(context, id, Infinity))?.whole : { head: current, messages: [] };
    if (!whole) throw new ConversationNotFoundError(id);
    const { head, messages: stored } = whole;
    const phase = phaseOf(head, settings.clock());
    refuseClosed(phase);
    if (current && current.version !== head.version && !isExpected(head, expected)) throw new VersionMismatchError(head);
    checkOtherFields(head, seen, updates, settings.limits.jsonDepth);
    const wanted: Wanted = { patch, transcript, status: wantedStatus(head, updates.status) };
    const change = planUpdate(context, phase, head, wanted, updates.messageCount, stored, options.expectedVersion !== undefined, window);
    if (change === "as stored") return change;
    const subjects = await settings.subjects.of(change.metadata ?? null, change.session ?? null);
    return subjects.length > 0 ? { ...change, subjects } : change;
  };

  const result = await commitPlan(context, id, first.whole.head, plan, { wanted: expected });
  if (result.outcome === "as stored") return (await peekConversation(context, id, options))!;
  const { append, cut, metadata, step } = result.change;
  tell(context, id, result.change, step?.to !== "completed" || Boolean(append || cut || metadata));
  return toConversation(result.head, result.window);
}

/** A merge patch may hold null, which removes; apart from that it is checked as metadata is. */
function checkedPatch({ settings }: Context, metadata: unknown): JsonObject {
  if (!isJsonObject(metadata)) throw new InvalidInputError("metadata must be a JSON object");
  checkJson(metadata, "metadata", settings.limits.jsonDepth);
  const { metadata: rest, session } = incomingMetadata(metadata, settings.limits);
  return { ...rest, ...session };
}

/** Fields that cannot be updated must equal what is stored, or what was `seen` of an expired conversation before it was archived. */
function checkOtherFields(head: Head, seen: Head | null, updates: ConversationUpdate, depth: number): void {
  const shown = [head, ...(seen ? [seen] : [])].map((each) => toConversation(each, []) as unknown as Record<string, Json>);
  for (const field of Object.keys(updates)) {
    if (HANDLED.includes(field) || IGNORED.includes(field) || updates[field] === undefined) continue;
    checkJson(updates[field], "A field", depth);
    const known = shown.map((each) => getOwn(each, field) as Json | undefined);
    if (!known.some((each) => each !== undefined && equalJson(each, updates[field] as Json))) {
      throw new InvalidInputError(
        `${/^\w{1,40}$/.test(field) ? field : "A field"} cannot be changed: it must be absent or equal to what is stored`,
      );
    }
  }
}

/** The status that was told. The stored one may always be sent along. */
function wantedStatus(head: Head, status: unknown): "active" | "completed" | null {
  if (status === "active" || status === "completed") return status;
  if (status === undefined || status === head.status) return null;
  throw new InvalidInputError("status must be active or completed; to archive a conversation, archive it");
}

function planUpdate(
  context: Context,
  phase: Phase,
  head: Head,
  { patch, transcript, status }: Wanted,
  messageCount: unknown,
  stored: StoredMessage[],
  versioned: boolean,
  window: number,
): Change | "as stored" {
  const input = verbInput(context.settings);
  const { limits } = context.settings;
  const content: Partial<Change> = {};
  if (transcript) Object.assign(content, planTranscript(stored, transcript, versioned));
  const count = (content.cut?.after ?? head.lastSeq) + (content.append?.length ?? 0);
  if (messageCount !== undefined && messageCount !== count) {
    throw new InvalidInputError(`messageCount must equal the number of messages, which would be ${count}`);
  }
  const merges = patch !== null && Object.keys(patch).length > 0;
  const changes = merges || transcript !== null;
  const added = content.append !== undefined || content.cut !== undefined;
  // The stored status is no change, unless messages would make a completed conversation active.
  const to = status === head.status && !(added && status === "completed") ? null : status;
  if (!changes && to === null) return "as stored";
  if (!changes) {
    const verb = planVerb(to === "completed" ? "complete" : "reopen", phase, input);
    return verb === "as stored" ? verb : { ...verb, activity: true, window };
  }
  const base = planVerb(added ? "append" : "update", phase, input) as Change;
  const change: Change = { ...base, ...content, window };
  if (merges) Object.assign(change, planMetadata(context, head, patch));
  // A merge of metadata alone holds while appends go on; what was compared with transcript or state does not.
  const compared = transcript !== null || change.session !== undefined ? { version: head.version } : { revision: head.revision };
  change.require = { ...base.require, ...compared, maxMessages: limits.conversationMessages, maxBytes: limits.conversationBytes };
  if (to) {
    change.step = { from: change.step?.from ?? [head.status], to };
    if (to === "completed") change.events = [...(change.events ?? []), { type: "completed", at: input.now, details: {} }];
  }
  return change;
}

/** What is new in a whole transcript: the rest, if it begins with what is stored; else a replacement, for which a version must be expected. */
function planTranscript(
  stored: readonly StoredMessage[],
  given: readonly NewMessage[],
  versioned: boolean,
): Pick<Change, "append" | "cut"> {
  let same = 0;
  let bytes = 0;
  while (same < stored.length && same < given.length && sameBody(stored[same]!.body, given[same]!.body)) bytes += stored[same++]!.size;
  const rest = given.slice(same);
  if (same === stored.length) return rest.length > 0 ? { append: rest } : {};
  if (!versioned) {
    throw new ConflictError(
      `messages does not begin with the ${stored.length} messages that are stored (they differ at message ${same + 1}); ` +
        `to replace the transcript, send the version that you have read (If-Match or expectedVersion)`,
    );
  }
  return { cut: { after: same, bytes }, ...(rest.length > 0 ? { append: rest } : {}) };
}

function sameBody(a: string, b: string): boolean {
  return a === b || equalJson(JSON.parse(a) as Json, JSON.parse(b) as Json);
}

/** The merged metadata and state. Keys that are fixed at creation may be sent along unchanged. */
function planMetadata(context: Context, head: Head, patch: JsonObject): Pick<Change, "metadata" | "session"> {
  const { metadata: rest, session } = splitMetadata(patch);
  const stored = isJsonObject(head.metadata) ? head.metadata : {};
  for (const key of FIXED_KEYS) {
    if (!Object.hasOwn(rest, key)) continue;
    const now = getOwn(stored, key) as Json | undefined;
    if (!equalJson(now ?? null, rest[key]!)) {
      throw new InvalidInputError(`metadata.${key} is set at creation and cannot be changed`);
    }
  }
  const metadata = mergePatch(head.metadata, rest);
  let state: Json | undefined;
  if (session) {
    const merged: JsonObject = isJsonObject(head.session) ? { ...head.session } : {};
    for (const key of SESSION_KEYS) {
      const value = session[key];
      if (value === null) delete merged[key];
      else if (value !== undefined) merged[key] = value;
    }
    state = merged;
  }
  checkStored(metadata, state ?? null, context.settings.limits);
  return { metadata, ...(state === undefined ? {} : { session: state }) };
}
