// Fills stores with archived conversations through the ports: the same rows as their life would have left, in a fraction of the time.

import { createIdGenerator } from "../src/core/id.ts";
import type { Head, StoredMessage } from "../src/core/head.ts";
import type { Stores } from "../src/core/stores.ts";
import { METADATA, SESSION } from "./what-is-said.ts";

const AT_ONCE = 256;
const MESSAGES = 4;
const WORDS_EACH = 12;
const WORDS = 20_000;
const YEARS = 5;
const YEAR_MS = 365 * 86_400_000;
const MINUTE_MS = 60_000;

/** A word; those of small numbers are said more often, as in every language. */
function word(): string {
  return `w${Math.floor(WORDS * Math.random() ** 3)}`;
}

/** Some words to search for, of which at least a conversation in some thousands holds all. */
export function someWords(): string {
  return `w${Math.floor(50 * Math.random())} w${Math.floor(2000 * Math.random())}`;
}

function conversation(created: number): { head: Head; messages: StoredMessage[]; texts: { seq: number; text: string }[] } {
  const texts = Array.from({ length: MESSAGES }, (_, i) => ({ seq: i + 1, text: Array.from({ length: WORDS_EACH }, word).join(" ") }));
  const messages = texts.map(({ seq, text }): StoredMessage => {
    const body = JSON.stringify({ role: seq % 2 === 0 ? "assistant" : "user", content: text });
    return { seq, storedAt: created + seq * MINUTE_MS, key: `r:${seq}`, digest: null, body, size: body.length };
  });
  const over = created + MESSAGES * MINUTE_MS;
  const head: Head = {
    id: createIdGenerator({ clock: () => created }).generate("D"),
    status: "archived",
    source: METADATA.source,
    environment: "D",
    incarnation: "bench",
    version: 6,
    revision: 1,
    lastSeq: MESSAGES,
    bytes: messages.reduce((sum, { size }) => sum + size, 0),
    created,
    lastActivity: over,
    lastAccess: over,
    expiresAt: null,
    completedAt: null,
    archivedAt: over,
    archiveReason: "completed",
    wiped: false,
    warnedFor: null,
    hold: false,
    tokenEpoch: 0,
    keyring: null,
    subjects: [],
    metadata: METADATA,
    session: SESSION,
  };
  return { head, messages, texts };
}

/** Adds `count` conversations of the last five years, and answers IDs of some of them. */
export async function addArchived({ archive, directory }: Stores, count: number): Promise<string[]> {
  const some: string[] = [];
  const begin = Date.now() - YEARS * YEAR_MS;
  let next = 0;
  async function work(): Promise<void> {
    for (let i = next++; i < count; i = next++) {
      const { head, messages, texts } = conversation(Math.floor(begin + (i / count) * YEARS * YEAR_MS));
      await archive!.put({ head, messages });
      await directory!.index(head, { after: 0, messages: texts });
      if (i % Math.ceil(count / 5000) === 0) some.push(head.id);
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return some;
}
