/** Revoking all tokens of a conversation: its epoch moves on, and what was made for an older one is worth nothing. */
import { checkId, commitPlan, readHead, type Context } from "./commit.ts";
import { refuseClosed } from "./lifecycle.ts";

/** Moves the epoch on. An archived conversation stays archived. Throws for what is unknown, wiped or erased. */
export async function revokeTokens(context: Context, id: string): Promise<void> {
  checkId(context, id);
  const head = await readHead(context, id);
  await commitPlan(
    context,
    id,
    head,
    (phase, current) => {
      refuseClosed(phase);
      return { now: context.settings.clock(), tokenEpoch: (current ?? head).tokenEpoch + 1 };
    },
    { expireFirst: false },
  );
}
