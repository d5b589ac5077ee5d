// Commands on one conversation: the request that a client would send, its answer judged by the model.

import type { JsonObject } from "../../src/core/json.ts";
import type { Conversation } from "../../src/core/conversation.ts";
import type { AppendCommand, Command, Fault, Target, Transcript, UpdateCommand, VerbCommand, WriteBackCommand } from "./command.ts";
import { append, type AppendRequest } from "./model-append.ts";
import { expiredFirst, isExpired, type ModelConversation } from "./model-conversation.ts";
import { update } from "./model-update.ts";
import { read, readAtFault, verb } from "./model-verbs.ts";
import type { Possible, Wanted } from "./possible.ts";
import { answerDifference, type Session } from "./session.ts";

interface OnTarget {
  on: Target;
  fault?: Fault | undefined;
}

/** Sends a request to a target that may be unknown or malformed. */
async function send(
  session: Session,
  { on, fault }: OnTarget,
  possiblesOf: (c: ModelConversation) => Possible[],
  call: (id: string) => Promise<unknown>,
  { again = false, ifUnknown = { errors: ["not_found", "invalid_input"] }, atFault }: SendOptions = {},
): Promise<unknown> {
  const { id, conversation, malformed } = session.target(on);
  session.note(`   ${id}${conversation ? ` (${conversation.status} v${conversation.version}, ${conversation.place})` : ""}`);
  if (conversation) {
    const outcome = await session.judge(id, possiblesOf(conversation), () => call(id), {
      fault,
      again,
      atFault: atFault?.(conversation) ?? [],
    });
    return "value" in outcome ? outcome.value : undefined;
  }
  const { outcome, fired } = await session.attempt(() => call(id), fault);
  const answer = malformed ? { errors: ["invalid_id", "invalid_input"] } : ifUnknown;
  if (fired && "error" in outcome && outcome.error === "store_unavailable") return undefined;
  const found = answerDifference(answer, outcome);
  if (found) session.fail(`${id}, which is ${malformed ? "malformed" : "unknown"}: ${found}`);
  return undefined;
}

interface SendOptions {
  again?: boolean;
  ifUnknown?: { errors: readonly string[] } | { value: unknown };
  atFault?: (c: ModelConversation) => Possible[];
}

const toNull = { ifUnknown: { value: null } };

export async function doRead(session: Session, command: Command & { do: "read" }): Promise<unknown> {
  const { touch, show } = command;
  const { manager, world } = session;
  return send(
    session,
    command,
    (c) => read(c, world.moment, show, touch),
    (id) => (touch ? manager.getConversation(id, { messages: show }) : manager.peekConversation(id, { messages: show })),
    { ...toNull, atFault: (c) => readAtFault(c, world.moment, show) },
  );
}

export async function doAppend(session: Session, command: AppendCommand): Promise<void> {
  const { messages, asTranscript, state, window, key } = command;
  const { conversation } = session.target(command.on);
  const wanted = await session.wanted(command.expected, command.on);
  const request: AppendRequest = { messages, asTranscript, state, window, key, wanted };
  // Known by a key or by their ids, messages may be sent again.
  const isSafe =
    key !== undefined || (!asTranscript && state === undefined && wanted.version === undefined && messages.every((each) => "id" in each));
  if (key !== undefined && conversation) {
    session.resends.push((fault) => doAppendTo(session, conversation, request, fault, true));
  }
  await send(
    session,
    command,
    (c) => append(c, request, session.world.moment),
    (to) => callAppend(session, to, request),
    { again: isSafe, atFault: (c) => appendAtFault(c, request, session) },
  );
}

/** The first try may have come as far as archiving what had expired: then the second one does not find the version that it expects. */
function appendAtFault(c: ModelConversation, { wanted }: AppendRequest, { world }: Session): Possible[] {
  if (wanted.version === undefined || !isExpired(c, world.now)) return [];
  return [{ state: expiredFirst(c, world.now), answer: { errors: ["version_mismatch"] } }];
}

async function doAppendTo(
  session: Session,
  { id, birth }: ModelConversation,
  request: AppendRequest,
  fault: Fault | undefined,
  again: boolean,
): Promise<void> {
  const c = session.world.conversations.get(id);
  session.note(`   ${id}${c ? ` (${c.status} v${c.version})` : ""} ${JSON.stringify(request)}`);
  if (c?.birth !== birth) return;
  const { version, stale: wasStale } = request.wanted;
  const isForeign = wasStale && typeof version === "string";
  const stale = isForeign || (version !== undefined && Number(String(version).split(".").at(-1)) !== c.version);
  const possibles = append(c, { ...request, wanted: { version, stale } }, session.world.moment);
  await session.judge(id, possibles, () => callAppend(session, id, request), { fault, again, atFault: appendAtFault(c, request, session) });
}

