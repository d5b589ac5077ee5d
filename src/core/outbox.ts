/** Passes on what commits left in the outbox: events to the directory, what is over to the archive, text to the search index. */
import { toMessage } from "./conversation.ts";
import { readPage, readWhole, settle, type Context } from "./commit.ts";
import type { Directory, SearchText, Unindexed } from "./directory.ts";
import { isJsonObject, type Json } from "./json.ts";
import type { OutboxItem } from "./hot-store.ts";
import type { Head, StoredMessage } from "./head.ts";

const BATCH = 200;
const LEASE_MS = 30_000;
const TEXT_PAGE = 500;
const AT_ONCE = 8;
/** Conversations of other programs, taken together. */
const WRITTEN = 100;

/** What was said in a message: `content`, `text`, or the text of its parts. */
export function textOf(message: Json): string {
  if (!isJsonObject(message)) return "";
  for (const field of [message["content"], message["text"], message["parts"]]) {
    if (typeof field === "string") return field;
    if (Array.isArray(field)) {
      const parts = field.map((part) =>
        typeof part === "string" ? part : isJsonObject(part) && typeof part["text"] === "string" ? part["text"] : "",
      );
      const text = parts.filter((part) => part !== "").join("\n");
      if (text !== "") return text;
    }
  }
  return "";
}

/**
 * Passes on until nothing is left or `limit` items are; answers how many were delivered. Each item is delivered at least
 * once, by whichever server gets its lease; one that fails stays, and comes again when its lease has passed. Without a limit
 * what other programs have written into the archive is indexed too, and counted.
 */
export async function deliver(context: Context, limit = Infinity): Promise<number> {
  let delivered = await empty(context, limit);
  if (limit !== Infinity) return delivered;
  for (;;) {
    const { indexed, more } = await indexWritten(context);
    delivered += indexed;
    if (!more) return delivered;
    // What visitors say meanwhile does not wait for all that an upgrade has brought.
    delivered += await empty(context, limit);
  }
}

async function empty(context: Context, limit: number): Promise<number> {
  const { hot } = context.stores;
  let delivered = 0;
  while (delivered < limit) {
    const items = await hot.outbox(Math.min(BATCH, limit - delivered), LEASE_MS);
    if (items.length === 0) break;
    const done = await passOn(context, items);
    if (done.length > 0) await hot.delivered(done);
    delivered += done.length;
    // All failed: the engine or the archive is down, and the next run will see.
    if (done.length === 0) break;
  }
  return delivered;
}

/** Indexes some of what other programs have written into the archive. `more`: there may be more of it. */
async function indexWritten(context: Context): Promise<{ indexed: number; more: boolean }> {
  const { directory } = context.stores;
  if (!directory?.unindexed || !directory.indexUnindexed) return { indexed: 0, more: false };
  const items = await directory.unindexed(WRITTEN, LEASE_MS);
  const left = [...items];
  let indexed = 0;
  const work = async () => {
    for (let item = left.shift(); item; item = left.shift()) {
      try {
        await indexForeign(context, directory, item);
        indexed++;
      } catch (error) {
        context.settings.onError(error, "outbox");
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, left.length) }, work));
  // What fails is leased, and does not keep the others; if all do, the engine is down.
  return { indexed, more: items.length === WRITTEN && indexed > 0 };
}

/** Indexes one of them, as it is now: where it is live, what is live counts. */
async function indexForeign(context: Context, directory: Directory, item: Unindexed): Promise<void> {
  const found = await readWhole(context, item.id, 0);
  const gone = !found || found.whole.head.wiped || found.whole.head.status === "deleted";
  const head = gone ? null : await withSubjects(context, found.whole.head);
  const messages = head && directory.capabilities.search ? await textFrom(context, directory, item.id) : [];
  if (head && found?.place === "hot" && head.version > 0) {
    await directory.index(head, directory.capabilities.search ? { after: 0, messages } : undefined);
  }
  await directory.indexUnindexed!(item, head?.subjects ?? [], messages);
}

/** What was said in a conversation from its beginning, as far as it is indexed. */
async function textFrom(context: Context, directory: Directory, id: string): Promise<SearchText[]> {
  const all: SearchText[] = [];
  let room = directory.capabilities.searchBytes;
  for (let after = 0; ;) {
    const page = (await readPage(context, id, { after, limit: TEXT_PAGE, order: "asc" })) ?? [];
    const texts = searchTexts(id, page);
    // A unit is a byte or more. What comes once it is full is counted as indexed, and not kept.
    for (const { seq, text } of texts) {
      all.push({ seq, text: room > 0 ? text : "" });
      room -= text.length;
    }
    if (page.length < TEXT_PAGE) return all;
    after = page.at(-1)!.seq;
  }
}

async function passOn(context: Context, items: readonly OutboxItem[]): Promise<string[]> {
  const { directory } = context.stores;
  const done: string[] = [];
  const events = items.filter((item) => item.event !== null);
  if (directory && events.length > 0) {
    // One call for all; settling below is what can fail for one and not for another.
    await directory.record(events.map((item) => ({ n: item.n, id: item.id, event: item.event! })));
  }
  const byConversation = [...Map.groupBy(items, (item) => item.id)];
  const work = async () => {
    for (let next = byConversation.pop(); next; next = byConversation.pop()) {
      const [id, group] = next;
      try {
        await settle(context, id);
        const marks = group.filter((item) => item.event === null);
        if (directory && marks.length > 0) await indexOne(context, directory, id, marks);
        done.push(...group.map((item) => item.n));
      } catch (error) {
        context.settings.onError(error, "outbox");
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, byConversation.length) }, work));
  return done;
}

/** Brings the directory's entry and the search text of one conversation up to date. */
async function indexOne(context: Context, directory: Directory, id: string, marks: readonly OutboxItem[]): Promise<void> {
  const found = await readWhole(context, id, 0);
  // Purged meanwhile.
  if (!found) return;
  const head = await withSubjects(context, found.whole.head);
  if (!directory.capabilities.search || head.wiped || head.status === "deleted") return directory.index(head);
  const cut = Math.min(...marks.map((mark) => mark.cut ?? Infinity));
  let after = Math.min((await directory.indexed([id]))[0] ?? 0, cut);
  for (let first = true; ; first = false) {
    const page = await readPage(context, id, { after, limit: TEXT_PAGE, order: "asc" });
    if (!page || (page.length === 0 && !first)) return;
    // Without new text a cut still removes what stood there.
    await directory.index(head, page.length > 0 || cut !== Infinity ? { after, messages: searchTexts(id, page) } : undefined);
    if (page.length < TEXT_PAGE) return;
    after = page.at(-1)!.seq;
  }
}

/**
 * What another program has written, in the columns that it knows, has no version and an incarnation with an `a`, which it keeps when it
 * comes back to life: perhaps before anybody has looked for the person in it.
 */
async function withSubjects({ settings }: Context, head: Head): Promise<Head> {
  if (head.wiped || (head.version > 0 && !head.incarnation.startsWith("a"))) return head;
  const known = head.version > 0 ? head.subjects : [];
  return { ...head, subjects: [...new Set([...known, ...(await settings.subjects.of(head.metadata, head.session))])] };
}

/** What was said in messages, for the search index. */
export function searchTexts(id: string, messages: readonly StoredMessage[]): SearchText[] {
  return messages.map((stored) => ({ seq: stored.seq, text: textOf(toMessage(id, stored)) }));
}
