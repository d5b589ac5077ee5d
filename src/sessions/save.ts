/** Saving a session: what is new is appended and the state replaced, in one commit. */
import type { Message } from "../core/conversation.ts";
import { ConversationNotFoundError } from "../core/errors.ts";
import { isJsonObject } from "../core/json.ts";
import { adopt, arrive } from "./adopt.ts";
import { joinBare, type BareSession } from "./bare-sessions.ts";
import { bareIfReadable, isClosed, mayLie } from "./conversation-of.ts";
import type { Known } from "./known-sessions.ts";
import { drop, settle } from "./leave-pointer.ts";
import { isUncertain, type PendingSave } from "./pending-save.ts";
import type { SessionContext } from "./session-context.ts";
import { stateOf, type Session } from "./session.ts";
import { bringSave, isRefusal, sendSave } from "./store-saves.ts";
import { copiesOf, textsOf } from "./transcript-texts.ts";
import { storableMessages } from "./storable.ts";
import { firstNewInOwn } from "./what-is-new.ts";

/** `save` of the store. */
export async function saveSession(context: SessionContext, session: Session): Promise<void> {
  try {
    if (!isJsonObject(session) || typeof session.id !== "string") throw new TypeError("A session must be an object with an id");
    await context.inTurn(session, () => save(context, session));
  } catch (error) {
    context.onError(error, "save session");
  }
}

/** A save under way: the object, what it said when it was saved, and what is known of it. */
interface Saving {
  session: Session;
  messages: Message[];
  known: Known;
}

async function save(context: SessionContext, session: Session): Promise<void> {
  const messages = storableMessages(session.messages);
  const saving: Saving = { session, messages, known: queue(context, session, messages) };
  try {
    await deliver(context, saving);
  } catch (error) {
    if (await isClosedHere(context, error, session)) return dropLying(context, session.id);
    if (isRefusal(error)) {
      rollBack(context, saving);
      throw error;
    }
    context.onError(error, "save session");
    await keepBare(context, saving);
  }
}

async function isClosedHere(context: SessionContext, error: unknown, { id }: Session): Promise<boolean> {
  try {
    return await isClosed(context, error, id);
  } catch {
    return false;
  }
}

/** Adds this save to what is on its way: what came after what is known; of an object that is not known, all of it, to be compared. */
function queue(context: SessionContext, session: Session, messages: Message[]): Known {
  const texts = textsOf(messages);
  const known = context.known.get(session);
  const before = known?.texts ?? null;
  if (!known || !before || known.pending.some((own) => isUncertain(context, own.save))) {
    const compared = context.known.set(session, texts, [{ save: wholeSave(context, messages), before }]);
    compared.lying = known?.lying ?? false;
    context.known.see(session);
    return compared;
  }
  const fresh = copiesOf(messages.slice(context.known.firstUnseen(session) ?? firstNewInOwn(before, texts)));
  known.pending.push({ save: { key: context.randomText(), at: context.clock(), messages: fresh }, before });
  known.texts = texts;
  context.known.see(session);
  return known;
}

function wholeSave(context: SessionContext, messages: Message[]): PendingSave {
  return { key: context.randomText(), at: context.clock(), messages, whole: true };
}

/** Nothing of what is still on its way was stored: it is new again for the next save. */
function rollBack(context: SessionContext, { session, known }: Saving): void {
  const first = known.pending[0];
  if (!first) return;
  context.known.unsee(session);
  if (first.before === null) context.known.forget(session);
  else Object.assign(known, { texts: first.before, pending: [] });
}

/** Sends what is on its way, oldest first; the state goes with the last one. */
async function deliver(context: SessionContext, saving: Saving): Promise<void> {
  const { session, messages, known } = saving;
  const { id } = session;
  if (!context.ids.validate(id)) return bringElsewhere(context, saving);
  const state = stateOf(session);
  try {
    for (let next = known.pending[0]; next; next = known.pending[0]) {
      const last = known.pending.length === 1 ? state : null;
      if (!next.save.whole) await sendSave(context, id, next.save, last);
      else if (!(await bringSave(context, id, next.save, last && (() => last)))) throw new ConversationNotFoundError(id);
      known.pending.shift();
    }
  } catch (error) {
    if (!(error instanceof ConversationNotFoundError)) throw error;
    // As a recovery: a new conversation gets all of it.
    known.pending = [{ save: wholeSave(context, messages), before: null }];
    return bringElsewhere(context, saving);
  }
  if (!known.lying) return;
  // What lies there holds these saves, and perhaps those of another tab.
  known.lying = false;
  await arrive(context, id);
}

/** To the conversation where a session went that has none under its own ID. From then on the object is one of that conversation. */
async function bringElsewhere(context: SessionContext, saving: Saving): Promise<void> {
  const { session, known } = saving;
  const from = session.id;
  const mine = withPending(saving);
  const lying = await bareIfReadable(context, from);
  const joined = joinBare(lying?.bare ?? null, mine, context.randomText(), context.clock());
  const target = await adopt(context, joined, (error, refused) => {
    if (mine.unsaved.includes(refused)) throw error;
    context.onError(error, "adopt session");
  });
  if (target === "closed") {
    return dropLying(context, from);
  }
  Object.assign(session, { id: target.id, ...target.state });
  context.known.set(session, known.texts);
  await settle(context, from, target.id, lying?.text ?? null);
}

function withPending({ session, messages, known }: Saving): BareSession & { unsaved: PendingSave[] } {
  return { ...session, messages, unsaved: known.pending.map((own) => own.save) };
}

/** What was kept of a conversation that was erased or wiped since goes, too. */
async function dropLying(context: SessionContext, id: string): Promise<void> {
  const lying = (await bareIfReadable(context, id))?.bare;
  if (lying && "session" in lying) await drop(context, lying.session);
}

/** Under its own ID, on top of what another saver left there, until the store is back. */
async function keepBare(context: SessionContext, saving: Saving): Promise<void> {
  const { id } = saving.session;
  if (!context.bare || !mayLie(context, id)) return;
  saving.known.lying = true;
  await context.inTurn(id, async () => {
    const lying = await bareIfReadable(context, id);
    const joined = joinBare(lying?.bare ?? null, withPending(saving), context.randomText(), context.clock());
    await context.bare?.put(id, JSON.stringify(joined), { expirationTtl: context.durationSeconds });
  });
}