function callAppend(
  { manager }: Session,
  id: string,
  { messages, asTranscript, state, window, key, wanted }: AppendRequest,
): Promise<unknown> {
  return manager.appendMessages(id, messages, {
    ...(asTranscript ? { asTranscript } : {}),
    ...(state === undefined ? {} : { state }),
    ...(window === undefined ? {} : { window }),
    ...(wanted.version === undefined ? {} : { expectedVersion: wanted.version }),
    ...(key === undefined ? {} : { idempotencyKey: key }),
  });
}

function transcriptFrom(c: ModelConversation | null, { kind, keep, add }: Transcript): JsonObject[] {
  const stored = c?.messages.map(({ body }) => body) ?? [];
  switch (kind) {
    case "same":
      return stored;
    case "longer":
      return [...stored, ...add];
    case "shorter":
      return stored.slice(0, keep);
    case "other":
      return [...stored.slice(0, keep), ...add];
  }
}

function otherFieldsFor(c: ModelConversation | null, other: UpdateCommand["other"]): JsonObject {
  switch (other) {
    case undefined:
      return {};
    case "equal":
      return c ? { id: c.id, created: new Date(c.created).toISOString() } : {};
    case "ignored":
      return { version: 999, lastAccess: "never", lastActivity: null, expiresAt: "2099-01-01T00:00:00.000Z" };
    case "changed":
      return { created: "2001-01-01T00:00:00.000Z" };
    case "unknown":
      return { colour: "blue" };
  }
}

export async function doUpdate(session: Session, command: UpdateCommand): Promise<void> {
  const { conversation: c } = session.target(command.on);
  const wanted = await session.wanted(command.expected, command.on);
  const updates: { [field: string]: unknown } = otherFieldsFor(c, command.other);
  if (command.patch !== undefined) updates["metadata"] = command.patch;
  if (command.transcript !== undefined) updates["messages"] = transcriptFrom(c, command.transcript);
  if (command.status !== undefined) updates["status"] = command.status;
  if (command.count !== undefined) {
    const right = (updates["messages"] as JsonObject[] | undefined)?.length ?? c?.count ?? 0;
    updates["messageCount"] = command.count === "right" ? right : right + 1;
  }
  await sendUpdate(session, command, updates, wanted);
}

async function sendUpdate(
  session: Session,
  command: OnTarget & Pick<UpdateCommand, "show">,
  updates: { [field: string]: unknown },
  wanted: Wanted,
): Promise<void> {
  const { show } = command;
  await send(
    session,
    command,
    (c) => update(c, { updates, wanted, show }, session.world.moment),
    (id) =>
      session.manager.updateConversation(id, updates, {
        messages: show,
        ...(wanted.version === undefined ? {} : { expectedVersion: wanted.version }),
      }),
  );
}

/** Reads, changes and writes back the whole, as simple clients do. */
export async function doWriteBack(session: Session, command: WriteBackCommand): Promise<void> {
  const { on, fault, show, versioned } = command;
  const given = (await doRead(session, { do: "read", on, touch: command.read === "get", show })) as Conversation | null | undefined;
  if (!given) return;
  const whole: { [field: string]: unknown } = { ...given };
  if (command.change === "message") {
    whole["messages"] = [...given.messages, { role: "user", content: "rete" }];
    whole["messageCount"] = given.messageCount + 1;
  }
  if (command.change === "metadata") whole["metadata"] = { ...given.metadata, a: "written back" };
  const wanted: Wanted = { version: versioned ? given.version : undefined, stale: false };
  await sendUpdate(session, { on, fault, show: "all" }, whole, wanted);
}

export async function doVerb(session: Session, command: VerbCommand): Promise<void> {
  const wanted = await session.wanted(command.expected, command.on);
  const call = (id: string): Promise<unknown> => {
    const { manager } = session;
    const expecting = wanted.version === undefined ? {} : { expectedVersion: wanted.version };
    switch (command.do) {
      case "complete":
        return manager.completeConversation(id, { ...expecting, messages: command.show });
      case "reopen":
        return manager.reopenConversation(id, { ...expecting, messages: command.show });
      case "extend":
        return manager.extendConversation(id, command.hours, command.reason, { ...expecting, messages: command.show });
      case "archive":
        return manager.archiveConversation(id, command.reason, { ...expecting, preserveData: command.preserve });
      case "erase":
        return manager.eraseConversation(id, { ...expecting, ...(command.reason === undefined ? {} : { reason: command.reason }) });
      case "hold":
      case "release":
        return manager[command.do](id, command.reason, expecting);
    }
  };
  await send(session, command, (c) => verb(c, command, wanted, session.world.moment), call);
}
