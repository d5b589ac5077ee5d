/** What is new in conversations since the last look at them: versions are compared first, and only what has changed is read. */
import { isoTime } from "../core/conversation.ts";
import type { Head } from "../core/head.ts";
import type { ConversationManager } from "../core/manager.ts";
import { newestMessages, type Placed } from "./newest-messages.ts";
import { inTime, type News } from "./news.ts";

/** Looks at conversations, again and again. */
export interface Watch {
  /** The news since the last look, oldest first. The first look only learns what is there. */
  look(heads: AsyncIterable<Head>): Promise<News[]>;
}

/** What was seen of a conversation: its version, the newest message, and a time that no message was later than. */
interface Seen {
  readonly version: number;
  readonly warnedFor: number | null;
  readonly seq: number;
  readonly until: string;
}

/** So long, and for at least so many looks, the events of a change are waited for: they are passed on after it, by a server within a second. */
const EVENTS_WITHIN_MS = 5000;
const EVENTS_LOOKS = 3;
const EVENTS_PAGE = 100;
/** So much earlier than its commit a message or an event may say that it was. */
const EARLIER_MS = 10_000;
/** How many messages a conversation may have that was not there before. */
const FEW = 20;

function seenOf({ version, warnedFor, lastSeq, lastActivity }: Head): Seen {
  return { version, warnedFor, seq: lastSeq, until: isoTime(lastActivity) };
}

/** Makes a watch over conversations of a manager. */
export function createWatch(manager: ConversationManager): Watch {
  const { clock } = manager.settings;
  const since = clock();
  /** When the look before began: what is new was committed after it. */
  let lastLook = since;
  let seen: Map<string, Seen> | null = null;
  const waiting = new Map<string, { from: number; until: number; looks: number }>();
  const told = new Map<string, Set<string>>();

  /** The messages that came. Of a conversation that was not there before, and may have come from the archive, those said of late. */
  async function newMessages(head: Head, before: Seen | undefined): Promise<Placed[]> {
    if (head.wiped || head.status === "deleted") return [];
    const { seq, until } = before ?? { seq: Infinity, until: isoTime(lastLook - EARLIER_MS) };
    return newestMessages(manager, head.id, {
      about: before ? head.lastSeq - seq + 1 : FEW,
      // A transcript may have been replaced from somewhere on: what was stored later is new, whatever its place.
      wanted: (message) => message.seq > seq || message.storedAt > until,
    });
  }

  async function newEvents(id: string, from: number): Promise<News[]> {
    const { directory } = manager.stores;
    const news: News[] = [];
    const known = told.get(id) ?? new Set();
    for (let cursor: string | null | undefined; directory && cursor !== null;) {
      const page = await directory.events(id, cursor ?? null, EVENTS_PAGE);
      for (const { type, at, details } of page.events) {
        // Erasing empties the details of what was told before.
        const key = `${at} ${type}`;
        if (at < from || known.has(key)) continue;
        known.add(key);
        news.push({ id, event: type, at: isoTime(at), details });
      }
      cursor = page.next;
    }
    if (known.size > 0) told.set(id, known);
    return news;
  }

  async function awaited(): Promise<News[]> {
    const news: News[] = [];
    for (const [id, wait] of waiting) {
      news.push(...(await newEvents(id, wait.from)));
      wait.looks--;
      if (wait.looks <= 0 && clock() >= wait.until) waiting.delete(id);
    }
    for (const id of told.keys()) if (!waiting.has(id) && !seen?.has(id)) told.delete(id);
    return news;
  }

  return {
    async look(heads) {
      const news: News[] = [];
      const now = new Map<string, Seen>();
      const began = clock();
      for await (const head of heads) {
        const before = seen?.get(head.id);
        now.set(head.id, before ?? seenOf(head));
        if (seen === null || (before?.version === head.version && before.warnedFor === head.warnedFor)) continue;
        const messages = await newMessages(head, before);
        const last = messages.at(-1);
        const next = seenOf(head);
        // What was read may be newer than the head.
        if (!last) now.set(head.id, next);
        else now.set(head.id, { ...next, seq: last.seq, until: last.storedAt > next.until ? last.storedAt : next.until });
        news.push(...messages.map((message) => ({ id: head.id, ...message })));
        waiting.set(head.id, {
          from: waiting.get(head.id)?.from ?? Math.max(since, lastLook - EARLIER_MS),
          until: clock() + EVENTS_WITHIN_MS,
          looks: EVENTS_LOOKS,
        });
      }
      seen = now;
      lastLook = began;
      // Of one time the events come first: what was created with messages was created before them.
      return inTime([...(await awaited()), ...news]);
    },
  };
}
