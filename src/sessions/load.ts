/** Loading a session: resumed, recovered, adopted, or begun; and when the store cannot be reached, a fallback. */
import type { Conversation } from "../core/conversation.ts";
import { arrive } from "./adopt.ts";
import { savesOf, type BareSession } from "./bare-sessions.ts";
import { bareIfReadable, begin, mayLie, originalId, remember } from "./conversation-of.ts";
import { settle } from "./leave-pointer.ts";
import type { SessionContext } from "./session-context.ts";
import { emptySession, sessionFrom, stateOf, type Session } from "./session.ts";
import { textsOf } from "./transcript-texts.ts";

const MAX_RESUMPTIONS = 10;
const MAX_POINTERS = 5;

/** `getOrCreate` of the store. */
export async function loadSession(context: SessionContext, sessionId: unknown): Promise<Session> {
  const given = sessionId === undefined || sessionId === null || sessionId === "" ? null : sessionId;
  try {
    if (given === null) return remember(context, await begin(context, { source: context.source }));
    const found = typeof given === "string" ? await arrive(context, given) : null;
    if (found && found !== "closed") return remember(context, await resumed(context, found));
    return remember(context, await begin(context, { source: context.recoverySource, originalSessionId: originalId(given) }));
  } catch (error) {
    context.onError(error, "load session");
    return fallback(context, given);
  }
}

/** A session that lives without the store until it can be adopted. If that of its ID lies bare, it goes on from there. */
async function fallback(context: SessionContext, given: unknown): Promise<Session> {
  const now = context.clock();
  const id = `fallback_${now}_${context.randomText().slice(0, 9).toLowerCase()}`;
  const session: Session = { ...emptySession(id, now), ...(given === null ? {} : { originalSessionId: originalId(given) }) };
  const lying = typeof given === "string" ? await lyingUnder(context, given) : null;
  if (lying) Object.assign(session, { messages: lying.messages, ...stateOf(lying) });
  // What may not have arrived from there goes along under its keys, so whoever brings it, it is stored once.
  const saves = lying ? savesOf(lying, context.randomText(), now) : [];
  context.known.set(
    session,
    textsOf(session.messages),
    saves.map((save) => ({ save, before: null })),
  );
  // A browser that keeps this ID and says nothing yet is to find its chat again.
  if (typeof given === "string" && mayLie(context, given)) await settle(context, id, given, null);
  return session;
}

async function lyingUnder(context: SessionContext, given: string): Promise<BareSession | null> {
  let id = given;
  for (let i = 0; i < MAX_POINTERS; i++) {
    const bare = (await bareIfReadable(context, id))?.bare;
    if (!bare) return null;
    if ("session" in bare) return bare.session;
    id = bare.movedTo;
  }
  return null;
}

/** The conversation itself, or after long idleness a new one that keeps `leadData` and points to it; the same for all who come back to it. */
async function resumed(context: SessionContext, conversation: Conversation): Promise<Conversation> {
  let latest = conversation;
  for (let i = 0; i < MAX_RESUMPTIONS; i++) {
    const lastActivity = Date.parse(latest.lastActivity);
    if (context.resumeMs === 0 || context.clock() - lastActivity <= context.resumeMs) break;
    const metadata = { source: context.source, originalSessionId: latest.id, leadData: sessionFrom(latest).leadData };
    const next = await begin(context, metadata, `resume:${latest.id}:${lastActivity}`);
    latest = next === "closed" ? await begin(context, metadata) : next;
  }
  return latest;
}
