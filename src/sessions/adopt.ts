/** Adoption: a session that lies bare comes to its conversation, once; and following an ID to where its session went. */
import type { Conversation } from "../core/conversation.ts";
import { ConversationNotFoundError } from "../core/errors.ts";
import { savesOf, type BareSession } from "./bare-sessions.ts";
import { bareUnder, begin, isClosed, look, mayLie, originalId } from "./conversation-of.ts";
import { drop, settle } from "./leave-pointer.ts";
import { isUncertain, type PendingSave } from "./pending-save.ts";
import type { SessionContext } from "./session-context.ts";
import { mergedState, stateOf, type SessionState } from "./session.ts";
import { bringSave, isRefusal } from "./store-saves.ts";

/** What an ID leads to. `closed`: its conversation was erased or wiped. */
export type Found = Conversation | "closed" | null;

/** The conversation that a session was brought to, and the state that it has there. */
export interface Adopted {
  id: string;
  state: SessionState;
}

/** Told of a save that the store refuses; what it throws ends the adoption. */
export type WhenRefused = (error: unknown, save: PendingSave) => void;

/** How far an ID has been followed: a long outage leaves a chain of sessions, damage could leave a circle. */
export interface Trail {
  left: number;
  adopting: Set<string>;
}

/** Enough for the longest outage. */
function newTrail(): Trail {
  return { left: 500, adopting: new Set() };
}

/** The conversation that an ID stands for: its own, or where its bare session was moved to, or is moved to now. */
export async function arrive(context: SessionContext, given: string, trail: Trail = newTrail()): Promise<Found> {
  let id = given;
  while (trail.left-- > 0) {
    // Most often nothing lies there, and the conversation is the answer.
    const [lying, there] = await Promise.all([bareBeside(context, id), look(context, id)]);
    if (!lying) return there;
    const { bare, text } = lying;
    if (!("session" in bare)) {
      if (bare.movedTo === id) return there;
      id = bare.movedTo;
      continue;
    }
    const target = await adopt(context, bare.session, (error) => context.onError(error, "adopt session"), trail);
    if (target === "closed") {
      await drop(context, bare.session);
      return "closed";
    }
    // Where it could not be noted, the next one adopts it again, to no effect. What was saved meanwhile is adopted now.
    if ((await settle(context, id, target.id, text)) !== "changed") {
      if (target.id === id) return look(context, id);
      id = target.id;
    }
  }
  return look(context, id);
}

/** A place that cannot be read does not keep anybody from a conversation that can. */
async function bareBeside(context: SessionContext, id: string): ReturnType<typeof bareUnder> {
  try {
    return await bareUnder(context, id);
  } catch (error) {
    if (!context.ids.validate(id)) throw error;
    context.onError(error, "look for a bare session");
    return null;
  }
}

/**
 * Brings a session, save by save, to the conversation where it went before, to that of its ID or of its
 * `originalSessionId`, else to a new one.
 */
export async function adopt(
  context: SessionContext,
  bare: BareSession,
  whenRefused: WhenRefused,
  trail: Trail = newTrail(),
): Promise<Adopted | "closed"> {
  const home = (await homeOf(context, bare, trail)) ?? (await recovery(context, bare.id));
  if (home === "closed") return "closed";
  const { id } = home;
  let state = stateOf(bare);
  const stateFor = (stored: Conversation) => (bare.id === id ? state : (state = mergedState(stored, bare)));
  const taken = async (save: PendingSave, withState: typeof stateFor | null, refused: WhenRefused): Promise<boolean> => {
    try {
      if (await bringSave(context, id, save, withState)) return true;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refused(error, save);
      return false;
    }
    throw new ConversationNotFoundError(id);
  };
  const saves = savesToSend(context, bare);
  try {
    for (const [i, save] of saves.entries()) {
      if (i < saves.length - 1) await taken(save, null, whenRefused);
      // If it is the state that is refused, what was said is taken without it.
      else if (!(await taken(save, stateFor, whenRefused))) await taken(save, null, () => {});
    }
  } catch (error) {
    if (await isClosed(context, error, id)) return "closed";
    throw error;
  }
  return { id, state };
}

/** What keys can tell no more, by now or in this store, is one whole transcript to compare. */
function savesToSend(context: SessionContext, bare: BareSession): PendingSave[] {
  const now = context.clock();
  const whole: PendingSave = { key: context.randomText(), at: now, messages: bare.messages, whole: true };
  const saves = savesOf(bare, whole.key, now);
  return saves.some((save) => isUncertain(context, save)) ? [whole] : saves;
}

async function homeOf(context: SessionContext, bare: BareSession, trail: Trail): Promise<Found> {
  const { id, movedTo, originalSessionId } = bare;
  const moved = movedTo === undefined || movedTo === id ? null : await look(context, movedTo);
  const own = moved ?? (await look(context, id));
  if (own || typeof originalSessionId !== "string" || trail.adopting.add(id).has(originalSessionId)) return own;
  return arrive(context, originalSessionId, trail);
}

/**
 * The conversation that replaces one that is not found: the same for every caller, as far as the store can tell repeats.
 * An ID that may not lie bare could be anybody's ("undefined"), so each of its callers gets one of its own.
 */
async function recovery(context: SessionContext, id: string): Promise<Conversation | "closed"> {
  const metadata = { source: context.recoverySource, originalSessionId: originalId(id) };
  return mayLie(context, id) ? begin(context, metadata, `recover:${id}`) : begin(context, metadata);
}
