/** What is left under a bare key when its session has gone to a conversation: a pointer, or nothing. */
import { pointer, readBare, type BareSession } from "./bare-sessions.ts";
import { mayLie } from "./conversation-of.ts";
import type { SessionContext } from "./session-context.ts";

/**
 * Notes under a bare key where its session went, so that every later or simultaneous call arrives at the same
 * conversation. `seen`: the text that was adopted; `changed`: another session lies there now, and was left alone.
 */
export async function settle(context: SessionContext, from: string, to: string, seen: string | null): Promise<"settled" | "changed"> {
  const { bare, durationSeconds } = context;
  if (!bare || !mayLie(context, from)) return "settled";
  return context.inTurn(from, async () => {
    try {
      const text = (await bare.get(from)) ?? null;
      const lying = readBare(from, text);
      if (lying && "session" in lying && text !== seen) return "changed";
      // Under its own ID a conversation is found without a pointer.
      if (from !== to) await bare.put(from, pointer(from, to), { expirationTtl: durationSeconds });
      else if (lying) await bare.delete(from);
    } catch (error) {
      context.onError(error, "note where a session went");
    }
    return "settled";
  });
}

/** What was said in a conversation that was erased or wiped does not stay behind; where it went does. */
export async function drop({ bare, durationSeconds, onError }: SessionContext, { id, movedTo }: BareSession): Promise<void> {
  try {
    if (movedTo === undefined) await bare?.delete(id);
    else await bare?.put(id, pointer(id, movedTo), { expirationTtl: durationSeconds });
  } catch (error) {
    onError(error, "remove a bare session");
  }
}
