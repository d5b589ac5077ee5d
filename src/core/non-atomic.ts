/**
 * Hot stores that cannot compare (`atomic: false`). Each verb is one turn. What is over is stored in the archive first,
 * which decides it, and only then leaves the hot store; what comes back with a change comes back changed, in one write.
 */
import { applyChange } from "./apply-change.ts";
import type { Archive } from "./archive.ts";
import { tell, type Context } from "./commit.ts";
import { commitWhole, newestOf } from "./commit-whole.ts";
import { ConversationError, NotSupportedError } from "./errors.ts";
import { STATUSES, type Head, type StoredMessage, type Whole } from "./head.ts";
import type { Change, Committed, HotStore } from "./hot-store.ts";
import { digestOf } from "./incoming.ts";
import { getOwn, isJsonObject } from "./json.ts";
import type { Settings } from "./settings.ts";

/** Does the work of one verb on one conversation: as it is on stores that compare, else as a turn. */
export function inTurn<T>(context: Context, id: string, work: (context: Context) => Promise<T>): Promise<T> {
  const { stores, settings } = context;
  // A text that is no ID is refused by the verb itself.
  if (!stores.hot.turn || !settings.ids.validate(id)) return work(context);
  return stores.hot.turn(id, (hot) => {
    if (!stores.archive) return work({ settings, stores: { ...stores, hot } });
    const archive = remembering(stores.archive, id, settings);
    return work({ settings, stores: { ...stores, hot: archiveFirst(hot, archive, settings.clock), archive } });
  });
}

/**
 * What is read in the archive shortly after its last activity is likely to go on: a copy of it goes back to the hot store,
 * for as long as it would have stayed there. A hot store that does not take it keeps nobody from reading.
 */
export async function copyBack(context: Context, head: Head): Promise<void> {
  const { stores, settings } = context;
  const now = settings.clock();
  const copyForMs = head.lastActivity + settings.reactivationMs - now;
  if (stores.hot.capabilities.atomic || head.status !== "archived" || head.wiped || copyForMs <= 0) return;
  try {
    const whole = await stores.archive?.read(head.id, Infinity);
    const events = [{ type: "reactivated", at: now, details: {} }];
    if (whole && (await stores.hot.create(whole, { events, copyForMs })).outcome === "done") tell(context, head.id, { now, events });
  } catch (error) {
    if (!(error instanceof ConversationError)) throw error;
    settings.onError(error, "reactivate");
  }
}

/** The archive during one turn: what it holds of this conversation is read once. */
function remembering(archive: Archive, id: string, settings: Settings): Archive {
  let known: Whole | null | undefined;
  return {
    ...archive,
    async read(asked, window) {
      if (asked !== id) return archive.read(asked, window);
      if (known === undefined) {
        const found = await archive.read(id, Infinity);
        known = found && { head: found.head, messages: await withKeys(found.messages, settings) };
      }
      return known && { head: known.head, messages: newestOf(known.messages, window) };
    },
    async put(whole, options) {
      const result = await archive.put(whole, options);
      if (whole.head.id === id) known = result === "stored" ? whole : undefined;
      return result;
    },
    async erase(asked, entry) {
      if (asked === id) known = undefined;
      return archive.erase(asked, entry);
    },
  };
}

/** An archive of few columns keeps no keys of messages (`a:`): they are made again of the messages' own ids, so that a late retry is known as one. */
async function withKeys(messages: readonly StoredMessage[], settings: Settings): Promise<StoredMessage[]> {
  const ids = new Set(messages.map(({ key }) => key));
  const keyed: StoredMessage[] = [];
  for (const message of messages) {
    const id = message.key.startsWith("a:") ? idIn(message.body) : null;
    // Of an id that is there twice, which only transcripts saved whole have, the first one counts.
    if (id === null || ids.has(`i:${id}`)) {
      keyed.push(message);
    } else {
      ids.add(`i:${id}`);
      keyed.push({ ...message, key: `i:${id}`, digest: await digestOf(message.body, settings) });
    }
  }
  return keyed;
}

function idIn(body: string): string | null {
  const message: unknown = body.includes('"id"') ? JSON.parse(body) : null;
  const id = isJsonObject(message) ? getOwn(message, "id") : null;
  return typeof id === "string" && id !== "" ? id : null;
}

/** The hot store of a turn, with the archive behind it. */
function archiveFirst(hot: HotStore, archive: Archive, clock: () => number): HotStore {
  return {
    ...hot,
    async create(whole, options = {}) {
      const refused = options.copyForMs === undefined && isOver(whole.head) ? await keep(archive, whole) : null;
      return refused ?? hot.create(whole, options);
    },
    async commit(id, change) {
      const toArchive = change.hold !== undefined || change.step?.to === "archived" || change.step?.to === "deleted";
      if (!toArchive) {
        const result = await hot.commit(id, change);
        if (result.outcome !== "absent") return result;
      }
      const here = await hot.read(id, Infinity);
      const whole = here ?? (await archive.read(id, Infinity));
      if (!whole) return { outcome: "absent" };
      const { committed, next } = commitWhole(whole, change, clock());
      // Messages that were all there already bring nothing back.
      if (committed.outcome !== "done" || (!here && next.head.version === whole.head.version)) return committed;
      if (toArchive && isOver(next.head)) {
        const refused = await keep(archive, next);
        if (refused || mayLeave(next.head)) {
          if (here) await hot.remove(id, whole.head.version);
          return refused ?? committed;
        }
      }
      const written = here ? await hot.commit(id, change) : await hot.create(next, { events: eventsOf(change) });
      return written.outcome === "done" ? committed : written;
    },
  };
}

function eventsOf({ events = [] }: Change): NonNullable<Change["events"]> {
  return events;
}

function isOver({ status }: Head): boolean {
  return status === "archived" || status === "deleted";
}

/** What an archive of few columns cannot tell (a hold, a wiping) stays in the hot store, and so does a tombstone: small, and read first. */
function mayLeave({ status, hold, wiped }: Head): boolean {
  return status === "archived" && !hold && !wiped;
}

/** Stores what is over in the archive. Null: it is there; otherwise the archive knows something newer, which is what the commit answers. */
async function keep(archive: Archive, whole: Whole): Promise<Committed | null> {
  const { head } = whole;
  if (head.status === "deleted" && (await erased(archive, head)) === "held") return { outcome: "refused", head: { ...head, hold: true } };
  const result = await archive.put(whole);
  if (result === "stored") return null;
  const there = (await archive.read(head.id, 0))?.head ?? null;
  if (result === "erased") return { outcome: "refused", head: there ?? tombstone(head) };
  return there && there.version > head.version ? { outcome: "refused", head: there } : null;
}

/** Notes an erasure in the log; an archive without one is only overwritten. */
async function erased(archive: Archive, head: Head): Promise<unknown> {
  try {
    return await archive.erase(head.id, { at: head.archivedAt ?? head.lastActivity, by: "erase" });
  } catch (error) {
    if (error instanceof NotSupportedError) return null;
    throw error;
  }
}

function tombstone(head: Head): Head {
  const now = head.lastActivity;
  return applyChange(head, { now, step: { from: STATUSES, to: "deleted" }, wipe: true }, { count: 0, bytes: 0 }, now).head;
}
