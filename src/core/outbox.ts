/** Passes on what commits left in the outbox: events to the directory, what is over to the archive, text to the search index. */
import { toMessage } from "./conversation.ts";
import { readPage, readWhole, settle, type Context } from "./commit.ts";
import type { Directory, SearchText } from "./directory.ts";
import { isJsonObject, type Json } from "./json.ts";
import type { OutboxItem } from "./hot-store.ts";
import type { Head, StoredMessage } from "./head.ts";

const BATCH = 200;
const LEASE_MS = 30_000;
const TEXT_PAGE = 500;
const AT_ONCE = 8;

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
 * once, by whichever server gets its lease; one that fails stays, and comes again when its lease has passed.
 */
export async function deliver(context: Context, limit = Infinity): Promise<number> {
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

/** What another program has written, in the columns that it knows, has no version, and nobody has looked for the person in it yet. */
async function withSubjects({ settings }: Context, head: Head): Promise<Head> {
  if (head.version > 0 || head.wiped) return head;
  return { ...head, subjects: await settings.subjects.of(head.metadata, head.session) };
}

/** What was said in messages, for the search index. */
export function searchTexts(id: string, messages: readonly StoredMessage[]): SearchText[] {
  return messages.map((stored) => ({ seq: stored.seq, text: textOf(toMessage(id, stored)) }));
}
