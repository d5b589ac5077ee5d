/** The sweep: archives what has expired, says `expiring` an hour before, moves what is over out of the hot store, overwrites what was wiped. */
import type { SweepResult } from "./conversations.ts";
import { expire, settle, tell, type Context } from "./commit.ts";
import type { Head } from "./head.ts";
import { inTurn } from "./non-atomic.ts";
import { deliver } from "./outbox.ts";
import { isoTime } from "./conversation.ts";
import { verbInput } from "./settings.ts";

const HOUR = 3_600_000;
const BATCH = 100;
const LEASE_MS = 60_000;

/** The earlier of our clock and the engine's: neither of them alone can archive what is still alive. What a visitor went on with is seen by then. */
async function sweepTime({ stores: { hot }, settings }: Context): Promise<number> {
  return Math.min(settings.clock(), (await hot.probe()).now) - (hot.capabilities.staleMs ?? 0);
}

/** Takes what is due in batches and handles each; what fails is leased again later. Answers how many were handled. */
async function each(
  context: Context,
  what: "expire" | "warn" | "move",
  before: number,
  handle: (head: Head) => Promise<boolean>,
): Promise<number> {
  let handled = 0;
  for (;;) {
    const due = await context.stores.hot.take(what, before, BATCH, LEASE_MS);
    const results = await Promise.all(
      due.map(async (head) => {
        try {
          return await handle(head);
        } catch (error) {
          context.settings.onError(error, `sweep: ${what}`);
          return false;
        }
      }),
    );
    handled += results.filter(Boolean).length;
    if (due.length < BATCH) return handled;
  }
}

/** Says `expiring` once for each expiry time. */
async function warn(context: Context, head: Head): Promise<boolean> {
  const { now } = verbInput(context.settings);
  if (head.expiresAt === null) return false;
  const change = {
    now,
    require: { openAt: now },
    warnedFor: head.expiresAt,
    events: [{ type: "expiring", at: now, details: { expiresAt: isoTime(head.expiresAt) } }],
  };
  // It may have been accessed since it was taken: then it expires later, and is warned of later.
  const current = (await context.stores.hot.read(head.id, 0))?.head;
  if (current?.expiresAt !== head.expiresAt || current.warnedFor === head.expiresAt) return false;
  const result = await context.stores.hot.commit(head.id, change);
  if (result.outcome === "done") tell(context, head.id, change);
  return result.outcome === "done";
}

/** Out of the hot store, once the archive has this very version. */
async function move(context: Context, head: Head): Promise<boolean> {
  const { archive, hot } = context.stores;
  if (!archive || !(await settle(context, head.id))) return false;
  const there = (await archive.read(head.id, 0))?.head;
  if (!there || there.version !== head.version || there.incarnation !== head.incarnation) return false;
  return hot.remove(head.id, head.version);
}

/** One run. With `dryRun` it counts what has expired and changes nothing. Safe on several servers at once. */
export async function sweep(context: Context, options: { dryRun?: boolean } = {}): Promise<SweepResult> {
  const { stores, settings } = context;
  const now = await sweepTime(context);
  if (options.dryRun) return countDue(context, now);
  const result: SweepResult = { archived: 0, warned: 0, moved: 0, delivered: 0 };
  if (stores.hot.capabilities.due === "take") {
    result.archived = await each(context, "expire", now, (head) =>
      // Where commits cannot compare, the archive has it first.
      inTurn(context, head.id, async (turn) => (await expire(turn, head.id)).done),
    );
    result.warned = await each(context, "warn", now + HOUR, (head) => warn(context, head));
  }
  result.delivered = await deliver(context);
  if (stores.archive && stores.hot.capabilities.atomic && stores.hot.capabilities.due === "take") {
    // Coming back soon is no copying, and a late retry still finds its idempotency entry.
    const stay = Math.max(settings.reactivationMs, settings.onceMs);
    result.moved = await each(context, "move", now - stay, (head) => move(context, head));
  }
  await stores.hot.scrub();
  await stores.archive?.scrub();
  return result;
}

async function countDue({ stores, settings }: Context, now: number): Promise<SweepResult> {
  const result: SweepResult = { archived: 0, warned: 0, moved: 0, delivered: 0 };
  const stay = Math.max(settings.reactivationMs, settings.onceMs);
  for (let after: string | null = null; ;) {
    const heads: Head[] = await stores.hot.scan(after, 1000);
    for (const head of heads) {
      const open = head.status === "active" || head.status === "completed";
      if (open && head.expiresAt !== null) {
        if (head.expiresAt <= now) result.archived++;
        else if (head.expiresAt <= now + HOUR && head.warnedFor !== head.expiresAt) result.warned++;
      } else if (!open && stores.archive && stores.hot.capabilities.atomic && (head.archivedAt ?? 0) <= now - stay) result.moved++;
    }
    if (heads.length === 0) return result;
    after = heads.at(-1)!.id;
  }
}
